import numpy as np
import pytest

from strokebench.errors import StrokebenchError
from strokebench.methods.parts.head_budgets import allocate, concentration

SCORES = {
    "flat": np.ones(16),
    "nothing": np.zeros(16),
    "one head": np.eye(16)[3],
    "steep": np.exp(-np.arange(16.0)),
    "random": np.random.default_rng(0).random(16),
    "some nothing": np.concatenate([np.zeros(10), np.arange(1.0, 7)]),
}


@pytest.mark.parametrize("mean", [4, 6, 10, 14, 19, 20])
@pytest.mark.parametrize("name", SCORES)
def test_budgets_sum_exactly_and_keep_their_bounds(name, mean):
    budgets = allocate(SCORES[name], mean, window=4, floor=0.1, cap=20)
    assert budgets.sum() == 16 * mean
    assert budgets.min() >= 4 and budgets.max() <= 20


@pytest.mark.parametrize("mean", [6, 10, 14])
@pytest.mark.parametrize("name", SCORES)
def test_a_higher_score_never_earns_less(name, mean):
    scores = SCORES[name]
    budgets = allocate(scores, mean, 4, 0.1, 20)
    for i in range(16):
        assert (budgets[scores > scores[i]] >= budgets[i]).all()
        assert (abs(budgets[scores == scores[i]] - budgets[i]) <= 1).all()


def test_clearly_different_scores_earn_clearly_different_budgets():
    budgets = allocate(SCORES["steep"], 10, 4, 0.1, 20)
    assert budgets[0] > budgets[-1]


def test_budgets_follow_the_equations_where_no_cap_binds():
    scores = np.array([4.0, 3, 2, 1])
    # 4 heads, 40 keys, windows of 4: r = 0.1 x 24 / 4; the rest of 21.6 by score.
    expected = 4 + 0.6 + 21.6 * scores / 10
    assert (abs(allocate(scores, 10, 4, 0.1, 100) - expected) < 1).all()


def test_what_exceeds_the_cap_goes_to_the_others_by_score():
    budgets = allocate(np.array([100.0, 2, 1, 1]), 10, 4, 0.1, 20)
    assert budgets[0] == 20
    # 20 keys are left to three heads: 4.6 each, and 6.2 by score.
    assert abs(budgets[1] - (4.6 + 3.1)) < 1


@pytest.mark.parametrize("mean", [3, 21])
def test_impossible_mean_budget_is_refused(mean):
    with pytest.raises(StrokebenchError, match=str(mean)):
        allocate(SCORES["flat"], mean, 4, 0.1, 20)


def test_concentration_of_equal_and_of_single_heads():
    flat, single = concentration(np.ones(20)), concentration(np.eye(20)[7])
    assert flat == pytest.approx(
        {"head_mass_top5": 0.05, "head_mass_top10": 0.1, "head_mass_top20": 0.2, "head_gini": 0}
    )
    assert single == pytest.approx({"head_mass_top5": 1, "head_mass_top10": 1, "head_mass_top20": 1, "head_gini": 0.95})


@pytest.mark.parametrize(("n", "counts"), [(16, (1, 2, 4)), (20, (1, 2, 4)), (101, (6, 11, 21))])
def test_the_top_heads_are_rounded_up(n, counts):
    found = concentration(np.ones(n))
    assert [found[f"head_mass_top{percent}"] * n for percent in (5, 10, 20)] == pytest.approx(counts)


def test_concentration_of_scores_that_are_all_zero_is_that_of_equal_ones():
    assert concentration(np.zeros(16)) == pytest.approx(concentration(np.ones(16)))


def test_gini_is_the_mean_difference_over_twice_the_mean():
    scores = np.random.default_rng(1).random(16)
    expected = abs(scores[:, None] - scores).mean() / (2 * scores.mean())
    assert concentration(scores)["head_gini"] == pytest.approx(expected)
