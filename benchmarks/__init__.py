"""Which experiments exist, and how are they run?

The names in the stub file beside this one are loaded when they are first used.

>>> from strokebench.benchmarks import all_experiments
>>> list(all_experiments())[:3]
['table1', 'added_value', 'comparison']
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
