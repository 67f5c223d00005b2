"""Instability and gaps between groups against hand-made numbers and other libraries."""

import numpy as np
import pytest
from one_part import single
from scipy.stats import norm
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from strokebench.reports.clinical.fairness import gaps
from strokebench.reports.clinical.instability import instability
from strokebench.reports.statistics.scores import Scores

P = np.array([[0.2, 0.4, 0.9, 0.6], [0.3, 0.4, 0.7, 0.4], [0.1, 0.4, 0.8, np.nan]])


def three_seeds(p=P):
    groups = tuple((seed, -1) for seed in range(len(p)))
    return Scores(("m",), groups, np.arange(4), np.array([False, False, True, True]), p[None])


def test_instability_by_hand():
    # Pairs of seeds of the three patients whom all seeds tested: .1 .1 .2, 0 0 0, .2 .1 .1.
    found = instability(three_seeds(), "m")
    means = np.array([0.4 / 3, 0, 0.4 / 3])
    assert found.difference.value == pytest.approx(means.mean()) and found.trainings == 3
    half = norm.ppf(0.975) * means.std(ddof=1) / np.sqrt(3)
    assert found.difference.high == pytest.approx(means.mean() + half) and found.difference.low >= 0
    assert found.changed == 0
    # The fourth, tested by two, is called by one of them.
    assert instability(three_seeds(P[:2]), "m").changed == pytest.approx(1 / 4)


def test_instability_needs_two_trainings_and_does_not_grow_with_them():
    assert np.isnan(instability(three_seeds(P[:1]), "m").difference.value)
    random = np.random.default_rng(0)
    means = []
    for seeds in (2, 8):
        p = 0.5 + 0.05 * random.normal(size=(seeds, 5000))
        groups = tuple((seed, -1) for seed in range(seeds))
        scores = Scores(("m",), groups, np.arange(5000), np.zeros(5000, bool), p[None])
        means.append(instability(scores, "m").difference.value)
    # Two normal draws lie 2 sigma / sqrt(pi) apart on average.
    assert means == pytest.approx([0.1 / np.sqrt(np.pi)] * 2, rel=0.03)


def patients(n=400):
    random = np.random.default_rng(1)
    y = random.random(n) < 0.4
    group = np.where(random.random(n) < 0.5, "F", "M")
    p = np.clip(0.5 + 0.15 * (2 * y - 1) + random.normal(0, 0.2, n) - 0.1 * (group == "F"), 0.01, 0.99)
    return y, group, p


def test_gaps_are_differences_of_two_groups():
    y, group, p = patients()
    (gap,) = gaps(single(y, p), single(y, p), "method 1", [("sex", group, ["F", "M"])])
    f = group == "F"
    counts = [((p >= 0.5) & y & side).sum() for side in (f, ~f)], [(y & side).sum() for side in (f, ~f)]
    low, high = confint_proportions_2indep(
        counts[0][0], counts[1][0], counts[0][1], counts[1][1], compare="diff", method="newcomb"
    )
    assert gap.sensitivity.value == pytest.approx(counts[0][0] / counts[1][0] - counts[0][1] / counts[1][1])
    assert (gap.sensitivity.low, gap.sensitivity.high) == pytest.approx((low, high))
    spared = [((p < 0.5) & ~y & side).sum() / (~y & side).sum() for side in (f, ~f)]
    assert gap.specificity.value == pytest.approx(spared[0] - spared[1])
    excess = y - p
    assert gap.observed_less_predicted.value == pytest.approx(excess[f].mean() - excess[~f].mean())
    assert gap.observed_less_predicted.low > 0 and (gap.against, gap.n, gap.warning) == ("M", f.sum(), "")
    # Beside the difference stands what each of the two has of its own.
    assert list(gap.sides) == ["F", "M"]
    for side, own, found, events in zip((f, ~f), gap.sides.values(), *counts, strict=True):
        interval = own.sensitivity.value, own.sensitivity.low, own.sensitivity.high
        assert interval == pytest.approx((found / events, *proportion_confint(found, events, method="wilson")))
        assert own.specificity.value == pytest.approx(((p < 0.5) & ~y & side).sum() / (~y & side).sum())
        assert own.observed_less_predicted.value == pytest.approx(excess[side].mean())
        assert (own.n, own.warning) == (side.sum(), "")


def test_more_groups_are_held_against_all_others_and_small_ones_are_warned_of():
    y, _, p = patients()
    group = np.array(["a"] * 200 + ["b"] * 190 + ["c"] * 10)
    found = gaps(single(y, p), single(y, p), "method 1", [("site", group, ["a", "b", "c"]), ("one", y.astype(str), [])])
    assert [(gap.group, gap.against) for gap in found] == [("a", "others"), ("b", "others"), ("c", "others")]
    assert found[0].warning == "" and "n < 30" in found[2].warning
    assert [list(gap.sides) for gap in found] == [["a"], ["b"], ["c"]]


def test_a_group_of_one_class_has_no_gap_in_what_it_lacks():
    y = np.array([True] * 40 + [False] * 40 + [True, False] * 30)
    group = np.array(["a"] * 40 + ["b"] * 100)
    p = np.linspace(0.1, 0.9, 140)
    (gap,) = gaps(single(y, p), single(y, p), "method 1", [("sex", group, ["a", "b"])])
    assert np.isnan(gap.auc.value) and np.isnan(gap.specificity.value) and not np.isnan(gap.sensitivity.value)
    assert gap.warning == "one class only"
