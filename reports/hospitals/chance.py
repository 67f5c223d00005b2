"""What the chance of a hospital's patients does to the AUC, or c, of the methods that are tested there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from strokebench.reports.results import Results
from strokebench.reports.statistics.delong import delong
from strokebench.reports.statistics.intervals import Interval, Z, auc_interval, logit_interval
from strokebench.reports.statistics.scores import Scores, arrange
from strokebench.reports.summary import once


@dataclass(frozen=True)
class Chance:
    """One hospital's patients, and what the methods predict of them.

    Args:
        scores: of its test part, one group a seed. tested: whose patients of all it has, (n,).
    """

    scores: Scores
    tested: NDArray[np.bool_]

    def interval(self, value: float, methods: Sequence[str]) -> Interval:
        """95 % interval of the mean AUC, or c, of these methods over seeds, the models as they are.

        Of an AUC by its error on so many patients; of c by each patient's influence, the patient as cluster.
        """
        y = self.scores.y[self.tested]
        if y.dtype == bool:
            return auc_interval(value, int(y.sum()), int((~y).sum()))
        shares = self._shares[[self.scores.names.index(method) for method in methods]]
        return logit_interval(value, Z * float(np.sqrt(np.square(np.nanmean(shares, axis=(0, 1))).sum())))

    @cached_property
    def _shares(self) -> NDArray[np.float64]:
        return delong(self.scores).shares


@once
def by_hospital(results: Results) -> dict[int, Chance]:
    """By fold, of the hospitals that are judged."""
    if results.judged.empty:
        return {}
    scores = arrange(results.judged, runs=results.runs, endpoint=results.endpoint)
    found = {}
    for fold in sorted({fold for _, fold in scores.groups}):
        own = [number for number, group in enumerate(scores.groups) if group[1] == fold]
        part = replace(scores, groups=tuple(scores.groups[number] for number in own), p=scores.p[:, own])
        found[fold] = Chance(part, np.any(~np.isnan(part.p), axis=(0, 1)))
    return found
