"""Gains of one model over another, by the definition and by what is known of their parts."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import brier_score_loss

from strokebench.reports.statistics.delong import delong
from strokebench.reports.statistics.gains import auc_gain, brier_gain, net_benefit_gain, squared_errors
from strokebench.reports.statistics.paired import combined_t, corrected_t, gain
from strokebench.reports.statistics.scores import Scores
from strokebench.tasks.endpoints.binary import BINARY
from strokebench.tasks.endpoints.ordinal import Ordinal

Y = np.array([1, 1, 1, 0, 0, 0, 0, 0], bool)
BEFORE = np.array([0.6, 0.4, 0.7, 0.5, 0.2, 0.3, 0.1, 0.6])
AFTER = np.array([0.9, 0.6, 0.7, 0.4, 0.2, 0.1, 0.1, 0.5])


def folds(p: np.ndarray, y: np.ndarray, parts: int) -> Scores:
    """Methods (methods, n) whose patients are tested in turn, `parts` groups of them."""
    n = p.shape[1]
    inside = np.arange(n) % parts == np.arange(parts)[:, None]
    spread = np.where(inside, p[:, None, :], np.nan)
    names = tuple(f"m{number}" for number in range(len(p)))
    return Scores(names, tuple((0, fold) for fold in range(parts)), np.arange(n), y, spread)


def test_of_one_test_part_the_auc_s_is_delong_s_test():
    analytic = delong(folds(np.array([BEFORE, AFTER]), Y, 1))
    found, test = auc_gain(analytic, 0, 1, None), analytic.test(1, 0)
    assert (found.value, found.low, found.high, found.p) == pytest.approx((test.value, test.low, test.high, test.p))
    assert found.value > 0


def test_of_one_test_part_the_brier_score_s_is_the_paired_z_test():
    losses = np.square(BEFORE - Y) - np.square(AFTER - Y)
    found = brier_gain(folds(np.array([BEFORE, AFTER]), Y, 1), 0, 1, None)
    se = losses.std() / np.sqrt(len(Y))
    assert found.value == pytest.approx(losses.mean())
    assert found.high - found.low == pytest.approx(2 * stats.norm.ppf(0.975) * se)
    assert found.p == pytest.approx(2 * stats.norm.sf(losses.mean() / se))


def test_the_error_of_grades_is_the_brier_score_averaged_over_the_cuts():
    grades = Ordinal("mrs", 0, 2)
    # Of grade 0: to pass the cuts .5 and .2 was predicted; of grade 2: .9 and .6.
    predictions = pd.DataFrame({"y": [0, 2], "p0": [0.5, 0.1], "p1": [0.3, 0.3], "p2": [0.2, 0.6]})
    found = squared_errors(grades, predictions)
    np.testing.assert_allclose(found, [(0.5**2 + 0.2**2) / 2, (0.1**2 + 0.4**2) / 2])
    events = pd.DataFrame({"y": Y.astype(int), "p": AFTER})
    np.testing.assert_allclose(squared_errors(BINARY, events).mean(), brier_score_loss(Y, AFTER))


def test_net_benefit_by_hand():
    """At 50 %: before, 2 of 3 events and 2 others are called (0.5 counts); after, 3 events and 1 other."""
    found = net_benefit_gain(folds(np.array([BEFORE, AFTER]), Y, 1), 0, 1, 0.5, None)
    assert found.value == pytest.approx((3 - 1) / 8 - (2 - 2) / 8)
    # At 20 % a needless call costs a quarter: all events before and after; others 4 of 5 before, 3 after.
    found = net_benefit_gain(folds(np.array([BEFORE, AFTER]), Y, 1), 0, 1, 0.2, None)
    assert found.value == pytest.approx((4 - 3) / 4 / 8)


def test_the_interval_is_of_the_mean_of_both_variances_with_students_t():
    random = np.random.default_rng(0)
    y = random.random(100) < 0.4
    p = np.clip(random.random((2, 100)) * 0.6 + 0.3 * y, 0, 1)
    scores = folds(p, y, 5)
    over_patients, both = brier_gain(scores, 0, 1, None), brier_gain(scores, 0, 1, 0.25)
    losses = np.square(scores.p[0] - y) - np.square(scores.p[1] - y)
    runs = corrected_t(np.nanmean(losses, axis=1), 0.25)
    patients = (over_patients.high - over_patients.low) / 2 / stats.norm.ppf(0.975)
    expected = stats.t(4).ppf(0.975) * np.sqrt((patients**2 + runs.se**2) / 2)
    assert both.value == over_patients.value == pytest.approx(runs.value)
    assert (both.high - both.low) / 2 == pytest.approx(expected)


def test_seeds_of_one_hospital_are_one_draw():
    """Four hospitals, each tested by two seeds: their means are what varies, however many seeds there are."""
    random = np.random.default_rng(1)
    by_run, shares = random.normal(0.02, 0.01, 8), random.normal(0, 0.002, (8, 40))
    hospitals = np.array([0, 1, 2, 3, 0, 1, 2, 3])
    found = gain(by_run, shares, 1 / 3, hospitals)
    se = np.sqrt(np.square(shares.mean(axis=0)).sum())
    expected = combined_t([by_run[[number, number + 4]].mean() for number in range(4)], 1 / 3, se, few=True)
    assert (found.value, found.low, found.p) == (expected.value, expected.low, expected.p) and found.runs == 8
    by_run[1] = np.nan
    means = [by_run[[0, 4]].mean(), by_run[5], by_run[[2, 6]].mean(), by_run[[3, 7]].mean()]
    found = gain(by_run, shares, 1 / 3, hospitals)
    # Each patient's part in the error is of the same mean over hospitals.
    own = np.array([shares[[0, 4]].mean(0), shares[5], shares[[2, 6]].mean(0), shares[[3, 7]].mean(0)])
    expected = combined_t(means, 1 / 3, np.sqrt(np.square(own.mean(axis=0)).sum()), few=True)
    assert found.value == pytest.approx(np.mean(means)) and found.low == pytest.approx(expected.low)


def test_equal_models_gain_nothing():
    found = gain(np.zeros(5), np.zeros((5, 8)), 0.25)
    assert (found.value, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_of_one_common_run_the_gain_alone_is_known_as_in_the_headline():
    found = brier_gain(folds(np.array([BEFORE, AFTER]), Y, 1), 0, 1, 0.25)
    assert found.value > 0 and np.isnan([found.low, found.high, found.p]).all()
    analytic = delong(folds(np.array([BEFORE, AFTER]), Y, 1))
    found = auc_gain(analytic, 0, 1, 0.25)
    test = combined_t(analytic.aucs[1] - analytic.aucs[0], 0.25, analytic.test(1, 0).se)
    assert found.value == test.value > 0 and np.isnan([found.low, found.high, found.p, test.p]).all()


def test_runs_that_one_of_them_lacks_count_for_neither():
    scores = folds(np.array([BEFORE, AFTER]), Y, 3)
    lacking = scores.p.copy()
    lacking[1, 0] = np.nan
    alone = Scores(scores.names, scores.groups[1:], scores.patients, Y, scores.p[:, 1:])
    lost = Scores(scores.names, scores.groups, scores.patients, Y, lacking)
    for found, same in ((brier_gain(lost, 0, 1, 0.25), brier_gain(alone, 0, 1, 0.25)),):
        assert (found.value, found.low, found.high) == pytest.approx((same.value, same.low, same.high))
