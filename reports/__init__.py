"""What do the results say? Reads predictions; never trains.

The names in the stub file beside this one are loaded when they are first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
