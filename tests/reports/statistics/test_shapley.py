"""Shapley values against their definition, player by player and order by order."""

from itertools import permutations

import numpy as np
import pytest

from strokebench.reports.statistics import shapley as module
from strokebench.reports.statistics.shapley import shapley


def game(there: np.ndarray) -> np.ndarray:
    """Two outputs; players 0 and 1 need each other, player 3 does nothing."""
    there = there.astype(float)
    first = 2 * there[:, 0] * there[:, 1] - there[:, 2] + 0.5 * there[:, 0] * there[:, 1] * there[:, 2]
    return np.column_stack([first, np.exp(there[:, :3].sum(axis=1))])


def by_definition(players: int) -> np.ndarray:
    orders = list(permutations(range(players)))
    total = np.zeros((players, 2))
    for order in orders:
        for place, player in enumerate(order):
            before, after = np.zeros((2, 1, players), bool)
            before[0, list(order[:place])] = after[0, list(order[: place + 1])] = True
            total[player] += (game(after) - game(before))[0]
    return total / len(orders)


def test_exactly_as_defined():
    found = shapley(game, 4)
    np.testing.assert_allclose(found, by_definition(4), atol=1e-12)
    assert found[3].tolist() == [0, 0]


def test_textbook_gloves():
    # One left glove, two right ones: 2/3, 1/6, 1/6.
    found = shapley(lambda there: (there[:, 0] & there[:, 1:].any(axis=1)).astype(float), 3)
    np.testing.assert_allclose(found, [2 / 3, 1 / 6, 1 / 6])


def test_outputs_of_any_shape_add_up():
    worth = np.random.default_rng(0).normal(size=(8, 5, 7))
    found = shapley(lambda there: worth[there @ (1, 2, 4)], 3)
    np.testing.assert_allclose(found.sum(axis=0), worth[7] - worth[0])


def test_sampled_orders_add_up_and_come_near(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "EXACT", 0)
    found = shapley(game, 4)
    everyone, nobody = game(np.ones((1, 4), bool)), game(np.zeros((1, 4), bool))
    np.testing.assert_allclose(found.sum(axis=0), (everyone - nobody)[0])
    np.testing.assert_allclose(found, by_definition(4), atol=1)
    np.testing.assert_array_equal(found, shapley(game, 4))


def test_sampled_orders_are_exact_where_players_add_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "EXACT", 0)
    np.testing.assert_allclose(shapley(lambda there: there @ np.arange(12.0), 12), np.arange(12.0), atol=1e-12)
