"""Net benefit against its definition."""

import numpy as np
import pytest
from one_part import single

from strokebench.reports.clinical.decision import decision_curve, thresholds, treat_all
from strokebench.reports.clinical.pooled import resample_patients
from strokebench.reports.statistics.scores import Scores

AT = np.array([0.1, 0.25, 0.5])
Y = np.array([1] * 30 + [0] * 70)


def test_treat_all_is_the_curve_of_a_model_that_is_always_sure():
    expected = 0.3 - 0.7 * np.array([1 / 9, 1 / 3, 1])
    np.testing.assert_allclose(treat_all(0.3, AT), expected)
    np.testing.assert_allclose(decision_curve(single(Y, np.ones(100)), "method 1", AT).net_benefit, expected)


def test_treat_all_is_worth_nothing_where_the_threshold_is_the_prevalence():
    assert treat_all(0.3, np.array([0.3]))[0] == pytest.approx(0)


def test_a_perfect_model_gains_the_prevalence_and_an_empty_one_nothing():
    np.testing.assert_allclose(decision_curve(single(Y, Y), "method 1", AT).net_benefit, 0.3)
    np.testing.assert_allclose(decision_curve(single(Y, np.zeros(100)), "method 1", AT).net_benefit, 0)


def test_net_benefit_by_hand_and_averaged_over_seeds():
    y = np.array([1, 1, 0, 0])
    p = np.array([[0.9, 0.2, 0.6, 0.1], [0.9, 0.8, 0.1, 0.1]])
    scores = Scores(("m",), ((1, -1), (2, -1)), np.arange(4), y, p[None])
    at = np.array([0.5])
    assert decision_curve(scores, "m", at).net_benefit[0] == pytest.approx(((1 - 1) / 4 + 2 / 4) / 2)
    at = np.array([0.2])
    assert decision_curve(scores, "m", at).net_benefit[0] == pytest.approx(((2 - 0.25) / 4 + 2 / 4) / 2)


def test_the_interval_covers_the_curve_and_has_the_binomial_width():
    found = decision_curve(single(Y, np.ones(100)), "method 1", AT, resample_patients(100, 4000))
    assert ((found.low < found.net_benefit) & (found.net_benefit < found.high)).all()
    # Treating all at even odds gains 1 or -1 a patient.
    expected = 1.96 * 2 * np.sqrt(0.3 * 0.7 / 100)
    assert (found.high - found.low)[2] / 2 == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(("prevalence", "highest"), [(0.1, 0.5), (0.35, 0.7), (0.5, 0.9)])
def test_the_range_of_thresholds_follows_the_prevalence(prevalence, highest):
    at = thresholds(prevalence)
    assert (at[0], at[-1]) == (0.05, highest)


def test_seeds_that_test_other_patients_count_alike():
    """As own folds may: three patients under the first seed, two under the second."""
    y = np.array([1, 1, 0, 0])
    p = np.array([[0.9, 0.2, 0.6, np.nan], [np.nan, 0.8, np.nan, 0.1]])
    scores = Scores(("m",), ((1, -1), (2, -1)), np.arange(4), y, p[None])
    found = decision_curve(scores, "m", np.array([0.5]), np.ones((3, 4), np.int16))
    assert found.net_benefit[0] == pytest.approx(((1 - 1) / 3 + 1 / 2) / 2)
    assert found.low[0] == pytest.approx(found.net_benefit[0])
