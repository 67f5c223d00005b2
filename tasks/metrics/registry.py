"""What a metric is, and which are registered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from numpy.typing import NDArray

from strokebench.errors import StrokebenchError
from strokebench.tasks.endpoint import Endpoint

MetricFunction = Callable[..., float]
"""Endpoint, labels (n,), and probabilities as `Endpoint.probabilities` gives them -> a value, NaN where undefined.

One that needs a threshold is given it as the fourth.
"""


@dataclass(frozen=True)
class Metric:
    """How predictions are judged; whatever is registered stands in tables, figures and intervals.

    Args:
        name: unique; as columns print it.
        function: see `MetricFunction`.
        unit: `%` for values in [0, 1] that are printed a hundredfold, or empty.
        higher_is_better: which end of a column is marked as the best.
        needs_threshold: patients are called from a probability on.
        endpoints: the kinds of endpoint that it applies to.
    """

    name: str
    function: MetricFunction
    unit: str = ""
    higher_is_better: bool = True
    needs_threshold: bool = False
    endpoints: tuple[str, ...] = ("binary",)

    def __call__(self, endpoint: Endpoint, y: NDArray, p: NDArray, threshold: float) -> float:
        """The value, of labels (n,) and probabilities (n,) or (n, columns)."""
        return self.function(endpoint, y, p, threshold) if self.needs_threshold else self.function(endpoint, y, p)

    @property
    def scale(self) -> int:
        """By what a value is multiplied before it is printed."""
        return 100 if self.unit == "%" else 1

    @property
    def title(self) -> str:
        """What an axis of a figure says."""
        return f"{self.name} in percent" if self.unit == "%" else self.name


REGISTERED: dict[str, Metric] = {}
"""By name, in the order of registration; `strokebench.tasks.metrics.evaluate.all_metrics` loads them first."""


def metric(
    name: str,
    unit: str = "",
    higher_is_better: bool = True,
    needs_threshold: bool = False,
    endpoints: tuple[str, ...] = ("binary",),
) -> Callable[[MetricFunction], Metric]:
    """Function decorator: the metric joins tables and figures; see `Metric`.

    Raises:
        StrokebenchError: the name is taken by another function.
    """

    def register(function: MetricFunction) -> Metric:
        made = Metric(name, function, unit, higher_is_better, needs_threshold, endpoints)
        other = REGISTERED.setdefault(name, made)
        if (other.function.__module__, other.function.__qualname__) != (function.__module__, function.__qualname__):
            raise StrokebenchError(f"Two metrics are called {name!r}.", "Rename one.")
        return made

    return register
