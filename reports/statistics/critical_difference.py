"""Friedman's test and Nemenyi's critical difference over independent cohorts or hospitals, and over nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from strokebench.errors import StrokebenchError, counted
from strokebench.reports.statistics.decisions import ALPHA

Unit = Literal["dataset", "hospital", "fold", "seed", "run"]
_INDEPENDENT = ("dataset", "hospital")
_FEWEST = 5
"""Blocks below which the chi-square approximation says little (our choice; Demsar asks for more than 10)."""


@dataclass(frozen=True)
class CriticalDifference:
    """Mean ranks (1 is best) and what they may differ by chance.

    Args:
        ranks: mean rank by method, best first. n_blocks: cohorts or hospitals.
        p: of Friedman's test of no difference at all, corrected for ties.
        distance: two mean ranks further apart than this differ (Nemenyi, at `ALPHA`).
        groups: largest sets of neighbouring methods that cannot be told apart.
    """

    ranks: pd.Series
    n_blocks: int
    p: float
    distance: float
    groups: tuple[tuple[str, ...], ...]


def critical_difference(scores: pd.DataFrame, unit: Unit) -> CriticalDifference:
    """Demsar (2006): rank the methods within each block, compare mean ranks.

    Args:
        scores: one row a block, one column a method, higher is better, nothing missing.
        unit: what a block is.

    Raises:
        StrokebenchError: blocks are folds, seeds or runs of one cohort, which share their patients; fewer
            than 5 blocks or 3 methods, or a missing score.
    """
    if unit not in _INDEPENDENT:
        raise StrokebenchError(
            f"No critical-difference diagram over {unit}s of one cohort: they share their patients, so that the ranks "
            "would repeat the same evidence and the distance would come out far too small.",
            "It needs independent data sets, or hospitals each left out once (protocol loho).",
        )
    n, k = scores.shape
    if n < _FEWEST or k < 3:
        raise StrokebenchError(
            f"A critical difference over {counted(n, unit)} and {counted(k, 'method')} says too little.",
            f"It needs at least {_FEWEST} {unit}s and 3 methods.",
        )
    if scores.isna().any(axis=None):
        row, column = np.argwhere(scores.isna().to_numpy())[0]
        raise StrokebenchError(
            f"{scores.columns[column]} has no score on {unit} {scores.index[row]}.", "Finish its runs, or leave it out."
        )
    from scipy.stats import friedmanchisquare, rankdata, studentized_range

    ranks = pd.Series(rankdata(-scores.to_numpy(), axis=1).mean(axis=0), scores.columns).sort_values(kind="stable")
    equal = bool((np.ptp(scores.to_numpy(), axis=1) == 0).all())
    p = 1.0 if equal else friedmanchisquare(*scores.to_numpy().T).pvalue
    distance = float(studentized_range.ppf(1 - ALPHA, k, np.inf) / np.sqrt(2) * np.sqrt(k * (k + 1) / (6 * n)))
    return CriticalDifference(ranks, n, float(p), distance, _groups(ranks, distance))


def _groups(ranks: pd.Series, distance: float) -> tuple[tuple[str, ...], ...]:
    found: list[tuple[str, ...]] = []
    last = -1
    names: Sequence[str] = list(ranks.index)
    for start, low in enumerate(ranks):
        end = int((ranks <= low + distance).sum()) - 1
        if end > start and end > last:
            found.append(tuple(names[start : end + 1]))
            last = end
    return tuple(found)
