"""Modules as they are written: their definitions and imports, parsed once a process, nothing imported."""

import ast
import gc
import marshal
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from importlib.util import cache_from_source, find_spec, resolve_name
from pathlib import Path
from types import MappingProxyType

import strokebench
from strokebench.benchmarks.keys.libraries import distribution
from strokebench.plugins import plugins

FOLDERS = [Path(__file__).parents[2], Path(strokebench.__file__).parent]
"""Where the house lies: its rooms, and the ground that they stand on."""
ROOMS = ("benchmarks", "datasets", "methods", "reports", "tasks")


@cache
def house_sha256() -> str:
    """Hash of all that the package brings: sources, templates, the paper's numbers."""
    rooms, ground = FOLDERS[0], FOLDERS[-1]
    paths = [*sorted(ground.glob("*.py")), *(path for room in ROOMS for path in sorted((rooms / room).rglob("*")))]
    hashed = sha256()
    for path in paths:
        # What Python compiles on the way is not ours.
        if path.is_file() and "__pycache__" not in path.parts:
            hashed.update(f"\0{path.parent.name}/{path.name}\0".encode() + path.read_bytes())
    return hashed.hexdigest()


@dataclass(eq=False)
class Module:
    """One file.

    Args:
        definitions: by name, the statements at its top that make a function, a class or a constant, or change it.
        imports: what a name at its top stands for, with dots; those for the type checker included.
        stars: modules of which everything is imported.
        effects: statements at its top that define nothing.
        silent: imports that may be meant for their effects: nothing names them, or only a package that they lie in.
    """

    name: str
    path: Path
    definitions: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    effects: list[ast.stmt] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)

    @property
    def package(self) -> str:
        """What its relative imports start from."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]

    def classes(self) -> Iterator[ast.ClassDef]:
        """The classes at its top."""
        yield from (node for nodes in self.definitions.values() for node in nodes if isinstance(node, ast.ClassDef))


_READ: dict[Path, int] = {}
"""Files that this process has read, and when each had been written as it first did."""


def edited() -> bool:
    """Whether a file that `find_module` has read was written since."""
    return any(_written(path) != written for path, written in _READ.items())


def outdated() -> Path | None:
    """A file of others that `find_module` has read, of which Python runs an older text; None where there is none.

    Python tells by time and size whether what it has compiled is of the present text, and a copy or an archive may
    have set the time back.
    """
    for path in _READ:
        if any(path.is_relative_to(folder) for folder in FOLDERS):
            continue
        with suppress(OSError, ValueError, EOFError, TypeError):
            compiled, state = Path(cache_from_source(str(path))).read_bytes(), path.stat()
            # Four bytes of Python's version, no flags, time in seconds, and size.
            stamp = b"".join((n & 0xFFFFFFFF).to_bytes(4, "little") for n in (0, int(state.st_mtime), state.st_size))
            present = compile(path.read_bytes(), path, "exec", dont_inherit=True)
            if compiled[4:16] == stamp and marshal.loads(compiled[16:]) != present:
                return path
    return None


def _written(path: Path) -> int:
    return path.stat().st_mtime_ns if path.is_file() else 0


@cache
def find_module(name: str) -> Module | None:
    """The module of this name; None where it is a library's, Python's own, or none at all."""
    if (path := _find_source(name)) is None:
        return None
    _READ.setdefault(path, _written(path))
    module = Module(name, path)
    tree = parsed(path.read_bytes())
    for node in tree.body:
        _sort_in(node, module)
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    checked = {name for node in tree.body if never_runs(node) for name in imported_names(node, module.package)}
    module.silent += [full for name, full in module.imports.items() if name not in named | checked]
    for node in tree.body:
        if isinstance(node, ast.Import):
            module.silent += [alias.name for alias in node.names if "." in alias.name and not alias.asname]
    return module


def parsed(source: bytes | str) -> ast.Module:
    """What Python makes of a source text.

    Python 3.11 fails at it where another thread parses meanwhile, as it does to write a traceback into a log. Threads
    can take turns here only while garbage is collected.

    Raises:
        SyntaxError: it is none.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(source)
    finally:
        if collects:
            gc.enable()


def never_runs(node: ast.AST) -> bool:
    """Whether a statement is for the type checker, or for a module that is called as a program."""
    tests = ("TYPE_CHECKING", "typing.TYPE_CHECKING", "__name__ == '__main__'")
    return isinstance(node, ast.If) and ast.unparse(node.test) in tests


def imported_names(node: ast.AST, package: str) -> dict[str, str]:
    """What the names stand for that a statement imports, with dots; `*` stands for a module."""
    found = {}
    for each in ast.walk(node):
        if isinstance(each, ast.Import):
            for alias in each.names:
                package_or_all = alias.name if alias.asname else alias.name.partition(".")[0]
                found[alias.asname or package_or_all] = package_or_all
        elif isinstance(each, ast.ImportFrom) and each.module != "__future__":
            base = resolve_name("." * each.level + (each.module or ""), package) if each.level else each.module or ""
            for alias in each.names:
                found[alias.asname or alias.name] = base if alias.name == "*" else f"{base}.{alias.name}"
    return found


def resolve(name: str) -> tuple[Module | None, str]:
    """The module that a name with dots lies in, None for a library's, and the name within it, empty for itself."""
    # A name of Python's own, such as Exception, is empty here.
    parts = name.split(".") if name else []
    for end in range(len(parts), 0, -1):
        if module := find_module(".".join(parts[:end])):
            return module, parts[end] if end < len(parts) else ""
    return None, ""


def full_name(module: Module, name: str, local: Mapping[str, str] = MappingProxyType({})) -> str:
    """What a name stands for that is used in a module, with all its dots; empty for one that is made on the spot.

    Args:
        local: what further imports stand for, which go before.
    """
    head, dot, rest = name.partition(".")
    if head in local:
        return local[head] + dot + rest
    if head in module.definitions:
        return f"{module.name}.{head}"
    if head in module.imports:
        return module.imports[head] + dot + rest
    return f"{module.name}.{head}" if module.stars else ""


def _sort_in(node: ast.stmt, module: Module) -> None:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if isinstance(node, (ast.Import, ast.ImportFrom)) or never_runs(node):
        found = imported_names(node, module.package)
        if star := found.pop("*", None):
            module.stars.append(star)
        module.imports |= found
        return
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        # `try: import x` and the like.
        module.imports |= imported_names(node, module.package)
    # What is set or called of an import changes nothing of this module.
    names = dict.fromkeys([*_bound_names(node), *(name for name in _changed_names(node) if name not in module.imports)])
    for name in names:
        module.definitions.setdefault(name, []).append(node)
    if not names:
        module.effects.append(node)


def _bound_names(node: ast.stmt) -> Iterator[str]:
    """Names that a statement at the top of a module gives a value."""
    for each in _outside_functions(node):
        if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield each.name
        elif isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            yield each.id


def _changed_names(node: ast.stmt) -> Iterator[str]:
    """Names whose value it changes: `TABLE[name] = ...`, `TABLE.update(...)`."""
    changed: list[ast.AST] = [
        each for each in _outside_functions(node) if isinstance(getattr(each, "ctx", None), ast.Store)
    ]
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        changed.append(node.value.func)
    for owner in changed:
        owned = owner
        while isinstance(owned, (ast.Attribute, ast.Subscript)):
            owned = owned.value
        if isinstance(owned, ast.Name) and owned is not owner:
            yield owned.id


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
        for child in ast.iter_child_nodes(node):
            yield from _outside_functions(child)


@cache
def is_library(package: str) -> bool:
    """Whether an importable package counts by the version of its distribution, and not by its source.

    A plugin counts by its source too, as does what is installed for development or lies in a folder of the user's:
    it may change while its version stays.
    """
    places = [origin] if (origin := _origin(package)) else _namespace(package)
    installed = all({"site-packages", "dist-packages"} & set(place.parts) for place in places)
    return installed and package not in plugins() and distribution(package) is not None


def _find_source(name: str) -> Path | None:
    package, *rest = name.split(".")
    if package == "strokebench":
        return next((path for folder in FOLDERS for path in _files(folder, rest)), None)
    if package in sys.stdlib_module_names or is_library(package):
        return None
    origin = _origin(package)
    if origin is None and rest:
        return next((path for folder in _namespace(package) for path in _files(folder, rest)), None)
    if origin is None or not rest:
        return origin
    return next(_files(origin.parent, rest), None) if origin.name == "__init__.py" else None


def _origin(package: str) -> Path | None:
    file = getattr(sys.modules.get(package), "__file__", None)
    if file is None:
        try:
            spec = find_spec(package)
        except (ImportError, ValueError):
            return None
        file = spec.origin if spec else None
    return Path(file) if file and file.endswith(".py") and Path(file).is_file() else None


def _namespace(package: str) -> list[Path]:
    """Folders of a package without `__init__.py`, which may lie in several places."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return []
    return [Path(folder) for folder in (spec and spec.submodule_search_locations) or ()]


def _files(folder: Path, parts: Iterable[str]) -> Iterator[Path]:
    path = folder.joinpath(*parts)
    yield from (file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file())
