"""What code decides a result? Its hash is part of a run's key, so that old results never pass for new."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from strokebench.benchmarks.keys.described import described
from strokebench.benchmarks.keys.libraries import versions_of
from strokebench.benchmarks.keys.reach import Reached
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
    found = described(method)
    kind = f"{endpoint.__module__}.{endpoint.__qualname__.partition('.')[0]}"
    return _fit_code(f"{found.module}.{found.cls}".rstrip("."), balance, kind, on_gpu)


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
