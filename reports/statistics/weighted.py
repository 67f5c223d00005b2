"""Metrics of many resamples at once: a resample is how often each patient was drawn."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weighted = Callable[[NDArray[Any], NDArray[Any], NDArray[Any]], NDArray[np.float64]]
"""Events or grades (n,), probabilities (n,) and multiplicities (resamples, n) -> a value for each, or NaN."""

_CHUNK = 2_000_000
"""Numbers held at a time by `weighted_auc` (our choice: 16 MB)."""


def weighted_auc(y: NDArray[Any], p: NDArray[Any], weights: NDArray[Any]) -> NDArray[np.float64]:
    """AUC of each resample as a Mann-Whitney statistic, ties counted half, and of grades their generalised c.

    NaN where a resample holds one label only. Labels (n,), probabilities (n,) and multiplicities (resamples, n) give
    (resamples,), as in all of this form.
    """
    right, pairs = np.zeros((2, len(weights)))
    for label in np.unique(y)[1:]:
        known = y <= label
        more = _ranked_rightly(y[known] == label, p[known], weights[:, known])
        right, pairs = right + more[0], pairs + more[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        return right / pairs


def _ranked_rightly(positive: NDArray[np.bool_], p: NDArray[Any], weights: NDArray[Any]) -> NDArray[np.float64]:
    """Pairs of positive and negative patients that are ranked rightly, and all such pairs, (2, resamples)."""
    order = np.argsort(p, kind="stable")
    levels = np.flatnonzero(np.r_[True, np.diff(p[order]) > 0])
    positive = positive[order]
    counted = np.empty((2, len(weights)))
    step = max(1, _CHUNK // len(p))
    for start in range(0, len(weights), step):
        drawn = weights[start : start + step][:, order].astype(float)
        positives = np.add.reduceat(np.where(positive, drawn, 0), levels, axis=1)
        negatives = np.add.reduceat(np.where(positive, 0, drawn), levels, axis=1)
        below = np.cumsum(negatives, axis=1) - negatives / 2
        counted[0, start : start + step] = (positives * below).sum(axis=1)
        counted[1, start : start + step] = positives.sum(axis=1) * negatives.sum(axis=1)
    return counted


def weighted_brier(y: NDArray[Any], p: NDArray[Any], weights: NDArray[Any]) -> NDArray[np.float64]:
    """Mean squared distance between probability and event: (n,), (n,), (resamples, n) -> (resamples,)."""
    return weights @ ((p - y) ** 2) / weights.sum(axis=1)


def weighted_auprc(y: NDArray[Any], p: NDArray[Any], weights: NDArray[Any]) -> NDArray[np.float64]:
    """Area under the precision-recall curve as average precision; NaN without a positive patient.

    Its baseline is the prevalence: what a constant or random probability reaches. Shapes: labels (n,),
    probabilities (n,), multiplicities (resamples, n) -> (resamples,).
    """
    order = np.argsort(-p, kind="stable")
    levels = np.flatnonzero(np.r_[True, np.diff(p[order]) < 0])
    drawn = weights[:, order].astype(float)
    found = np.add.reduceat(drawn * y[order], levels, axis=1)
    called = np.cumsum(np.add.reduceat(drawn, levels, axis=1), axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(called > 0, np.cumsum(found, axis=1) / called, 0)
        return (found * precision).sum(axis=1) / found.sum(axis=1)


def weighted_scaled_brier(y: NDArray[Any], p: NDArray[Any], weights: NDArray[Any]) -> NDArray[np.float64]:
    """1 - Brier / (prevalence (1 - prevalence)): 1 perfect, 0 as the prevalence for everybody, below 0 worse.

    Shapes: events (n,), probabilities (n,), multiplicities (resamples, n) -> (resamples,).
    """
    prevalence = (weights @ y) / weights.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = 1 - weighted_brier(y, p, weights) / (prevalence * (1 - prevalence))
    return np.where((prevalence > 0) & (prevalence < 1), scaled, np.nan)


def from_function(metric: Callable[[NDArray[Any], NDArray[Any]], float]) -> Weighted:
    """Any `metric(y, p)` of arrays (n,), one resample after the other: slow, but nothing needs to be known of it."""

    def value(y: NDArray[Any], p: NDArray[Any], weights: NDArray[Any]) -> NDArray[np.float64]:
        return np.array([metric(np.repeat(y, drawn), np.repeat(p, drawn)) for drawn in weights], dtype=float)

    return value
