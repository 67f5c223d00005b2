"""Shapley values of a game: what each player adds, averaged over the orders in which they may come."""

from collections.abc import Callable
from math import comb

import numpy as np
from numpy.typing import NDArray

EXACT = 10
"""Players up to which all subsets are looked at, 1024 of them."""
ORDERS = 20
"""Random orders of more players, each taken backwards too (our choice)."""


def shapley(worth: Callable[[NDArray[np.bool_]], NDArray[np.float64]], players: int) -> NDArray[np.float64]:
    """What each player adds, (players, *outputs); the sum is the worth of all less that of none.

    Exact up to `EXACT` players; of more, the mean over random orders and their reverses (Castro et al. 2009; reverses:
    Mitchell et al. 2022), the same ones in every call.

    Args:
        worth: of coalitions (k, players), who is there: (k, *outputs).

    >>> shapley(lambda there: there[:, 0] * (1.0 + there[:, 1]), 2)
    array([1.5, 0.5])
    """
    return _exact(worth, players) if players <= EXACT else _sampled(worth, players)


def _exact(worth: Callable[[NDArray[np.bool_]], NDArray[np.float64]], players: int) -> NDArray[np.float64]:
    there = (np.arange(2**players)[:, None] >> np.arange(players)) % 2 == 1
    values, sizes = worth(there), there.sum(axis=1)
    weights = np.array([1 / (players * comb(players - 1, size)) for size in range(players)])
    added = []
    for player in range(players):
        without = np.flatnonzero(~there[:, player])
        added.append(np.tensordot(weights[sizes[without]], values[without + 2**player] - values[without], 1))
    return np.array(added)


def _sampled(worth: Callable[[NDArray[np.bool_]], NDArray[np.float64]], players: int) -> NDArray[np.float64]:
    random, total = np.random.default_rng(0), np.zeros(1)
    for _ in range(ORDERS):
        order = random.permutation(players)
        for places in (np.argsort(order), np.argsort(order[::-1])):
            # Row k has the first k players of the order.
            gains = np.diff(worth(places < np.arange(players + 1)[:, None]), axis=0)
            total = total + gains[places]
    return total / (2 * ORDERS)
