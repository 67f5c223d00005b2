"""Things that are found by name: the house's own, and those that other packages bring by entry point."""

import importlib
import logging
import pkgutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, EntryPoint, EntryPoints, entry_points
from importlib.util import find_spec
from typing import Any, Generic, TypeVar

from strokebench.errors import StrokebenchError, unknown_name

Thing = TypeVar("Thing")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plugin:
    """What another package brings under a name.

    Args:
        noun: method, encoder, cohort, experiment or metric.
        package: name and version of the distribution that has the entry point.
        thing: what the entry point loads; None where it is broken.
        problem: why it cannot be used; empty where it is whole.
    """

    noun: str
    name: str
    package: str
    thing: Any = None
    problem: str = ""

    def __str__(self) -> str:
        return f"The {self.noun} {self.name!r} of the package {self.package} cannot be used: {self.problem}."


class Registry(Generic[Thing]):
    """All things of one noun by name. What is broken in another package stops only who asks for it by name.

    Args:
        noun: what one is called; entry points stand in the group `strokebench.NOUNs`.
        accepts: given a name and what an entry point loads, whether it is such a thing; may raise to say why not.
        own: name -> `module:attribute` of the house's own, loaded when it is asked for; `add` brings further ones.
        folders: packages whose modules call `add` when they are imported.
    """

    def __init__(
        self,
        noun: str,
        accepts: Callable[[str, Any], bool],
        own: Mapping[str, str] | None = None,
        folders: Sequence[str] = (),
    ) -> None:
        self.noun, self.group, self.folders = noun, f"strokebench.{noun}s", folders
        self._accepts = accepts
        self.own: dict[str, Thing | str] = dict(own or {})

    def add(self, name: str, thing: Thing) -> None:
        """Make one of the house's own known.

        Raises:
            StrokebenchError: another one has the name.
        """
        other = self.own.setdefault(name, thing)
        if _place(other) != _place(thing):
            raise StrokebenchError(f"Two {self.noun}s are called {name!r}: {other} and {thing}.", "Rename one.")

    def names(self) -> list[str]:
        """Every name, the house's own first. Nothing of other packages is loaded."""
        self.discover()
        return list(dict.fromkeys([*self.own, *(point.name for point in self._points())]))

    def find(self, name: str) -> Thing:
        """The thing of this name; nothing of other packages is loaded for one of the house's own.

        Raises:
            StrokebenchError: there is none, with the nearest name; the package that brings it is broken; or a library
                that it may need is not installed.
        """
        lacking = self._look_for(name)
        if name in self.own:
            return self._load_own(name)
        for plugin in self.plugins(name):
            if plugin.problem:
                raise StrokebenchError(str(plugin), "Mend or uninstall that package.")
            return plugin.thing
        if lacking:
            raise StrokebenchError(f"There is no {self.noun} {name!r} here: {lacking}", _INSTALL)
        raise unknown_name(self.noun, name, self.names())

    def all(self) -> dict[str, Thing]:
        """Everything that can be used, by name; a line of warning for each that is broken, once in a process."""
        if lacking := self.discover():
            warn_once(f"{self.noun.capitalize()}s are left out: {lacking} {_INSTALL}")
        found = {name: self._load_own(name) for name in self.own}
        for plugin in self.plugins():
            if plugin.problem:
                warn_once(str(plugin))
            else:
                found[plugin.name] = plugin.thing
        return found

    def plugins(self, name: str | None = None) -> list[Plugin]:
        """What other packages bring, whole or broken: under this name, or at all."""
        self.discover()
        return [self._load(point) for point in self._points() if name in (None, point.name)]

    def _load(self, point: EntryPoint) -> Plugin:
        thing, problem = None, ""
        others = [_package(other) for other in self._points() if other.name == point.name and other != point]
        try:
            thing = point.load()
            if not self._accepts(point.name, thing):
                problem = f"{point.value} is no {self.noun} of that name"
        except StrokebenchError as error:
            problem = str(error).rstrip(".")
        except (Exception, SystemExit) as error:
            problem = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")
        # What a package registers itself, by a decorator, is its own.
        if not problem and self.own.get(point.name, thing) is not thing:
            problem = f"strokebench has a {self.noun} of that name"
        elif others:
            problem = f"{others[0]} brings one of that name too"
        return Plugin(self.noun, point.name, _package(point), None if problem else thing, problem)

    def _points(self) -> tuple[EntryPoint, ...]:
        return _entry_points(self.group, tuple(sys.path))

    def _load_own(self, name: str) -> Any:
        thing = self.own[name]
        return EntryPoint(name, thing, self.group).load() if isinstance(thing, str) else thing

    def discover(self) -> str:
        """Import the folders: which libraries are not installed that their modules need; empty where all are."""
        # What is imported already is asked for at every look.
        new = [name for folder in self.folders for name in _modules(folder) if sys.modules.get(name) is None]
        lacking = sorted({library for module in new if (library := _lacking(module))})
        return f"{', '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} not installed." if lacking else ""

    def _look_for(self, name: str) -> str:
        """Import the module of that name alone where it brings the thing: others may stand on slow libraries, or on
        such as are not installed; what `discover` says where that does not bring it."""
        for folder in self.folders:
            if name not in self.own and (module := f"{folder}.{name}") in _modules(folder):
                _lacking(module)
        return "" if name in self.own else self.discover()


MODERN = "pip install 'strokebench[modern]'"
"""What installs the libraries of methods on request."""


def installed(library: str) -> bool:
    """Whether a library can be imported; none need be where the name is empty."""
    return not library or find_spec(library) is not None


def require_library(library: str, name: str) -> None:
    """For what stands on a library of an extra.

    Raises:
        StrokebenchError: it is not installed.
    """
    if not installed(library):
        raise StrokebenchError(f"{name} needs {library}, which is not installed.", f"{MODERN} has it.")


_INSTALL = "Install it; a whole `pip install strokebench` has all that its own need."


@cache
def _modules(folder: str) -> list[str]:
    found = pkgutil.iter_modules(importlib.import_module(folder).__path__, f"{folder}.")
    return [module.name for module in found]


def _lacking(module: str) -> str:
    """Import a module: a library that it needs and that is not installed; empty where it could be imported."""
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library in ("", "strokebench"):
            raise
        return library
    return ""


@cache
def _installed(_path: tuple[str, ...]) -> EntryPoints:
    """All that are installed; to read them takes some milliseconds, and the path decides what is found."""
    # What it gives is typed otherwise for Python 3.11 than for later ones.
    found: Any = entry_points().select()
    return found


@cache
def _entry_points(group: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    return tuple(_installed(path).select(group=group))


def plugins(noun: str = "") -> dict[str, str]:
    """Packages that bring things of a noun, or of any, and the names of their distributions; none is loaded."""
    return dict(_bringing(noun, tuple(sys.path)))


@cache
def _bringing(noun: str, path: tuple[str, ...]) -> dict[str, str]:
    points = _installed(path)
    return {
        point.module.partition(".")[0]: _distribution(point.dist)[0]
        for group in points.groups
        if group.startswith("strokebench.") and noun in group
        for point in points.select(group=group)
        if point.dist
    }


@cache
def warn_once(line: str) -> None:
    """A line of warning, unless this process has given it already."""
    _log.warning(line)


@cache
def _distribution(found: Distribution) -> tuple[str, str]:
    """Name and version; each of them reads the file of metadata, whenever it is asked for."""
    return found.name, found.version


def _package(point: EntryPoint) -> str:
    return " ".join(_distribution(point.dist)) if point.dist else "unknown"


def _place(thing: Any) -> tuple[Any, Any]:
    """Where a class or function is defined: where its module is run again, it comes as another object."""
    return getattr(thing, "__module__", thing), getattr(thing, "__qualname__", None)
