"""How is a prognosis made? One file a method.

The names in the stub file beside this one are loaded when they are first used.

>>> from strokebench.methods import find_method
>>> find_method("concat").reads
('image.vector', 'text', 'table')
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
