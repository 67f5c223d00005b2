"""Which methods exist: every class marked `@register` in this folder, and other packages' by entry point."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib.metadata import entry_points
from typing import TypeVar

import strokebench.methods
from strokebench.errors import StrokebenchError
from strokebench.methods.base import Family, Method

ENTRY_POINTS = "strokebench.methods"
_registered: dict[str, type[Method]] = {}
MethodClass = TypeVar("MethodClass", bound=type[Method])


def register(method: MethodClass) -> MethodClass:
    """Class decorator: the method joins tables, grids and checks under its `name`.

    Raises:
        StrokebenchError: the name is taken by another class.
    """
    other = _registered.setdefault(method.name, method)
    if (other.__module__, other.__qualname__) != (method.__module__, method.__qualname__):
        raise StrokebenchError(f"Two methods are called {method.name!r}: {other} and {method}.", "Rename one.")
    return method


@cache
def _discover() -> None:
    for module in pkgutil.iter_modules(strokebench.methods.__path__):
        importlib.import_module(f"{strokebench.methods.__name__}.{module.name}")
    for point in entry_points(group=ENTRY_POINTS):
        try:
            register(point.load())
        except StrokebenchError:
            raise
        except Exception as error:
            raise StrokebenchError(
                f"Method {point.name!r} of another package cannot be loaded ({point.value}): {error}",
                "Mend or uninstall that package.",
            ) from error


def all_methods() -> dict[str, type[Method]]:
    """Every registered method by name: by family, then by row of the paper's Table 1, then by label."""
    _discover()
    families = list(Family)
    ordered = sorted(_registered.values(), key=lambda m: (families.index(m.family), m.paper_row or 99, m.label))
    return {method.name: method for method in ordered}


def find_method(name: str) -> type[Method]:
    """The method of this name.

    Raises:
        StrokebenchError: there is none; names those that exist.
    """
    methods = all_methods()
    if name not in methods:
        raise StrokebenchError(f"No method is called {name!r}.", f"Choose from: {', '.join(methods)}.")
    return methods[name]
