"""The axioms that make Shapley's division the only fair one."""

from itertools import combinations

import numpy as np
import pytest

from strokebench.reports.missing.table import shapley

PLAYERS = ("a", "b", "c")
SUBSETS = [frozenset(s) for size in range(4) for s in combinations(PLAYERS, size)]


def random_game(seed=0, shape=()):
    rng = np.random.default_rng(seed)
    return {subset: rng.normal(size=shape) for subset in SUBSETS}


def test_efficiency():
    game = random_game(shape=(5, 7))
    total = sum(shapley(PLAYERS, game).values())
    np.testing.assert_allclose(total, game[frozenset(PLAYERS)] - game[frozenset()])


def test_symmetry_and_dummy():
    # The glove game: a has a left glove, b a right one, c nothing.
    game = {subset: float({"a", "b"} <= subset) for subset in SUBSETS}
    assert {k: float(v) for k, v in shapley(PLAYERS, game).items()} == pytest.approx({"a": 0.5, "b": 0.5, "c": 0})


def test_linearity():
    one, two = random_game(1), random_game(2)
    both = shapley(PLAYERS, {subset: one[subset] + 2 * two[subset] for subset in SUBSETS})
    for player in PLAYERS:
        assert both[player] == pytest.approx(shapley(PLAYERS, one)[player] + 2 * shapley(PLAYERS, two)[player])


def test_textbook_gloves():
    # One left glove, two right ones: 2/3, 1/6, 1/6.
    game = {subset: float("a" in subset and len(subset) > 1) for subset in SUBSETS}
    assert [float(shapley(PLAYERS, game)[p]) for p in PLAYERS] == pytest.approx([2 / 3, 1 / 6, 1 / 6])


def test_a_subset_that_is_missing_is_no_zero():
    game = random_game()
    del game[frozenset("ab")]
    with pytest.raises(KeyError):
        shapley(PLAYERS, game)
