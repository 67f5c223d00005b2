"""What code decides a result? Its hash is part of a run's key, so that old results never pass for new."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from strokebench.benchmarks.keys.described import described
from strokebench.benchmarks.keys.libraries import versions_of
from strokebench.benchmarks.keys.reach import Reached, read_anew
from strokebench.benchmarks.keys.sources import edited, outdated
from strokebench.errors import StrokebenchError
from strokebench.tasks.preparing.balancing import BALANCERS

FIT = ("strokebench.benchmarks.running.fit.make_ready", "strokebench.benchmarks.running.fit.fit_and_predict")
"""How a run is computed, whatever the method; they reach the preprocessing."""
STACK = "strokebench.benchmarks.running.backends.stack.fit_together"
NETWORK = "strokebench.methods.neural:NeuralMethod"


@dataclass(frozen=True)
class Code:
    """Code as a key holds it.

    Args:
        sha256: hash of the definitions that are reached.
        versions: of the libraries that these name, by distribution.
    """

    sha256: str
    versions: Mapping[str, str]


def fit_code(method: str, balance: str, endpoint: type, on_gpu: bool = False) -> Code:
    """The code that a run reaches.

    Args:
        method: its registry name. balance: a key of `BALANCERS`. endpoint: of what kind it is.
        on_gpu: networks are stacked there.

    Raises:
        StrokebenchError: no such method, or its source cannot be found.
    """
    return _fit_code(described(method).path, balance, _path(endpoint), on_gpu)


def refuse_edited(wanted: str, method: str, balance: str, endpoint: type) -> None:
    """Look whether this process computes a run by the code that its key holds.

    What was edited meanwhile may have been loaded before or after.

    Args:
        wanted: hash of the code. method: its class, with dots.

    Raises:
        StrokebenchError: its files were edited meanwhile, or Python runs an older text of one.
    """
    if path := outdated():
        raise StrokebenchError(
            f"Python runs an older text of {path}: it has the same size and time.",
            "Call `touch` on it, and start anew.",
        )
    for on_gpu in (False, True):
        if _fit_code(method, balance, _path(endpoint), on_gpu).sha256 == wanted:
            if not edited():
                return
            read_anew()
            if _fit_code.__wrapped__(method, balance, _path(endpoint), on_gpu).sha256 == wanted:
                return
    raise StrokebenchError(
        f"{method}, or what it calls, was edited after it was read: which of both would compute here is not known.",
        "Start the command, or Python, anew.",
    )


def _path(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__.partition('.')[0]}"


@cache
def _fit_code(method: str, balance: str, endpoint: str, on_gpu: bool) -> Code:
    way = BALANCERS[balance]
    roots = [*FIT, method, f"{way.__module__}.{way.__qualname__}"]
    reached = Reached(roots, [endpoint])
    if on_gpu and NETWORK in reached.definitions:
        reached = Reached([*roots, STACK], [endpoint])
    return Code(reached.sha256, versions_of(reached.packages))


@cache
def code_of(*roots: str) -> Code:
    """The code that definitions reach, given with dots.

    Raises:
        StrokebenchError: the source of one cannot be found.
    """
    reached = Reached(roots)
    return Code(reached.sha256, versions_of(reached.packages))
