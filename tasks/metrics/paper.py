"""The six metrics of the paper (section 4.2), computed from labels and probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from strokebench.tasks.metrics.selection import auc

METRICS: tuple[str, ...] = ("AUC", "ACC", "F1", "Recall", "Precision", "Specificity")
"""In the paper's order. Label 1, the minority, is the positive class; threshold 0.5 (our choice)."""


def evaluate(y: ArrayLike, p: ArrayLike, threshold: float = 0.5) -> dict[str, float]:
    """The six metrics of one run.

    Args:
        y: labels 0 or 1, (n,).
        p: probability of label 1, (n,).
        threshold: a patient with `p >= threshold` is called positive.

    Returns:
        Metric name -> value in [0, 1]; NaN where undefined (AUC on one class, recall without positives,
        specificity without negatives). Precision and F1 without any predicted positive are 0.

    Raises:
        ValueError: labels other than 0 and 1, or probabilities outside [0, 1].
    """
    y, p = np.asarray(y), np.asarray(p, dtype=float)
    if not np.isin(y, (0, 1)).all():
        raise ValueError("Labels must be 0 or 1.")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("Probabilities must be finite and within [0, 1].")
    positive, called = y == 1, p >= threshold
    tp = int((positive & called).sum())
    tn = int((~positive & ~called).sum())
    n_positive, n_negative, n_called = int(positive.sum()), int((~positive).sum()), int(called.sum())
    return {
        "AUC": auc(y, p),
        "ACC": (tp + tn) / len(y) if len(y) else np.nan,
        "F1": 2 * tp / (n_positive + n_called) if n_positive + n_called else 0.0,
        "Recall": tp / n_positive if n_positive else np.nan,
        "Precision": tp / n_called if n_called else 0.0,
        "Specificity": tn / n_negative if n_negative else np.nan,
    }


def mean_std(values: Sequence[float]) -> tuple[float, float]:
    """Mean and population standard deviation (ddof 0) over runs, as the paper's printed values require."""
    return float(np.mean(values)), float(np.std(values))
