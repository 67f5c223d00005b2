"""Intervals by drawing patients again: a patient's predictions of all seeds and methods go together."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strokebench.reports.statistics.intervals import Interval, percentiles
from strokebench.reports.statistics.scores import Scores
from strokebench.reports.statistics.weighted import Weighted, weighted_auc

RESAMPLES = 2000
_CHUNK = 2_000_000
"""Counts drawn, and held as numbers, at a time (our choice: 16 MB)."""


@dataclass(frozen=True)
class Difference(Interval):
    """First method minus second, on the groups that both have; `p` is two-sided, 1 for equal methods."""

    p: float


@dataclass(frozen=True)
class Bootstrap:
    """A metric of each method and group, on all patients and on each resample of them.

    Args:
        values: (methods, groups). draws: (methods, groups, resamples). NaN where the method lacks the group.
    """

    values: NDArray[np.float64]
    draws: NDArray[np.float64]

    def interval(self, method: int) -> Interval:
        """Mean over the method's groups, with the percentile interval."""
        groups = ~np.isnan(self.values[method])
        return Interval(_mean(self.values[method, groups]), *map(float, percentiles(self._draws(method, groups))))

    def difference(self, first: int, second: int) -> Difference:
        """Mean difference over the groups that both methods have, both on the same resamples."""
        groups = ~np.isnan(self.values[first]) & ~np.isnan(self.values[second])
        value = _mean(self.values[first, groups] - self.values[second, groups])
        draws = self._draws(first, groups) - self._draws(second, groups)
        draws = draws[~np.isnan(draws)]
        if np.isnan(value) or not len(draws):
            return Difference(value, np.nan, np.nan, np.nan)
        # One is added because the sample itself is a resample too: p is never 0 (Davison and Hinkley 1997, 4.2).
        tail = min((draws <= 0).sum(), (draws >= 0).sum()) + 1
        low, high = map(float, percentiles(draws))
        return Difference(value, low, high, float(min(1.0, 2 * tail / (len(draws) + 1))))

    def _draws(self, method: int, groups: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The method's mean over groups in each resample; a group that lost a class in a resample counts not."""
        drawn = self.draws[method, groups]
        there = ~np.isnan(drawn)
        with np.errstate(invalid="ignore"):
            return np.where(there, drawn, 0).sum(axis=0) / there.sum(axis=0)


def resample(y: NDArray[Any], n_resamples: int = RESAMPLES, seed: int = 0) -> NDArray[np.int16]:
    """How often each patient is drawn, (resamples, n): with replacement within each label, so prevalence stays."""
    rng = np.random.default_rng(seed)
    weights = np.zeros((n_resamples, len(y)), np.int16)
    for label in np.unique(y):
        members = np.flatnonzero(y == label)
        equal = np.full(len(members), 1 / len(members))
        # In blocks, which changes no draw: as wide as NumPy counts, all of them would take four times the result.
        step = max(1, _CHUNK // len(members))
        for start in range(0, n_resamples, step):
            rows = min(step, n_resamples - start)
            weights[start : start + rows, members] = rng.multinomial(len(members), equal, rows)
    return weights


def bootstrap(
    scores: Scores,
    metric: Weighted = weighted_auc,
    n_resamples: int = RESAMPLES,
    seed: int = 0,
    weights: NDArray[np.int16] | None = None,
) -> Bootstrap:
    """Evaluate `metric` on resamples of patients, the same for all methods, groups and seeds.

    Models are not trained again: the interval is about the patients whom they were tested on, and knows the variation
    of training only as far as the seeds and folds show it.

    Args:
        metric: see `strokebench.reports.statistics.weighted`.
        weights: how often each patient is drawn, (resamples, n); None: `n_resamples` by `resample` within labels.
    """
    weights = resample(scores.y, n_resamples, seed) if weights is None else weights
    tested = scores.tested
    values = np.full(tested.shape, np.nan)
    draws = np.full((*tested.shape, len(weights)), np.nan)
    for group in range(len(scores.groups)):
        inside = ~np.isnan(scores.p[:, group]).all(axis=0)
        drawn, y = weights[:, inside], scores.y[inside]
        once = np.ones((1, inside.sum()), np.int16)
        for method in np.flatnonzero(tested[:, group]):
            p = scores.p[method, group, inside]
            values[method, group] = metric(y, p, once)[0]
            draws[method, group] = np.concatenate([metric(y, p, some) for some in blocks(drawn)])
    return Bootstrap(values, draws)


def blocks(weights: NDArray[np.int16]) -> list[NDArray[np.int16]]:
    """Resamples (resamples, n) a few rows at a time: what is made of all at once takes gigabytes of many patients."""
    step = max(1, _CHUNK // max(1, weights.shape[1]))
    return [weights[start : start + step] for start in range(0, max(1, len(weights)), step)]


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else float("nan")
