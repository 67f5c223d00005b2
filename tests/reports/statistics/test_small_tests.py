"""Corrected t, Holm, non-inferiority, effect sizes and critical difference, against published or hand-made examples."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from scipy.stats import norm, ttest_1samp
from scipy.stats import t as student
from statsmodels.stats.multitest import multipletests

from strokebench.errors import StrokebenchError
from strokebench.reports.statistics.critical_difference import critical_difference
from strokebench.reports.statistics.decisions import (
    equivalent,
    hedges_g,
    holm,
    likeness,
    non_inferior,
    probability_of_superiority,
)
from strokebench.reports.statistics.intervals import Interval
from strokebench.reports.statistics.paired import combined_t, corrected_auc, corrected_t


def test_corrected_t_by_hand():
    # Mean 0.02, variance 0.00025 (ddof 1); 0.00025 * (1/5 + 1/4) = 0.0001125.
    test = corrected_t([0.0, 0.01, 0.02, 0.03, 0.04], test_share=0.25)
    assert test.se == pytest.approx(np.sqrt(0.0001125))
    assert ((test.value / test.se), test.runs) == (pytest.approx(1.885618, abs=1e-6), 5)
    # Student's t with 4 degrees of freedom has the closed form 1/2 + 3/8 * q * (1 - q^2 / 12 * ...).
    q = (test.value / test.se) / np.sqrt(1 + (test.value / test.se) ** 2 / 4)
    assert test.p == pytest.approx(2 * (0.5 - 3 / 8 * q * (1 - q**2 / 12)))
    assert test.high == pytest.approx(0.02 + 2.776445 * test.se, abs=1e-6)


def test_the_correction_is_all_that_parts_it_from_the_usual_t():
    values = np.random.default_rng(0).normal(0.01, 0.03, 20)
    test = corrected_t(values, test_share=0.25)
    assert ttest_1samp(values, 0).statistic / (test.value / test.se) == pytest.approx(np.sqrt((1 / 20 + 1 / 4) * 20))
    assert corrected_t(values, test_share=0).p == pytest.approx(ttest_1samp(values, 0).pvalue)


def test_corrected_t_at_the_edges():
    assert corrected_t([0, 0, 0], 0.25).p == 1
    assert corrected_t([0.1, 0.1, 0.1], 0.25).p < 1e-6
    assert np.isnan(corrected_t([0.1], 0.25).p)
    one, other = corrected_t([0.1, 0.2, np.nan], 0.25), corrected_t([-0.1, -0.2], 0.25)
    assert (one.value, one.p) == (-other.value, other.p)
    with pytest.raises(ValueError):
        corrected_t([0.1, 0.2], -0.1)


def test_holm_by_hand_leaves_out_what_could_not_be_tested():
    found = holm([0.01, np.nan, 0.04, 0.03, 0.005])
    np.testing.assert_allclose(found, [0.03, np.nan, 0.06, 0.06, 0.02])
    assert np.isnan(holm([np.nan])).all() and not len(holm([]))
    many = np.random.default_rng(0).random(14).round(1) ** 3
    np.testing.assert_allclose(holm(many), multipletests(many, method="holm")[1], err_msg="ties too")


def test_the_combined_variance_lies_between_and_its_t_has_the_freedom_of_runs_or_of_both():
    differences = [0.0, 0.01, 0.02, 0.03, 0.04]
    test = combined_t(differences, 0.25, delong_se=0.02)
    assert test.se == pytest.approx(np.sqrt((0.0001125 + 0.0004) / 2))
    assert test.p == pytest.approx(2 * student.sf(0.02 / test.se, 4))
    assert test.low == pytest.approx(0.02 - student.ppf(0.975, 4) * test.se)
    corrected = corrected_t(differences, 0.25)
    again = combined_t(differences, 0.25, corrected.se)
    assert (again.se, again.p) == (pytest.approx(corrected.se), pytest.approx(corrected.p))
    # The mean of a variance with 4 degrees of freedom and of one that has as good as no error.
    few = combined_t(differences, 0.25, 0.02, few=True)
    assert few.p == pytest.approx(2 * student.sf(0.02 / test.se, 4 * (0.0001125 + 0.0004) ** 2 / 0.0001125**2))
    assert combined_t(differences, 0.25, 0.0, few=True).p == pytest.approx(combined_t(differences, 0.25, 0.0).p)
    agreed = combined_t([0.02] * 5, 0.25, 0.02, few=True)
    assert agreed.p == pytest.approx(2 * norm.sf(np.sqrt(2))), "runs that all agree"
    assert np.isnan(combined_t([0.1], 0.25, 0.02).p)


def test_the_interval_of_an_auc_is_symmetric_on_the_logit_scale_and_within_bounds():
    aucs = [0.97, 0.99, 0.98, 1.0, 0.96]
    interval, plain = corrected_auc(aucs, 0.25), corrected_t(aucs, 0.25)
    assert interval.value == plain.value and interval.high < 1 < plain.high
    middle = (logit(interval.low) + logit(interval.high)) / 2
    assert middle == pytest.approx(logit(interval.value))
    half = (plain.high - plain.value) / (plain.value * (1 - plain.value))
    assert logit(interval.high) - middle == pytest.approx(half)
    perfect = corrected_auc([1.0, 1.0], 0.25)
    assert perfect.value == 1 and np.isnan([perfect.low, perfect.high]).all()


def test_practically_equal_needs_the_whole_interval_on_both_sides():
    assert equivalent(Interval(0.005, -0.01, 0.019))
    assert not equivalent(Interval(0.005, -0.01, 0.021)) and not equivalent(Interval(-0.005, -0.021, 0.01))
    assert not equivalent(Interval(0.0, float("nan"), float("nan")))


def test_non_inferior_needs_the_whole_interval():
    assert non_inferior(Interval(0.0, -0.019, 0.02))
    assert not non_inferior(Interval(0.0, -0.021, 0.02))
    # An end on the margin does not lie within it.
    assert not non_inferior(Interval(0.0, -0.02, 0.01)) and not equivalent(Interval(0.0, -0.01, 0.02))
    assert not non_inferior(Interval(0.0, float("nan"), 0.02))


def test_effect_sizes_by_hand():
    # Mean 2, standard deviation 1; the exact correction for 2 degrees of freedom is 1 / sqrt(pi).
    assert hedges_g([1, 2, 3]) == pytest.approx(2 / np.sqrt(np.pi))
    # Of 4: Gamma(2) / (sqrt(2) Gamma(3/2)) = sqrt(2 / pi).
    assert hedges_g([1, 2, 3, 4, 5, np.nan]) == pytest.approx(3 / np.sqrt(2.5) * np.sqrt(2 / np.pi))
    assert hedges_g([0, 0, 0]) == 0
    assert np.isnan(hedges_g([1, 2]))
    assert probability_of_superiority([1, 1, 0, -1]) == pytest.approx(0.625)
    assert probability_of_superiority([0.7 - 0.7, 0.1 + 0.2 - 0.3, 1, -1]) == 0.5


# Demsar (2006), table 6: AUC of C4.5 with and without two parameters tuned, on 14 data sets.
DEMSAR = pd.DataFrame(
    [
        (0.763, 0.768, 0.771, 0.798),
        (0.599, 0.591, 0.590, 0.569),
        (0.954, 0.971, 0.968, 0.967),
        (0.628, 0.661, 0.654, 0.657),
        (0.882, 0.888, 0.886, 0.898),
        (0.936, 0.931, 0.916, 0.931),
        (0.661, 0.668, 0.609, 0.685),
        (0.583, 0.583, 0.563, 0.625),
        (0.775, 0.838, 0.866, 0.875),
        (1.000, 1.000, 1.000, 1.000),
        (0.940, 0.962, 0.965, 0.962),
        (0.619, 0.666, 0.614, 0.669),
        (0.972, 0.981, 0.9751, 0.975),
        (0.957, 0.978, 0.946, 0.970),
    ],
    columns=["plain", "m", "cf", "m+cf"],
)


def test_critical_difference_of_the_published_example():
    found = critical_difference(DEMSAR, "dataset")
    assert found.ranks.round(3).to_dict() == {"m+cf": 1.964, "m": 2.0, "cf": 2.893, "plain": 3.143}
    # His q is 2.569 for four methods: 2.569 * sqrt(4 * 5 / (6 * 14)) = 1.25; he finds the best two unlike none.
    assert found.distance == pytest.approx(1.25, abs=0.005)
    assert found.groups == (("m+cf", "m", "cf", "plain"),)
    # 9.28 in the paper, without the correction for ties.
    assert found.p < 0.05


@pytest.mark.parametrize("unit", ["fold", "seed", "run"])
def test_no_critical_difference_over_parts_of_one_cohort(unit):
    with pytest.raises(StrokebenchError, match="share"):
        critical_difference(DEMSAR, unit)


def test_critical_difference_says_what_it_lacks():
    with pytest.raises(StrokebenchError, match="at least 5"):
        critical_difference(DEMSAR.iloc[:4], "hospital")
    gap = DEMSAR.copy()
    gap.loc[2, "cf"] = np.nan
    with pytest.raises(StrokebenchError, match="cf has no score on hospital 2"):
        critical_difference(gap, "hospital")


def test_methods_far_apart_fall_into_groups():
    rng = np.random.default_rng(0)
    scores = pd.DataFrame(rng.normal([0.9, 0.9, 0.6, 0.6], 0.001, (30, 4)), columns=list("abcd"))
    assert [set(group) for group in critical_difference(scores, "hospital").groups] == [{"a", "b"}, {"c", "d"}]
    alike = pd.DataFrame(np.ones((6, 3)), columns=list("abc"))
    assert critical_difference(alike, "hospital").p == 1


def test_what_is_not_shown_may_be_shown_to_be_small():
    assert likeness(Interval(0.005, -0.01, 0.019)) == "but shown to lie within 2 points"
    assert likeness(Interval(0.005, -0.01, 0.021)) == "nor shown to lie within 2 points"
    assert likeness(Interval(0.0, float("nan"), float("nan"))) == "nor shown to lie within 2 points"
