"""Which methods exist: every class marked `@register` here or in `reference`, and other packages' by entry point."""

from typing import Any, TypeVar

from strokebench.methods.base import Family, Method
from strokebench.plugins import Registry, require_library

MethodClass = TypeVar("MethodClass", bound=type[Method])


def _is_method(name: str, thing: Any) -> bool:
    # One that cannot be made with its defaults would stop every list of methods.
    return isinstance(thing, type) and issubclass(thing, Method) and isinstance(thing(), Method) and thing.name == name


METHODS: Registry[type[Method]] = Registry(
    "method", _is_method, folders=("strokebench.methods", "strokebench.methods.reference")
)


def register(method: MethodClass) -> MethodClass:
    """Class decorator: the method joins tables, grids and checks under its `name`.

    Raises:
        StrokebenchError: the name is taken by another class.
    """
    METHODS.add(method.name, method)
    return method


def all_methods(on_request: bool = False) -> dict[str, type[Method]]:
    """Every method that can be used, by name: by family, then by row of the paper's Table 1, then by label.

    Args:
        on_request: with those that join only where they are named, whether or not their library is installed.
    """
    families = list(Family)
    found = [method for method in METHODS.all().values() if on_request or not method.library]
    ordered = sorted(found, key=lambda m: (families.index(m.family), m.paper_row or 99, m.label))
    return {method.name: method for method in ordered}


def find_method(name: str) -> type[Method]:
    """The method of this name.

    Raises:
        StrokebenchError: there is none, the package that brings it is broken, or its library is not installed.
    """
    method = METHODS.find(name)
    require_library(method.library, name)
    return method
