"""What plans and tables need to know of methods, without loading them.

A method's module brings in PyTorch, which takes longer than everything else in a call that has nothing to
train. So what is said of the methods is kept in a file, for as long as their source is the same.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strokebench.errors import StrokebenchError
from strokebench.files import digest, home, read_json, write_json

if TYPE_CHECKING:
    from strokebench.methods.base import Method

REGISTRY, ENTRY_POINTS = "strokebench.methods.registry", "strokebench.methods"
_ROOMS = ("datasets", "methods", "tasks")
"""What a method is made of; its defaults may come from any of them."""


@dataclass(frozen=True)
class Described:
    """A method as plans and tables see it.

    Args:
        module: where its class is defined.
        defaults: hyper-parameters as `get_params` gives them.
        notes: sections of its docstring.
    """

    name: str
    label: str
    family: str
    uses: frozenset[str]
    module: str
    defaults: Mapping[str, Any]
    notes: Mapping[str, str]


def described_methods() -> dict[str, Described]:
    """Every registered method by name, in the registry's order.

    Raises:
        StrokebenchError: two methods of one name.
    """
    # Another package's methods may change without a file of ours changing; and what is loaded costs no more.
    if REGISTRY in sys.modules or _of_others():
        return _ask()
    return _kept()


def described(name: str) -> Described:
    """The method of this name.

    Raises:
        StrokebenchError: there is none, or the package that brings it is broken.
    """
    methods = described_methods()
    if name not in methods:
        from strokebench.methods.registry import find_method

        find_method(name)
    return methods[name]


@cache
def _of_others() -> bool:
    return bool(entry_points(group=ENTRY_POINTS))


def _ask() -> dict[str, Described]:
    from strokebench.methods.registry import all_methods

    return {name: _describe(method) for name, method in all_methods().items()}


@cache
def _describe(method: type[Method]) -> Described:
    defaults = method().get_params()
    return Described(
        method.name, method.label, str(method.family), method.uses, method.__module__, defaults, method.notes()
    )


@cache
def _kept() -> dict[str, Described]:
    path = home("methods", f"{_source_digest()[:16]}.json")
    try:
        methods = [_from_json(stored) for stored in read_json(path)]
    except (StrokebenchError, KeyError, TypeError, ValueError):
        found = _ask()
        kept = [_to_json(method) for method in found.values()]
        # A default that JSON cannot hold would come back as another: such methods are asked every time.
        if _survives_json(kept):
            write_json(path, kept)
        return found
    return {method.name: method for method in methods}


def _survives_json(value: Any) -> bool:
    try:
        return digest(json.loads(json.dumps(value))) == digest(value)
    except (TypeError, ValueError):
        return False


def _to_json(method: Described) -> dict[str, Any]:
    # Pairs: JSON with sorted keys would lose the order of the notes.
    return {**asdict(method), "uses": sorted(method.uses), "notes": list(method.notes.items())}


def _from_json(stored: Mapping[str, Any]) -> Described:
    return Described(**{**stored, "uses": frozenset(stored["uses"]), "notes": dict(stored["notes"])})


def _source_digest() -> str:
    """Hash of the sources of all methods, word for word: their docstrings become notes."""
    hashed = sha256(sys.version.encode())
    for room in _ROOMS:
        folder = Path(__file__).parents[2] / room
        if not folder.is_dir():
            raise StrokebenchError(f"{folder} is not there: strokebench is not installed as a whole.")
        for path in sorted(folder.rglob("*.py")):
            hashed.update(f"\0{room}/{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return hashed.hexdigest()
