"""Other people's code: which distribution brings it, in which version, and what that requires."""

from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires, version

from packaging.requirements import Requirement

from strokebench.plugins import plugins

RENAMED = {"sklearn": "scikit-learn", "imblearn": "imbalanced-learn", "yaml": "PyYAML", "PIL": "pillow"}
"""Distributions that are not named as what they bring; others are looked for in all that is installed, which takes
a second."""


@cache
def distribution(package: str) -> str | None:
    """Name of the distribution that brings an importable package; None where none does."""
    name = RENAMED.get(package, package)
    return name if version_of(name) else next(iter(packages_distributions().get(package, ())), None)


@cache
def version_of(name: str) -> str:
    """Version of a distribution; empty where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """Versions of the distributions that bring these packages; for a plugin also of all that it requires."""
    found: dict[str, str] = {}
    for package in packages:
        if name := plugins().get(package):
            found |= _with_requirements(name)
        elif name := distribution(package):
            found[name] = version_of(name)
    return dict(sorted(found.items()))


@cache
def _with_requirements(name: str) -> dict[str, str]:
    """Versions of a distribution and of all that it requires, directly or not; extras left out.

    What strokebench itself requires is not followed further: only what is called of it counts.
    """
    ours, found, pending = _required("strokebench"), dict[str, str](), {name}
    while pending:
        found |= {each: version_of(each) for each in pending}
        pending = {other for each in pending - ours for other in _required(each)} - set(found) - {"strokebench"}
    return found


@cache
def _required(name: str) -> frozenset[str]:
    """Distributions that one requires on this machine."""
    try:
        requirements = [Requirement(line) for line in requires(name) or ()]
    except PackageNotFoundError:
        return frozenset()
    return frozenset(
        each.name.lower() for each in requirements if each.marker is None or each.marker.evaluate({"extra": ""})
    )
