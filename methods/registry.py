"""Which methods exist: every class marked `@register` here or in `reference`, and other packages' by entry point."""

from typing import Any, TypeVar

from strokebench.errors import StrokebenchError
from strokebench.files import is_plain_json
from strokebench.methods.base import Family, Method
from strokebench.plugins import Registry, require_library

MethodClass = TypeVar("MethodClass", bound=type[Method])


def ill_described(method: type[Method]) -> str:
    """What is wrong with how a class describes itself, of what every list and table needs; empty where nothing is."""
    for attribute in ("name", "label", "family", "reads"):
        if not hasattr(method, attribute):
            return f"The class has no {attribute!r}."
    if not (method.name.isidentifier() and method.name.islower()):
        return f"name {method.name!r} is not snake_case."
    if not method.label.strip():
        return "label is empty."
    if method.family not in list(Family):
        return f"family {method.family!r} is not a Family."
    if not (isinstance(method.reads, tuple) and method.uses):
        return f"reads {method.reads!r} is not a tuple of arrays."
    return ""


def _is_method(name: str, thing: Any) -> bool:
    if not (isinstance(thing, type) and issubclass(thing, Method) and getattr(thing, "name", "") == name):
        return False
    # One that cannot be made with its defaults, or be told from another, would stop every list and plan of methods.
    odd = [parameter for parameter, value in thing().get_params().items() if not is_plain_json(value)]
    if problem := ill_described(thing) or (odd and f"The hyper-parameter {odd[0]} is no plain JSON."):
        raise StrokebenchError(problem)
    return True


METHODS: Registry[type[Method]] = Registry(
    "method", _is_method, folders=("strokebench.methods", "strokebench.methods.reference")
)


def register(method: MethodClass) -> MethodClass:
    """Class decorator: the method joins tables, grids and checks under its `name`.

    Raises:
        StrokebenchError: the name is taken by another class, or the class lacks a name or something else.
    """
    if problem := ill_described(method):
        raise StrokebenchError(f"{method.__module__}.{method.__qualname__} is no whole method: {problem}")
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
