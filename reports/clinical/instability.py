"""Would the patient have been told the same, had the model been trained once more? (Riley and Collins 2023)"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strokebench.reports.statistics.intervals import UNDEFINED, Interval, Z
from strokebench.reports.statistics.scores import Scores
from strokebench.tasks.metrics.evaluate import THRESHOLD

UNSTEADIEST = 0.95
"""Which patient stands for the unsteadiest: one of twenty differs by more (our choice)."""


@dataclass(frozen=True)
class Instability:
    """How far the probabilities of two trainings lie apart for one and the same patient.

    Args:
        difference: mean absolute one over patients, with its 95 % interval over them.
        unsteadiest: what it exceeds in one patient of twenty.
        changed: share of pairs of trainings that call the patient differently.
        trainings: of each patient, one a seed.
    """

    difference: Interval
    unsteadiest: float
    changed: float
    trainings: int


def instability(scores: Scores, name: str) -> Instability:
    """Between all pairs of the method's seeds, over the patients whom all of them tested; NaN with one seed.

    Riley and Collins hold bootstrap models against one original model; here every seed trains anew, none of which is
    the original, so pairs are held against each other. Their mean does not depend on the number of seeds.
    """
    p = tested_by_all(scores, name)
    if len(p) < 2 or not p.shape[1]:
        return Instability(UNDEFINED, np.nan, np.nan, len(p))
    one, other = np.triu_indices(len(p), 1)
    apart = np.abs(p[one] - p[other]).mean(axis=0)
    half = Z * apart.std(ddof=1) / np.sqrt(len(apart))
    mean = float(apart.mean())
    changed = float(((p[one] >= THRESHOLD) != (p[other] >= THRESHOLD)).mean())
    return Instability(
        Interval(mean, max(0.0, mean - half), mean + half), float(np.quantile(apart, UNSTEADIEST)), changed, len(p)
    )


def tested_by_all(scores: Scores, name: str) -> NDArray[np.float64]:
    """The method's probabilities of the patients whom each of its seeds tested, (seeds, patients)."""
    p = scores.p[scores.names.index(name)]
    p = p[~np.isnan(p).all(axis=1)]
    return p[:, ~np.isnan(p).any(axis=0)]
