"""What plans and tables need to know of methods, without loading them.

A method's module brings in PyTorch, which takes longer than everything else in a call that has nothing to train. So
what is said of the house's methods is read from their files as they are written.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from strokebench.benchmarks.keys.reading import bases_of, dotted_name, member_name
from strokebench.benchmarks.keys.sources import FOLDERS, Module, find_module
from strokebench.methods.notes import docstring_sections
from strokebench.plugins import plugins
from strokebench.tasks.inputs import modalities_of

METHODS, BASE, REGISTRY = "strokebench.methods", "strokebench.methods.base", "strokebench.methods.registry"
_OWN_WAYS = {"__init__", "__new__", "__post_init__", "get_params"}
"""Members by which a class may say something else of itself than what is written in it."""


@dataclass(frozen=True)
class Described:
    """A method as plans and tables see it.

    Args:
        module, cls: where its class is defined, and its name there; empty where it is made by others.
        defaults: hyper-parameters as `get_params` gives them.
        notes: sections of its docstring.
        paper_row: its row in the paper's Table 1.
        as_given: whether its class takes hyper-parameters as they are given.
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
    as_given: bool = False


def described_methods() -> dict[str, Described]:
    """Every registered method by name, in the registry's order.

    Raises:
        StrokebenchError: two methods of one name.
    """
    # What a script or a notebook has registered, or another package brings, is known to the registry alone.
    if REGISTRY in sys.modules or plugins("method"):
        return {name: _ask(method) for name, method in import_module(REGISTRY).all_methods().items()}
    return _of_the_house()


def described(name: str) -> Described:
    """The method of this name.

    Raises:
        StrokebenchError: there is none, or the package that brings it is broken.
    """
    methods = described_methods()
    return methods[name] if name in methods else _ask(import_module(REGISTRY).find_method(name))


def all_params(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """All hyper-parameters of a method, some of which are given.

    Raises:
        Exception: whatever the method raises of those that are given.
    """
    method = described(name)
    if method.as_given and given.keys() <= method.defaults.keys():
        return {**method.defaults, **given}
    return import_module(REGISTRY).find_method(name)(**given).get_params()


@cache
def _ask(method: type[Any]) -> Described:
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
    )


@cache
def _of_the_house() -> dict[str, Described]:
    found = []
    names = sorted(f"{METHODS}.{path.stem}" for folder in FOLDERS for path in folder.glob("methods/*.py"))
    for module in filter(None, map(find_module, names)):
        for cls in module.classes():
            if any(dotted_name(decorator) == "register" for decorator in cls.decorator_list):
                found.append(_read(module, cls))
    families = list(_enum(BASE, "Family").values())
    ordered = sorted(found, key=lambda m: (families.index(m.family), m.paper_row or 99, m.label))
    return {method.name: method for method in ordered}


def _read(module: Module, cls: ast.ClassDef) -> Described:
    """What is written in a class and its bases; one that says something by other means is loaded and asked."""
    members = {own: node for _, each in _lineage(module, cls) for node in each.body if (own := member_name(node))}
    values = {own: node.value for own, node in members.items() if isinstance(node, ast.Assign | ast.AnnAssign)}
    try:
        if _OWN_WAYS & members.keys():
            raise ValueError("what is written need not be what is made of it")
        return Described(
            name=_literal(values["name"]),
            label=_literal(values["label"]),
            family=_enum(BASE, "Family")[dotted_name(values["family"] or ast.Pass()).removeprefix("Family.")],
            uses=modalities_of(_literal(values["reads"])),
            module=module.name,
            cls=cls.name,
            defaults={own: _literal(values[own]) for own in sorted(members) if _is_parameter(members[own])},
            notes=docstring_sections(ast.get_docstring(cls) or ""),
            paper_row=_literal(values["paper_row"]),
            as_given=True,
        )
    except (KeyError, ValueError):
        return _ask(getattr(import_module(module.name), cls.name))


def _lineage(module: Module, cls: ast.ClassDef) -> Iterator[tuple[Module, ast.ClassDef]]:
    """The class and its bases in the house, from the most general on."""
    for base in reversed(list(bases_of(module, cls))):
        yield from _lineage(*base)
    yield module, cls


def _literal(node: ast.expr | None) -> Any:
    if node is None:
        raise ValueError("no value")
    return ast.literal_eval(node)


def _is_parameter(node: ast.stmt) -> bool:
    """Whether a statement of a class makes a field that is an argument; what `field()` makes is set by `fit`."""
    if not isinstance(node, ast.AnnAssign) or "ClassVar" in ast.unparse(node.annotation):
        return False
    made = node.value if isinstance(node.value, ast.Call) and dotted_name(node.value.func) == "field" else None
    return not any(each.arg == "init" and not _literal(each.value) for each in (made.keywords if made else ()))


def _enum(module: str, name: str) -> dict[str, str]:
    """Names and values of an enumeration of strings, in order."""
    found = find_module(module)
    classes = [cls for cls in found.classes() if cls.name == name] if found else []
    return {member_name(node): _literal(node.value) for node in classes[0].body if isinstance(node, ast.Assign)}
