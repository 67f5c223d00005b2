"""Which metrics there are, and what they say of a run."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from strokebench.tasks.endpoint import Endpoint
from strokebench.tasks.metrics.ordinal import ORDINAL
from strokebench.tasks.metrics.paper import PAPER
from strokebench.tasks.metrics.registry import METRICS, Metric

THRESHOLD = 0.5
"""An event is called from this probability on (our choice: the paper gives none)."""

for _each in (*PAPER, *ORDINAL):
    METRICS.add(_each.name, _each)


def all_metrics() -> dict[str, Metric]:
    """Every metric by name: the paper's six in its order, those of grades, then those of other packages."""
    return METRICS.all()


def metrics_of(endpoint: Endpoint) -> dict[str, Metric]:
    """Those that apply to an endpoint, by name."""
    return {name: metric for name, metric in all_metrics().items() if endpoint.kind in metric.endpoints}


def evaluate(endpoint: Endpoint, y: ArrayLike, p: ArrayLike, threshold: float = THRESHOLD) -> dict[str, float]:
    """The metrics of one run by name; NaN where undefined.

    Args:
        y: labels, (n,).
        p: probabilities as `Endpoint.probabilities` gives them, (n,) or (n, columns).
        threshold: from which probability on an event is called.

    Raises:
        ValueError: labels that do not exist, or probabilities outside [0, 1].
    """
    y, p = np.asarray(y).view(), np.asarray(p, dtype=float).view()
    # All metrics see the same.
    y.flags.writeable = p.flags.writeable = False
    endpoint.check(y, p)
    return {name: metric(endpoint, y, p, threshold) for name, metric in metrics_of(endpoint).items()}


def mean_std(values: Sequence[float]) -> tuple[float, float]:
    """Mean and population standard deviation (ddof 0) over runs, as the paper's printed values require."""
    return float(np.mean(values)), float(np.std(values))
