"""Scores of probabilities, on many resamples at once; in the form of `strokebench.reports.statistics.weighted`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from strokebench.reports.statistics.weighted import weighted_brier


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
