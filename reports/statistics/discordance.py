"""How far a method's ranking of patients hangs on whom it was trained on.

DeLong's variance takes the models as given. What other training patients would have added cannot be read from the
spread of runs, which share most of them; but two seeds train models on different patients and test some patients both.
How often two such models rank the same two patients differently says how much that luck matters.
"""

from itertools import combinations

import numpy as np

from strokebench.reports.statistics.scores import Scores

WIDENING = 5.0
"""By how much of itself DeLong's variance of an AUC grows with a discordance of 1 (ours: chosen on three made-up worlds
at two sizes and tried on six others, `docs/statistics.md`)."""
MOST = 400
"""Patients of one pair of models that are looked at, evenly chosen: more would cost the square of their number."""


def discordance(scores: Scores, method: int) -> float:
    """Share of patients' pairs with different outcomes that models of two seeds rank differently; a tie in one is half.

    Each pair of models is asked about the patients whom both test, so that neither was trained on them.

    Returns:
        0 where no training patient matters, 1/2 where models have nothing in common; NaN of a single seed.
    """
    p, changed, pairs = scores.p[method], 0.0, 0
    for (one, (seed, _)), (other, (later, _)) in combinations(enumerate(scores.groups), 2):
        if seed == later:
            continue
        both = np.flatnonzero(~np.isnan(p[[one, other]]).any(axis=0))
        both = both[:: 1 + len(both) // MOST]
        y = scores.y[both]
        apart = y[:, None] < y
        first, second = (np.sign(values[:, None] - values)[apart] for values in p[[one, other]][:, both])
        changed += float(np.abs(first - second).sum()) / 2
        pairs += len(first)
    return changed / pairs if pairs else float("nan")


def widening(scores: Scores, method: int) -> float:
    """The factor of DeLong's variance that allows for other training patients; NaN of a single seed."""
    return 1 + WIDENING * discordance(scores, method)
