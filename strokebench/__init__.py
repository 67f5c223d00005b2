"""A benchmark suite for prognosis after ischaemic stroke from MRI, diagnostic text and a clinical table.

The names below are loaded when they are first used, so that `import strokebench` takes milliseconds; they are listed,
for type checkers too, in the stub file beside this one, as those of every room are.

>>> import strokebench
>>> cohort = strokebench.load_cohort("virtual")  # doctest: +SKIP
>>> strokebench.find_method("vdafm").label
'VDAFM'
>>> [result.passed for result in strokebench.check(strokebench.find_method("svm"), ["parameters"])]
[True]
"""

from importlib.metadata import version

import lazy_loader

__version__ = version("strokebench")
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
