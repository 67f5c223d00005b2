"""What is predicted, on which patients, and how is it judged?

The names in the stub file beside this one are loaded when they are first used.

>>> from strokebench.tasks import parse_endpoint
>>> parse_endpoint("mrs > 2").name
'mrs_gt_2'
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
