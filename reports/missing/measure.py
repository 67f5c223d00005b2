"""Missing modalities: which conditions are looked at, and what comes of them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import comb
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from strokebench.reports.results import Results
from strokebench.reports.statistics.bootstrap import Bootstrap, bootstrap
from strokebench.reports.statistics.scores import Scores, arrange
from strokebench.tasks.conditions import COMPLETE, Condition, all_subsets

ORDER = ("image", "text", "table")
"""The paper's three modalities."""

WHOLE = frozenset(ORDER)
RATES = (0.1, 0.3, 0.5, 0.7)
TRAINED_RATE = 0.3
"""How much was missing where a method was also trained with missing modalities (our choice)."""

CHANCE = 0.5
"""AUC of knowing nothing."""

RESAMPLES = 500
"""Of patients; 36 conditions in every run make more of them slow (our choice)."""

TRAINED, TESTED, RAW = "trained without", "tested without", "tested without, raw zeros"
WAYS: Mapping[str, Condition] = {
    TESTED: Condition(when="test_only"),
    RAW: Condition(when="test_only", fill="zero"),
    TRAINED: Condition(when="always"),
}
"""How a modality is taken away; `keep` comes from the subset."""

ANY = "any"
TRAINED_ANY = "any, trained so too"
CURVES: Mapping[str, frozenset[str]] = {
    **{modality: WHOLE - {modality} for modality in ORDER},
    ANY: frozenset(),
}
"""What is missing at random -> what always stays."""


def subset_condition(way: str, keep: frozenset[str]) -> Condition:
    """The condition in which only `keep` is seen; the whole is the same in every way."""
    return COMPLETE if keep == WHOLE else replace(WAYS[way], keep=keep)


def subsets() -> list[frozenset[str]]:
    """The seven, from one modality to all."""
    return [condition.keep or WHOLE for condition in all_subsets(ORDER)]


def rate_condition(curve: str, rate: float) -> Condition | None:
    """The point of a curve at this rate; None where it has none (everything missing needs no run)."""
    if curve == TRAINED_ANY:
        return Condition(frozenset(), rate=rate) if rate == TRAINED_RATE else None
    if rate == 0:
        return COMPLETE
    return None if curve == ANY and rate == 1 else Condition(CURVES[curve], "test_only", rate)


def missing_conditions() -> list[Condition]:
    """Every condition of the experiment, once; those of the test part alone share one fit."""
    wanted = [subset_condition(way, keep) for way in WAYS for keep in subsets()]
    wanted += [found for curve in CURVES for rate in RATES if (found := rate_condition(curve, rate))]
    wanted += [Condition(frozenset(), rate=TRAINED_RATE)]
    return list(dict.fromkeys(wanted))


Player = TypeVar("Player", bound=Hashable)


def shapley(
    players: Sequence[Player], worth: Mapping[frozenset[Player], NDArray[np.float64] | float]
) -> dict[Player, NDArray[np.float64]]:
    """Each player's mean gain over all orders in which players may join (Shapley 1953).

    The values sum to the worth of all less that of nobody.

    Args:
        worth: of every subset, the empty one too; numbers, or arrays of any shape that they share.

    Raises:
        KeyError: a subset is missing.
    """
    n = len(players)
    values = {}
    for player in players:
        others = [other for other in players if other != player]
        total = np.zeros(np.shape(worth[frozenset(players)]))
        for size in range(n):
            for before in map(frozenset, combinations(others, size)):
                total = total + (worth[before | {player}] - worth[before]) / (n * comb(n - 1, size))
        values[player] = total
    return values


@dataclass(frozen=True)
class Missing:
    """AUCs of one method under every condition that has finished runs.

    Args:
        scores: a condition is what a method is elsewhere.
        drawn: AUC of (condition, run), on all patients and on resamples of them.
    """

    scores: Scores
    drawn: Bootstrap

    def index(self, condition: Condition | None) -> int | None:
        """Where the condition stands; None if it has no finished run."""
        names = self.scores.names
        return names.index(condition.id) if condition and condition.id in names else None

    def runs(self, condition: Condition | None) -> np.ndarray:
        """Its AUC in each of its finished runs, (runs,)."""
        place = self.index(condition)
        if place is None:
            return np.zeros(0)
        values = self.drawn.values[place]
        return values[~np.isnan(values)]

    def contributions(self, way: str) -> Bootstrap | None:
        """Shapley values of `ORDER` in AUC, by run; NaN in runs that lack a subset, None where all do."""
        places = {keep: self.index(subset_condition(way, keep)) for keep in subsets()}
        if None in places.values():
            return None
        values: dict = {keep: self.drawn.values[place] for keep, place in places.items()}
        draws: dict = {keep: self.drawn.draws[place] for keep, place in places.items()}
        values[frozenset()], draws[frozenset()] = CHANCE, CHANCE
        found, found_draws = shapley(ORDER, values), shapley(ORDER, draws)
        shares = Bootstrap(np.stack([found[m] for m in ORDER]), np.stack([found_draws[m] for m in ORDER]))
        return None if np.isnan(shares.values).all() else shares


def measure(results: Results, method: str, n_resamples: int = RESAMPLES) -> Missing | None:
    """Bootstrap the AUC of every condition of a method over patients; None without a finished run."""
    mine = results.predictions[results.predictions["method"] == method]
    if mine.empty:
        return None
    # What is compared are conditions: each takes the place that methods have elsewhere.
    scores = arrange(mine.assign(method=mine["condition"], variant="", condition=""), endpoint=results.endpoint)
    return Missing(scores, bootstrap(scores, n_resamples=n_resamples)) if scores.groups else None
