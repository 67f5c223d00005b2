"""Paired gains of one model over another on the same test parts, with intervals that hold their level under `cv5`."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strokebench.reports.statistics.delong import DeLong
from strokebench.reports.statistics.intervals import LEVEL, Interval
from strokebench.reports.statistics.paired import combined_t
from strokebench.reports.statistics.scores import Scores


@dataclass(frozen=True)
class Gain(Interval):
    """Second model over first; positive is better. `p` is two-sided, 1 for equal models."""

    p: float


def auc_gain(analytic: DeLong, before: int, after: int, test_share: float | None) -> Gain:
    """Gain in AUC of the method `after` over `before`; for `test_share` see `gain`."""
    return gain(
        analytic.aucs[after] - analytic.aucs[before], analytic.shares[after] - analytic.shares[before], test_share
    )


def brier_gain(scores: Scores, before: int, after: int, test_share: float | None) -> Gain:
    """How far the Brier score falls."""
    return _of_patients(np.square(scores.p[before] - scores.y) - np.square(scores.p[after] - scores.y), test_share)


def net_benefit_gain(scores: Scores, before: int, after: int, threshold: float, test_share: float | None) -> Gain:
    """Gain in net benefit at a threshold: events called, less others called at the odds of the threshold, a patient."""
    worth = np.where(scores.y, 1.0, -threshold / (1 - threshold))
    called = [np.where(np.isnan(p), np.nan, p >= threshold) for p in (scores.p[before], scores.p[after])]
    return _of_patients((called[1] - called[0]) * worth, test_share)


def gain(by_run: NDArray[np.float64], shares: NDArray[np.float64], test_share: float | None) -> Gain:
    """The mean gain over runs, with an interval of the mean of two variances, and Student's t.

    One variance is over patients, each patient a cluster over runs, and takes the models as given; the other, Nadeau's
    and Bengio's, is over runs. Each alone errs, in opposite directions; their mean held its level in the simulations
    of our statistics (200 patients, five folds, two seeds), and loses less power than the second alone.

    Args:
        by_run: gains, (runs,), NaN where one of the models lacks the run.
        shares: each patient's part in the error of each gain, (runs, n), zero where untested.
        test_share: n_test / n_train; None where runs are no draws of test parts (`holdout`, `loho`): then the patients'
            variance and the normal distribution alone. With a share, one run has no interval and no p.
    """
    from scipy.stats import norm

    known = ~np.isnan(by_run)
    if not known.any():
        return Gain(np.nan, np.nan, np.nan, np.nan)
    se = float(np.sqrt(np.square(shares[known].mean(axis=0)).sum()))
    if test_share is not None:
        t = combined_t(by_run, test_share, se)
        return Gain(t.value, t.low, t.high, t.p)
    value = float(by_run[known].mean())
    with np.errstate(divide="ignore"):
        p = 1.0 if value == 0 else float(2 * norm.sf(np.divide(abs(value), se)))
    half = float(norm.ppf((1 + LEVEL) / 2)) * se
    return Gain(value, value - half, value + half, p)


def _of_patients(gains: NDArray[np.float64], test_share: float | None) -> Gain:
    """Of a mean over patients: gains (runs, n), NaN where the patient is untested or a model lacks the run."""
    tested = ~np.isnan(gains)
    counts = tested.sum(axis=1)
    with np.errstate(invalid="ignore"):
        by_run = np.where(tested, gains, 0).sum(axis=1) / np.where(counts, counts, np.nan)
    shares = np.where(tested, gains - by_run[:, None], 0) / np.maximum(counts, 1)[:, None]
    return gain(by_run, shares, test_share)
