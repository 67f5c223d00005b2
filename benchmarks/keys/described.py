"""What plans and tables need to know of methods, without loading them.

A method's module brings in PyTorch, which takes longer than everything else in a call that has nothing to train. So
what the house's methods say of themselves is kept as long as the house's code is the same.
"""

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from importlib import import_module
from typing import Any

from strokebench.benchmarks.keys.sources import house_sha256
from strokebench.errors import StrokebenchError
from strokebench.files import home, read_json, write_text
from strokebench.plugins import plugins, require_library
from strokebench.tasks.paper_setup import REFERENCE

REGISTRY = "strokebench.methods.registry"


@dataclass(frozen=True)
class Described:
    """A method as plans and tables see it.

    Args:
        module, cls: where its class is defined, and its name there; empty where it is made by others.
        defaults: hyper-parameters as `get_params` gives them.
        notes: sections of its docstring.
        paper_row: its row in the paper's Table 1.
        needs: roles without which it is left out.
        library: of an extra, that it stands on; it then joins only where it is named.
        about: the first paragraph of its docstring, as one line.
    """

    name: str
    label: str
    family: str
    uses: frozenset[str]
    module: str
    cls: str
    defaults: Mapping[str, Any]
    notes: Mapping[str, str]
    paper_row: int | None
    needs: tuple[str, ...]
    library: str
    about: str

    @property
    def path(self) -> str:
        """Where its class is defined, with dots."""
        return f"{self.module}.{self.cls}".rstrip(".")

    @property
    def is_reference(self) -> bool:
        """Whether it is none of the paper's, and stands beside them to be held against."""
        return self.family == REFERENCE


def described_methods() -> dict[str, Described]:
    """Every registered method by name, in the registry's order.

    Raises:
        StrokebenchError: two methods of one name.
    """
    known = sys.modules[REGISTRY].METHODS.own.values() if REGISTRY in sys.modules else ()
    # What a script or a notebook has registered, or another package brings, is known to the registry alone.
    if plugins("method") or not all(method.__module__.startswith("strokebench.methods.") for method in known):
        return {name: describe(method) for name, method in import_module(REGISTRY).all_methods(on_request=True).items()}
    return _of_the_house()


def described(name: str) -> Described:
    """The method of this name.

    Raises:
        StrokebenchError: there is none, or the package that brings it is broken.
    """
    methods = described_methods()
    return methods[name] if name in methods else describe(import_module(REGISTRY).find_method(name))


def usable(name: str) -> Described:
    """The method of this name, by whoever wants to compute with it.

    Raises:
        StrokebenchError: see `described`; or its library is not installed.
    """
    method = described(name)
    require_library(method.library, name)
    return method


def all_params(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """All hyper-parameters of a method, some of which are given.

    Raises:
        Exception: whatever the method raises of those that are given.
    """
    method = described(name)
    # The house's methods take them as they are.
    if method.module.startswith("strokebench.methods.") and given.keys() <= method.defaults.keys():
        return {**method.defaults, **given}
    return import_module(REGISTRY).find_method(name)(**given).get_params()


def first_words(thing: object) -> str:
    """The first paragraph of a docstring, as one line."""
    return " ".join((thing.__doc__ or "").strip().partition("\n\n")[0].split())


@cache
def describe(method: type[Any]) -> Described:
    """A method by its class."""
    return Described(
        name=method.name,
        label=method.label,
        family=str(method.family),
        uses=method.uses,
        module=method.__module__,
        # Of a class that a function makes, the whole module counts.
        cls=method.__qualname__ if "." not in method.__qualname__ else "",
        defaults=method().get_params(),
        notes=method.notes(),
        paper_row=method.paper_row,
        needs=method.needs,
        library=method.library,
        about=first_words(method),
    )


@cache
def _of_the_house() -> dict[str, Described]:
    path = home("methods", f"{house_sha256()[:16]}.json")
    try:
        found = read_json(path)
    except StrokebenchError:
        registry = import_module(REGISTRY)
        methods = registry.all_methods(on_request=True).values()
        found = [{**asdict(describe(method)), "uses": sorted(method.uses)} for method in methods]
        # Where a library is not installed, some are left out, and are not to stay so.
        if not registry.METHODS.discover():
            # In their own order, in which notes are shown. A worker of a cluster may have no place to write to.
            with suppress(OSError):
                write_text(path, json.dumps(found))
    return {
        about["name"]: Described(**{**about, "uses": frozenset(about["uses"]), "needs": tuple(about["needs"])})
        for about in found
    }
