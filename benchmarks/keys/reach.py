"""Which definitions does a piece of work reach? Functions, classes and constants, found without running anything."""

import ast
import importlib
import sys
from collections.abc import Iterable
from copy import copy
from functools import cache

from strokebench.benchmarks.keys.reading import Statement, bases_of, dotted_name, member_name
from strokebench.benchmarks.keys.sources import Module, find_module, full_name, is_library, resolve
from strokebench.errors import StrokebenchError
from strokebench.files import digest

NEUTRAL = {
    "strokebench.plugins": "finds things by name",
    "strokebench.errors": "says that something is wrong",
    "strokebench.files": "says where files lie",
    "strokebench.methods.registry": "says which methods there are; the one that is run is reached by itself",
    "strokebench.benchmarks.running.memory": "measures",
    "strokebench.tasks.preparing.balancing.BALANCERS": "finds them by name; the one that is used is reached by itself",
}
"""Modules and constants that never decide what comes out, and why. A decorator of theirs decides nothing either."""

BY_NAME = {
    "search_space": "what tuning draws from; what it drew are hyper-parameters",
    "notes": "for reports",
    "label": "for reports",
    "family": "for reports",
    "paper_row": "for reports",
    "library": "whether it can be used here; its version counts by itself",
    "published": "to have it at hand; the fit names what it reads",
    "never_saved": "after the fit",
    "save": "after the fit",
    "load": "after the fit",
    "_save_model": "after the fit",
    "_load_model": "after the fit",
}
"""Members of a class that count only where something that is reached names them, and why."""

PARTLY = {"strokebench.tasks.endpoint:Endpoint": "a fit uses its losses and scores, not how labels and texts are read"}
"""Classes of which, and of those that derive from them, each member counts only where it is named, and why."""

_MADE_BY = ("__init__", "__new__", "__post_init__")


class Reached:
    """Everything that is reached from some definitions.

    A class that is named counts with all its members but those of `BY_NAME`. Of one that only annotations name,
    whose instances were made elsewhere, those members count that are named behind a dot (or in a string, for
    `getattr`). So a field that nothing reads costs nothing. In doubt more is reached: whatever a name may stand for,
    and a module as a whole where it is used as a value.

    Args:
        roots: definitions, with dots.
        instances: classes of which instances are handed in, likewise.

    Attributes:
        definitions: what each does, by module and name.
        packages: of libraries that these name.

    Raises:
        StrokebenchError: a root without source.
    """

    def __init__(self, roots: Iterable[str], instances: Iterable[str] = ()) -> None:
        self.definitions: dict[str, set[str]] = {}
        self.packages: set[str] = set()
        self._seen: set[tuple[str, bool]] = set()
        self._imported: set[str] = set()
        self._attributes: set[str] = set()
        self._waiting: dict[str, list[tuple[Module, str, ast.stmt]]] = {}
        roots = list(roots)
        for root in roots:
            if resolve(root)[0] is None and not is_library(root.partition(".")[0]):
                raise StrokebenchError(
                    f"The source of {root} cannot be found, so its results cannot be told from older ones.",
                    "Define it in a file that Python imports.",
                )
        self._pending = [(name, True) for name in roots] + [(name, False) for name in instances]
        while self._pending:
            self._follow(*self._pending.pop())

    @property
    def sha256(self) -> str:
        """Hash of what is reached."""
        return digest({name: sorted(texts) for name, texts in self.definitions.items()})

    def _follow(self, full: str, whole: bool) -> None:
        """Add what a name with dots stands for; it is `whole` where not annotations alone name it."""
        if (full, whole) in self._seen:
            return
        self._seen.add((full, whole))
        module, name = resolve(full)
        if module and {module.name, full} & NEUTRAL.keys():
            return
        if whole:
            # A plugin's source has a version too.
            self._call(full)
        if module is None:
            return
        if whole:
            self._effects(module)
        if name in module.definitions:
            for node in module.definitions[name]:
                if isinstance(node, ast.ClassDef):
                    self._add_class(module, name, node, whole)
                elif whole:
                    self._read(module, name, node)
                elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value:
                    # Another name for a type.
                    self._pending += [(each, False) for each in _reading(module, node.value).names]
        elif name in module.imports:
            self._pending.append((module.imports[name], whole))
        elif module.stars and name:
            self._pending += [(f"{star}.{name}", whole) for star in module.stars]
        elif name and "__getattr__" in module.definitions and (found := _ask(module, name)):
            self._pending.append((found, whole))
        elif whole and not name.startswith("__"):
            self._pending += [(f"{module.name}.{each}", True) for each in module.definitions]

    def _effects(self, module: Module) -> None:
        """What happens when a module is imported, beside that it defines something."""
        if module.name in self._imported:
            return
        self._imported.add(module.name)
        for node in module.effects:
            self._read(module, "", node)
        for name in module.silent:
            other, _ = resolve(name)
            if other is None:
                self._call(name)
            elif other.name not in NEUTRAL:
                self._effects(other)

    def _call(self, name: str) -> None:
        package = name.partition(".")[0]
        if package != "strokebench" and package not in sys.stdlib_module_names:
            self.packages.add(package)

    def _add_class(self, module: Module, name: str, node: ast.ClassDef, whole: bool) -> None:
        header, members = copy(node), [(member, member_name(member)) for member in node.body]
        if whole:
            partly = _is_partly(module, node)
            now = [
                (member, own)
                for member, own in members
                if own not in BY_NAME and (not partly or not own or own.startswith("__"))
            ]
            # The order of fields is that of a dataclass's arguments.
            header.body = []
            self._read(module, name, header, " ".join(own for _, own in now))
        else:
            now = [(member, own) for member, own in members if own.startswith("__") and own not in _MADE_BY]
            bases = [full for base in node.bases if (full := full_name(module, dotted_name(base)))]
            self._pending += [(base, False) for base in bases]
        for member, own in members:
            if (member, own) in now or own in self._attributes:
                self._read(module, f"{name}.{own}", member)
            else:
                self._waiting.setdefault(own, []).append((module, f"{name}.{own}", member))

    def _read(self, module: Module, name: str, node: ast.stmt, more: str = "") -> None:
        """Add one definition, and what it names to what is to be followed."""
        written = _reading(module, node)
        self.definitions.setdefault(f"{module.name}:{name}", set()).add(f"{written.text} {more}")
        self._pending += [(each, True) for each in written.names] + [(each, False) for each in written.types]
        for attribute in written.attributes - self._attributes:
            self._attributes.add(attribute)
            for waiting in self._waiting.pop(attribute, ()):
                self._read(*waiting)


@cache
def _reading(module: Module, node: ast.AST) -> Statement:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        node = copy(node)
        node.decorator_list = [each for each in node.decorator_list if not _is_neutral(module, each)]
    return Statement(module, node)


@cache
def _is_partly(module: Module, node: ast.ClassDef) -> bool:
    return f"{module.name}:{node.name}" in PARTLY or any(_is_partly(*base) for base in bases_of(module, node))


def read_anew() -> None:
    """Forget what was read of sources, so that it is read as it is written now."""
    for cached in (find_module, _reading, _is_partly):
        cached.cache_clear()


def _is_neutral(module: Module, decorator: ast.expr) -> bool:
    name = dotted_name(decorator.func if isinstance(decorator, ast.Call) else decorator)
    if not (full := full_name(module, name)):
        return False
    found, rest = resolve(full)
    # A face hands on what lies elsewhere.
    if found and rest in found.imports and rest not in found.definitions:
        found, _ = resolve(found.imports[rest])
    return found is not None and found.name in NEUTRAL


def _ask(module: Module, name: str) -> str:
    """Where a face has a name from that it looks up when it is asked (PEP 562)."""
    found = getattr(importlib.import_module(module.name), name, None)
    place, own = getattr(found, "__module__", None), getattr(found, "__qualname__", None)
    return f"{place}.{own.partition('.')[0]}" if isinstance(place, str) and isinstance(own, str) else ""
