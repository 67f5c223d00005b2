"""What a metric is, and which are registered."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any

from numpy.typing import NDArray

from strokebench.errors import StrokebenchError
from strokebench.plugins import Registry, warn_once
from strokebench.tasks.endpoint import Endpoint

MetricFunction = Callable[..., float]
"""Endpoint, labels (n,), and probabilities as `Endpoint.probabilities` gives them -> a value, NaN where undefined.

One that needs a threshold is given it as the fourth.
"""


TAKEN = (
    *("method", "variant", "condition", "seed", "fold", "planned", "done", "failed", "missing"),
    *("parameters", "fit_seconds", "predict_seconds", "peak_mb"),
)
"""What the columns beside those of metrics are called; `{metric}_std` are too."""


@dataclass
class Metric:
    """How predictions are judged; whatever is in `METRICS` stands in tables, figures and intervals.

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
    unit: str
    higher_is_better: bool
    needs_threshold: bool
    endpoints: tuple[str, ...]

    def __call__(self, endpoint: Endpoint, y: NDArray, p: NDArray, threshold: float) -> float:
        """The value, of labels (n,) and probabilities (n,) or (n, columns); NaN, and a warning, where it fails."""
        try:
            return float(self.function(endpoint, y, p, *([threshold] if self.needs_threshold else [])))
        except Exception as error:
            # One of another package would stop every table of whoever has it.
            warn_once(f"The metric {self.name!r} stays empty where it fails: {type(error).__name__}: {error}")
            return float("nan")

    @property
    def scale(self) -> int:
        """By what a value is multiplied before it is printed."""
        return 100 if self.unit == "%" else 1


def metric(
    name: str,
    unit: str = "",
    higher_is_better: bool = True,
    needs_threshold: bool = False,
    endpoints: tuple[str, ...] = ("binary",),
) -> Callable[[MetricFunction], Metric]:
    """Function decorator: makes a `Metric` of it, which joins by entry point or by `METRICS.add`.

    Raises:
        StrokebenchError: tables of runs have another column of that name, or call deviations so.
    """
    if name in TAKEN or name.endswith("_std"):
        raise StrokebenchError(
            f"A metric cannot be called {name!r}: tables of runs have columns called so.", "Rename it."
        )

    def make(function: MetricFunction) -> Metric:
        made = Metric(name, function, unit, higher_is_better, needs_threshold, endpoints)
        update_wrapper(made, function)
        return made

    return make


def _is_metric(name: str, thing: Any) -> bool:
    return isinstance(thing, Metric) and thing.name == name


METRICS: Registry[Metric] = Registry("metric", _is_metric)
"""`strokebench.tasks.metrics.evaluate` adds those of this package."""
