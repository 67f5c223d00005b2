"""The six metrics of the paper (section 4.2), in its order.

The event (label 1, the minority of the paper's cohort) is the positive class. NaN where a metric is undefined: AUC on
one class, recall without positives, specificity without negatives. Precision and F1 are 0 where nobody is called.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from strokebench.tasks.endpoint import Endpoint
from strokebench.tasks.metrics import selection
from strokebench.tasks.metrics.registry import metric


class Counts(NamedTuple):
    """A confusion matrix."""

    tp: int
    tn: int
    fp: int
    fn: int

    @classmethod
    def of(cls, endpoint: Endpoint, y: NDArray, p: NDArray, threshold: float) -> Counts:
        """Of labels (n,) and probabilities of the event (n,), called from `threshold` on."""
        event, called = endpoint.events(y), p >= threshold
        return cls(*(int(part.sum()) for part in (event & called, ~event & ~called, ~event & called, event & ~called)))


@metric("AUC", "%")
def auc(endpoint: Endpoint, y: NDArray, p: NDArray) -> float:
    """Area under the ROC curve, by labels (n,) and probabilities (n,)."""
    return selection.auc(endpoint.events(y), p)


@metric("ACC", "%", needs_threshold=True)
def accuracy(endpoint: Endpoint, y: NDArray, p: NDArray, threshold: float) -> float:
    """Share of patients called rightly, by labels (n,) and probabilities (n,)."""
    counts = Counts.of(endpoint, y, p, threshold)
    return _share(counts.tp + counts.tn, len(y))


@metric("F1", "%", needs_threshold=True)
def f1(endpoint: Endpoint, y: NDArray, p: NDArray, threshold: float) -> float:
    """Harmonic mean of precision and recall, by labels (n,) and probabilities (n,)."""
    tp, _, fp, fn = Counts.of(endpoint, y, p, threshold)
    return _share(2 * tp, 2 * tp + fp + fn, empty=0.0)


@metric("Recall", "%", needs_threshold=True)
def recall(endpoint: Endpoint, y: NDArray, p: NDArray, threshold: float) -> float:
    """Share of the events that are called, by labels (n,) and probabilities (n,)."""
    tp, _, _, fn = Counts.of(endpoint, y, p, threshold)
    return _share(tp, tp + fn)


@metric("Precision", "%", needs_threshold=True)
def precision(endpoint: Endpoint, y: NDArray, p: NDArray, threshold: float) -> float:
    """Share of the calls that are events, by labels (n,) and probabilities (n,)."""
    tp, _, fp, _ = Counts.of(endpoint, y, p, threshold)
    return _share(tp, tp + fp, empty=0.0)


@metric("Specificity", "%", needs_threshold=True)
def specificity(endpoint: Endpoint, y: NDArray, p: NDArray, threshold: float) -> float:
    """Share of the others that are not called, by labels (n,) and probabilities (n,)."""
    _, tn, fp, _ = Counts.of(endpoint, y, p, threshold)
    return _share(tn, tn + fp)


PAPER = (auc, accuracy, f1, recall, precision, specificity)
PAPER_METRICS: tuple[str, ...] = tuple(metric.name for metric in PAPER)


def _share(part: int, whole: int, empty: float = np.nan) -> float:
    return part / whole if whole else empty
