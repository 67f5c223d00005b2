"""Pooling of hospitals against a published example and formulas written down a second time."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import t as student

from strokebench.reports.statistics.intervals import Interval, Z, auc_standard_error, logit_interval
from strokebench.reports.statistics.random_effects import pool_aucs, pool_intervals

AUCS = np.array([0.62, 0.71, 0.80, 0.74, 0.91, 0.66])
ONES = np.array([40, 22, 61, 15, 30, 90])
ZEROS = np.array([80, 70, 120, 60, 50, 200])


def by_hand(aucs, ones, zeros):
    """Variance between hospitals by the root of its estimating equation, the mean's interval, and drawn new hospitals.

    Of each the variance is that whose Q is a number drawn from its distribution.
    """
    errors = [auc_standard_error(*each) for each in zip(aucs, ones, zeros, strict=True)]
    v, x, k = (np.array(errors) / (aucs * (1 - aucs))) ** 2, logit(aucs), len(aucs)

    def mean(tau2):
        return (x / (v + tau2)).sum() / (1 / (v + tau2)).sum()

    def excess(tau2):
        return ((x - mean(tau2)) ** 2 / (v + tau2)).sum() - (k - 1)

    def variance(q):
        return brentq(lambda tau2: excess(tau2) + k - 1 - q, 0, 1e4) if excess(0) + k - 1 > q else 0.0

    tau2, random = variance(k - 1), np.random.default_rng(0)
    drawn = np.array([variance(q) for q in random.chisquare(k - 1, 4000)])
    se = (1 / (v + tau2)).sum() ** -0.5
    spread = np.sqrt(drawn + 1 / (1 / (v + drawn[:, None])).sum(axis=1))
    new = np.array([mean(one) for one in drawn]) + spread * random.normal(size=4000)
    return tau2, mean(tau2), student.ppf(0.975, k - 1) * se, np.quantile(new, [0.025, 0.975])


@pytest.mark.parametrize("aucs", [AUCS, np.array([0.73, 0.72, 0.74, 0.73, 0.75, 0.72])], ids=["unlike", "alike"])
def test_pooling_is_the_textbooks(aucs):
    found = pool_aucs(aucs, ONES, ZEROS)
    tau2, middle, half, drawn = by_hand(aucs, ONES, ZEROS)
    assert found.spread == pytest.approx(np.sqrt(tau2), abs=1e-6)
    assert found.mean.value == pytest.approx(expit(middle))
    assert (found.mean.low, found.mean.high) == pytest.approx(tuple(expit([middle - half, middle + half])))
    assert (found.new.low, found.new.high) == pytest.approx(tuple(expit(drawn)), abs=0.02)


def test_the_spread_is_that_of_the_published_example(monkeypatch):
    # Kacker (Metrologia 2004), table 1: nine laboratories; Paule's and Mandel's spread is 0.8399, as in metafor, whose
    # mean is 62.4076 with standard error 0.33803. Shifted and scaled to lie where AUCs are.
    values = np.array([61.00, 61.40, 62.21, 62.30, 62.34, 62.60, 62.70, 62.84, 65.90])
    variances = np.array([0.2025, 1.2100, 0.0900, 0.2025, 0.3844, 0.5625, 0.0676, 0.0225, 1.8225])
    aucs = expit((values - 62) / 2)
    errors = iter(np.sqrt(variances) / 2 * aucs * (1 - aucs))
    monkeypatch.setattr("strokebench.reports.statistics.random_effects.auc_standard_error", lambda *_: next(errors))
    found = pool_aucs(aucs, np.full(9, 1000), np.full(9, 1000))
    assert 2 * found.spread == pytest.approx(0.8399, abs=6e-5)
    assert 62 + 2 * logit(found.mean.value) == pytest.approx(62.4076199)
    half = (logit(found.mean.high) - logit(found.mean.low)) / student.ppf(0.975, 8)
    assert half == pytest.approx(0.3380306, abs=1e-6)


def test_a_perfect_hospital_is_pooled_with_half_a_pair_lost():
    found = pool_aucs([1.0, 0.8, 0.7], [5, 20, 20], [20, 40, 40])
    assert found == pool_aucs([1 - 0.5 / 100, 0.8, 0.7], [5, 20, 20], [20, 40, 40])
    assert 0.7 < found.mean.value < 1


def test_few_hospitals_have_no_interval():
    two, one = pool_aucs([0.7, 0.8], [20, 20], [40, 40]), pool_aucs([0.7], [20], [40])
    assert two.mean.low < 0.7 < 0.8 < two.mean.high and np.isnan(two.new.low)
    assert one.mean.value == pytest.approx(0.7) and np.isnan(one.mean.low)
    assert pool_aucs([], [], []).hospitals == 0


def test_intervals_are_pooled_as_the_errors_that_they_are_made_of():
    errors = [auc_standard_error(*each) for each in zip(AUCS, ONES, ZEROS, strict=True)]
    own = [logit_interval(auc, Z * error) for auc, error in zip(AUCS, errors, strict=True)]
    found, expected = pool_intervals(own), pool_aucs(AUCS, ONES, ZEROS)
    for one, other in ((found.mean, expected.mean), (found.new, expected.new)):
        assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))
    assert found.spread == pytest.approx(expected.spread) and found.hospitals == 6
    for low, high in ((1.0, 1.0), (np.nan, np.nan), (0.0, 0.9), (0.8, 0.8)):
        without = Interval(0.8, low, high)
        assert np.isnan(pool_intervals([*own, without]).mean.value)


def test_one_more_hospital_is_never_surer_than_the_mean_of_all():
    found = pool_aucs([0.70, 0.72, 0.74], [40] * 3, [80] * 3)
    assert found.new.low <= found.mean.low and found.mean.high <= found.new.high
