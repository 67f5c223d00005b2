"""DeLong's variance, covariance and paired test of AUCs, over one test part or over many of the same patients.

The AUC is a mean over pairs; DeLong (1988) reads its variance from each patient's *placement*: the share of the other
class whom the patient is ranked rightly against. With several test parts, a patient's placements (one a seed) are
added up with the weight that they have in the mean AUC, and the variance is the sum over *patients* of their squares.
For one test part this is DeLong's variance exactly; for the folds of one seed it is the influence-curve variance of the
cross-validated AUC (LeDell, Petersen and van der Laan 2015); over seeds, the patient is the cluster, so that
predicting the same patients again does not count as new evidence. As all of these it takes the models as given: how
they would vary with other training patients is left out, hence the simulation in `docs/statistics.md`.

Of grades the same is made of the generalised c, the share of all pairs with different grades that are ranked rightly.
Which pairs can be compared is then chance too, so that a patient's share is the influence on a ratio (Pencina and
D'Agostino 2004; Kang and others 2015): a grade that a test part holds once has no variance of its own.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strokebench.reports.statistics.intervals import Interval, Z, logit_interval
from strokebench.reports.statistics.paired import PairedTest, gain
from strokebench.reports.statistics.scores import Scores


@dataclass(frozen=True)
class DeLong:
    """AUCs, of grades generalised c, and each patient's share in them.

    Args:
        aucs: (methods, groups). shares: (methods, groups, n), zero where the patient is not tested; NaN for a
            group with a single patient of two classes. A method without the group has NaN in both.
    """

    aucs: NDArray[np.float64]
    shares: NDArray[np.float64]

    def interval(self, method: int, widened: float = 1.0) -> Interval:
        """Mean AUC with an interval that is symmetric on the logit scale, so that it stays within [0, 1].

        Args:
            widened: factor of the variance.
        """
        groups = self._has(method)
        auc = float(self.aucs[method, groups].mean()) if groups.any() else float("nan")
        se = float(np.sqrt(widened * (self._mean_share(method, groups) ** 2).sum()))
        return logit_interval(auc, Z * se)

    def test(self, first: int, second: int) -> PairedTest:
        """Do two methods (first minus second) differ on the groups that both have? Equal methods: difference 0, p = 1.

        A difference without any variance (one method ranks all patients rightly, the other ties all) has p = 0.
        """
        return gain(self.aucs[first] - self.aucs[second], self.shares[first] - self.shares[second], None)

    def _has(self, method: int) -> NDArray[np.bool_]:
        return ~np.isnan(self.aucs[method])

    def _mean_share(self, method: int, groups: NDArray[np.bool_]) -> NDArray[np.float64]:
        if not groups.any():
            return np.full(self.shares.shape[2], np.nan)
        return self.shares[method, groups].mean(axis=0)


def delong(scores: Scores) -> DeLong:
    """AUC, or c, and shares of every method in every group."""
    tested = scores.tested
    aucs = np.full(tested.shape, np.nan)
    shares = np.full(scores.p.shape, np.nan)
    for method, group in np.argwhere(tested):
        inside = ~np.isnan(scores.p[method, group])
        y = scores.y[inside]
        rank = _rank_events if y.dtype == bool else _rank_grades
        aucs[method, group], share = rank(y, scores.p[method, group, inside])
        shares[method, group] = 0.0
        shares[method, group, inside] = share
    return DeLong(aucs, shares)


Ranked = tuple[float, NDArray[np.float64]]
"""AUC or c, and shares (n,)."""


def _rank_events(y: NDArray[np.bool_], p: NDArray[Any]) -> Ranked:
    values = placements(y, p)
    auc = values[y].mean()
    share = np.empty(len(y))
    for members in (y, ~y):
        count = int(members.sum())
        # The square of this root makes the sum of squares DeLong's S / count, with its divisor count - 1.
        share[members] = (values[members] - auc) / np.sqrt(count * (count - 1)) if count > 1 else np.nan
    return float(auc), share


def _rank_grades(y: NDArray[Any], p: NDArray[Any]) -> Ranked:
    right, pairs = np.zeros(len(y)), np.zeros(len(y))
    for low, high in combinations(np.unique(y), 2):
        part = (y == low) | (y == high)
        worse = y[part] == high
        others = np.where(worse, (~worse).sum(), worse.sum())
        right[part] += placements(worse, p[part]) * others
        pairs[part] += others
    c = right.sum() / pairs.sum()
    # Each pair is counted by both of its patients; the root is that of an unbiased variance.
    return float(c), 2 * (right - c * pairs) / pairs.sum() * np.sqrt(len(y) / (len(y) - 1))


def placements(y: NDArray[np.bool_], p: NDArray[Any]) -> NDArray[np.float64]:
    """Share of the other class that each patient is ranked rightly against (n,), ties half.

    By sorting the other class, as midranks do in Sun and Xu (2014): n log n instead of n^2 comparisons.
    """
    y, p = np.asarray(y, dtype=bool), np.asarray(p)
    values = np.empty(len(y))
    for members in (y, ~y):
        others = np.sort(p[~members])
        below = (others.searchsorted(p[members]) + others.searchsorted(p[members], "right")) / 2 / len(others)
        values[members] = below if members is y else 1 - below
    return values
