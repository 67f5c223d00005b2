"""What is each modality worth? Shapley's fair division of the AUC among them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations
from math import comb
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

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
