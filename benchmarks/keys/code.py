"""What code decides a result? Its hash is part of a run's key, so that old results never pass for new."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from strokebench.errors import StrokebenchError
from strokebench.files import digest, home, read_json, write_json

DECIDING_PACKAGES = ("torch", "scikit-learn", "xgboost", "imbalanced-learn", "numpy", "scipy")
"""Other people's code whose versions decide a result."""

FIT = "strokebench.benchmarks.running.fit"
"""How a run is computed, whatever the method; it brings in the preprocessing."""

NEUTRAL = frozenset({"strokebench.files", "strokebench.methods.registry"})
"""Modules that say where files lie and which methods exist, but never what comes out of a fit."""


@cache
def code_fingerprint(module: str) -> str:
    """Hash of the code that a method of this module runs on, comments and docstrings left out.

    It covers the module, everything of strokebench or of the module's own package that it imports, directly
    or not, and the code that prepares the data and calls the method.

    Args:
        module: full name of the module that defines the method.

    Raises:
        StrokebenchError: the module's source cannot be found.
    """
    packages = {"strokebench", module.partition(".")[0]}
    sources: dict[str, str] = {}
    pending = [module, FIT]
    while pending:
        name = pending.pop()
        path = _source(name)
        if path is None and name in (module, FIT):
            raise StrokebenchError(
                f"The source of {name} cannot be found, so its results cannot be told from older ones.",
                "Define the method in a file that Python imports.",
            )
        if name in sources or name in NEUTRAL or path is None:
            continue
        sources[name], imported = _effective(path, name, path.stat().st_mtime_ns)
        pending += [other for other in imported if other.partition(".")[0] in packages]
    parsed_sources(Path(__file__), home()).remember()
    return digest(sources)


@cache
def _effective(path: Path, name: str, _modified: int) -> tuple[str, tuple[str, ...]]:
    """What runs of a module, and the names that it imports; methods share most of theirs."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return parsed_sources(Path(__file__), home()).get(path.read_bytes(), package, _parse)


def _parse(source: bytes, package: str) -> Parsed:
    tree = _Effective().visit(ast.parse(source.decode("utf-8")))
    return ast.unparse(tree), tuple(_imports(tree, package))


@cache
def package_versions() -> dict[str, str]:
    """Versions of `DECIDING_PACKAGES`."""
    return {name: _version(name) for name in DECIDING_PACKAGES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


class _Effective(ast.NodeTransformer):
    """Leaves out what does not run: docstrings, other bare strings, and imports for the type checker."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return None
        return self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return None
        return self.generic_visit(node)


def _imports(tree: ast.AST, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = importlib.util.resolve_name("." * node.level + base, package)
            yield base
            # `from package import module` and `from module import name` look alike.
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _source(module: str) -> Path | None:
    """The file of a module, or None for what is no module or has no Python source."""
    loaded = sys.modules.get(module)
    origin = getattr(loaded, "__file__", None)
    if origin is None:
        above = module.rpartition(".")[0]
        if above and (parent := _source(above)) is not None and parent.name != "__init__.py":
            # A name within a module. To look for it would load the module, and PyTorch with most of them.
            return None
        try:
            spec = importlib.util.find_spec(module)
        except (ImportError, ValueError, AttributeError):
            return None
        origin = spec.origin if spec else None
    path = Path(origin) if origin else None
    return path if path is not None and path.suffix == ".py" and path.is_file() else None


MOST = 500
"""Sources kept; beyond that, those that this call did not ask for are dropped."""


Parsed = tuple[str, tuple[str, ...]]
"""What runs, and the names that are imported."""


class ParsedSources:
    """Parsed sources by the hash of their bytes.

    Args:
        parser: file of the code that parses; another one begins anew, as another Python does.
    """

    def __init__(self, parser: Path) -> None:
        self.path = home("code", f"{sha256(sys.version.encode() + parser.read_bytes()).hexdigest()[:16]}.json")
        self._asked: dict[str, Parsed] = {}
        self._new = False
        try:
            self._kept: dict[str, Parsed] = {
                key: (text, tuple(names)) for key, (text, names) in read_json(self.path).items()
            }
        except (StrokebenchError, AttributeError, TypeError, ValueError):
            self._kept = {}

    def get(self, source: bytes, package: str, parse: Callable[[bytes, str], Parsed]) -> Parsed:
        """What `parse` makes of a source in a package, from memory where it is known."""
        key = digest([sha256(source).hexdigest(), package])
        if key not in self._kept:
            self._kept[key] = parse(source, package)
            self._new = True
        self._asked[key] = self._kept[key]
        return self._kept[key]

    def remember(self) -> None:
        """Write what is new; a folder that cannot be written costs time, and nothing else."""
        if not self._new:
            return
        self._new = False
        with contextlib.suppress(OSError):
            write_json(self.path, self._kept if len(self._kept) <= MOST else self._asked)


@cache
def parsed_sources(parser: Path, _home: Path) -> ParsedSources:
    """One for each parser and each folder that everything is written to."""
    return ParsedSources(parser)
