"""The few formulas that several statistics share, against hand calculations and what is known of their limits."""

import numpy as np
import pytest
from scipy.stats import norm

from strokebench.reports.statistics.intervals import (
    UNDEFINED,
    Interval,
    Z,
    auc_interval,
    auc_standard_error,
    independent_difference,
    logit_interval,
    percentiles,
)


def test_the_error_of_an_auc_by_hand():
    # Q1 = 0.8 / 1.2 = 2/3, Q2 = 1.28 / 1.8 = 32/45: (0.16 + 9 (2/3 - 0.64) + 4 (32/45 - 0.64)) / 50.
    assert auc_standard_error(0.8, 10, 5) ** 2 == pytest.approx((0.16 + 0.24 + 4 * (32 / 45 - 0.64)) / 50)


@pytest.mark.parametrize(("positives", "negatives"), [(1, 7), (12, 30)])
def test_the_error_of_chance_is_that_of_the_mann_whitney_statistic(positives, negatives):
    """Known without any model of the scores: (m + n + 1) / (12 m n)."""
    known = (positives + negatives + 1) / (12 * positives * negatives)
    assert auc_standard_error(0.5, positives, negatives) ** 2 == pytest.approx(known)


def test_the_error_of_an_auc_at_its_ends():
    assert auc_standard_error(1, 10, 20) == auc_standard_error(0, 10, 20) == 0
    assert np.isnan([auc_standard_error(0.8, 0, 20), auc_standard_error(0.8, 20, 0)]).all()


def test_an_auc_s_interval_holds_where_the_sample_has_no_error():
    # Of one patient each: 1 - a = z * sqrt(a * (1 - a)), so a = 1 / (1 + z^2).
    found = auc_interval(1, 1, 1)
    assert (found.low, found.high) == (pytest.approx(1 / (1 + Z**2)), 1)
    mirrored = auc_interval(0, 1, 1)
    assert (mirrored.low, mirrored.high) == (0, pytest.approx(1 - found.low))
    for auc, positives, negatives in ((0.8, 46, 100), (0.55, 12, 30), (1, 5, 9)):
        found = auc_interval(auc, positives, negatives)
        for end in {found.low, found.high} - {1}:
            assert abs(auc - end) == pytest.approx(Z * auc_standard_error(end, positives, negatives))
        assert found.low < auc <= found.high
    assert np.isnan(auc_interval(0.8, 0, 20).low) and np.isnan(auc_interval(np.nan, 5, 5).value)


def test_two_parts_measured_apart_add_the_squares_of_the_sides_that_face_each_other():
    found = independent_difference(Interval(0.9, 0.6, 1.2), Interval(0.5, 0.1, 0.9))
    # To the left 0.3 of the first and 0.4 of the second; to the right 0.3 and 0.4 again.
    assert (found.value, found.low, found.high) == pytest.approx((0.4, -0.1, 0.9))
    found = independent_difference(Interval(0.9, 0.6, 1.7), Interval(0.5, -0.1, 0.9))
    # To the left 0.3 and 0.4, to the right 0.8 and 0.6.
    assert (found.value, found.low, found.high) == pytest.approx((0.4, -0.1, 1.4))


def test_a_share_s_interval_is_symmetric_in_log_odds_and_none_at_the_ends():
    found = logit_interval(0.2, 0.16)
    # 0.16 / (0.2 * 0.8) is one unit of log odds: odds of 1/4 by e either way.
    assert (found.low, found.high) == pytest.approx((0.25 / (np.e + 0.25), 0.25 * np.e / (1 + 0.25 * np.e)))
    for end in (0, 1):
        assert np.isnan([logit_interval(end, 0.1).low, logit_interval(end, 0.1).high]).all()
    assert np.isnan(logit_interval(np.nan, 0.1).value)


def test_the_ends_of_a_level_leave_out_as_much_on_each_side():
    draws = np.column_stack([np.arange(101.0), np.arange(0, 202.0, 2)])
    np.testing.assert_allclose(percentiles(draws), [[2.5, 5], [97.5, 195]])
    draws[:50, 0] = np.nan
    assert percentiles(draws)[:, 0].tolist() == pytest.approx([51.25, 98.75]), "NaN is no draw"
    for none in (np.full((4, 2), np.nan), np.empty((0, 2))):
        assert percentiles(none).shape == (2, 2) and np.isnan(percentiles(none)).all()
    assert pytest.approx(norm.ppf(0.975)) == Z


def test_an_interval_in_words():
    one = Interval(0.8106, 0.7821, 0.839)
    assert one.text() == "81.1 [78.2, 83.9]"
    assert one.text(1, 3, 2) == "0.811 [0.78, 0.84]"
    assert Interval(0.02, -0.01, 0.05).text(signed=True) == "+2.0 [-1.0, +5.0]"
    assert Interval(0.8106, np.nan, np.nan).text() == Interval(0.8106, 0.8106, 0.8106).text() == "81.1"
    assert UNDEFINED.text() == "–"
    turned = Interval(0.02, -0.01, 0.05).turned()
    assert (turned.value, turned.low, turned.high) == (-0.02, -0.05, 0.01)
