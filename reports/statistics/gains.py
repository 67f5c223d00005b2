"""Gains of one model over another on the same test parts, with intervals that allow for other training patients."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.reports.statistics.delong import DeLong
from strokebench.reports.statistics.paired import PairedTest, gain
from strokebench.reports.statistics.scores import Scores
from strokebench.tasks.endpoint import Endpoint


def auc_gain(
    analytic: DeLong, before: int, after: int, test_share: float | None, parts: NDArray[np.intp] | None = None
) -> PairedTest:
    """Gain in AUC, or c of grades, of `after` over `before`; for `test_share` and `parts`, (groups,), see `gain`."""
    return auc_contrast(analytic, [before, after], np.array([-1.0, 1.0]), test_share, parts)


def auc_contrast(
    analytic: DeLong,
    places: Sequence[int],
    weights: NDArray[np.float64],
    test_share: float | None,
    parts: NDArray[np.intp] | None = None,
) -> PairedTest:
    """Sum of the AUCs, or c, of several settings by weights that add up to 0, each (settings,); else as `auc_gain`.

    Where all rank all patients rightly, or tie all, there is no interval and no p: what varies by nothing in a sample
    is not known for sure.
    """
    shares, by_run = analytic.shares[list(places)], np.tensordot(weights, analytic.aucs[list(places)], 1)
    found = gain(by_run, np.tensordot(weights, shares, 1), test_share, parts)
    varies = shares[:, ~np.isnan(by_run)].any()
    return found if varies else replace(found, low=np.nan, high=np.nan, se=np.nan, p=np.nan)


def squared_errors(endpoint: Endpoint, predictions: pd.DataFrame) -> NDArray[np.float64]:
    """Each prediction's part in the Brier score, (rows,); of grades the mean over the cuts between them.

    That mean is the ranked probability score (Epstein 1969) over the number of cuts.
    """
    y, p = endpoint.ordered(predictions["y"]), endpoint.probabilities(predictions)
    if p.ndim == 1:
        return np.square(p - y)
    above = 1 - p.cumsum(axis=1)[:, :-1]
    return np.square(above - (y[:, None] > np.arange(above.shape[1]))).mean(axis=1)


def error_gain(
    errors: Scores, before: int, after: int, test_share: float | None, parts: NDArray[np.intp] | None = None
) -> PairedTest:
    """How far the mean of `squared_errors`, which stand in the place of probabilities, falls; `parts` (groups,)."""
    return _of_patients(errors.p[before] - errors.p[after], test_share, parts)


def brier_gain(scores: Scores, before: int, after: int, test_share: float | None) -> PairedTest:
    """How far the Brier score of events falls."""
    return error_gain(replace(scores, p=np.square(scores.p - scores.y)), before, after, test_share)


def net_benefit_gain(
    scores: Scores,
    before: int,
    after: int,
    threshold: float,
    test_share: float | None,
    parts: NDArray[np.intp] | None = None,
) -> PairedTest:
    """Gain in net benefit at a threshold: events called, less others called at the odds of the threshold, a patient.

    For `parts`, (groups,), see `gain`.
    """
    worth = np.where(scores.y, 1.0, -threshold / (1 - threshold))
    called = [np.where(np.isnan(p), np.nan, p >= threshold) for p in (scores.p[before], scores.p[after])]
    return _of_patients((called[1] - called[0]) * worth, test_share, parts)


def _of_patients(gains: NDArray[np.float64], test_share: float | None, parts: NDArray[np.intp] | None) -> PairedTest:
    """Of a mean over patients: gains (runs, n), NaN where the patient is untested or a model lacks the run."""
    tested = ~np.isnan(gains)
    counts = tested.sum(axis=1)
    with np.errstate(invalid="ignore"):
        by_run = np.where(tested, gains, 0).sum(axis=1) / np.where(counts, counts, np.nan)
    shares = np.where(tested, gains - by_run[:, None], 0) / np.maximum(counts, 1)[:, None]
    return gain(by_run, shares, test_share, parts)
