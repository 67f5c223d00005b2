"""DeLong's test against the definition, written out pair by pair, and its generalisation to folds and seeds."""

from dataclasses import replace

import numpy as np
import pytest
from one_part import single
from scipy.stats import norm

from strokebench.reports.statistics.delong import delong, placements
from strokebench.reports.statistics.scores import Scores


def psi(x, y):
    return 1.0 if x > y else 0.5 if x == y else 0.0


def by_definition(y, first, second):
    """DeLong, DeLong and Clarke-Pearson (1988), equations 4 to 7, every pair of patients on its own."""
    positives, negatives = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    m, n = len(positives), len(negatives)
    v10 = np.array([[sum(psi(p[i], p[j]) for j in negatives) / n for i in positives] for p in (first, second)])
    v01 = np.array([[sum(psi(p[i], p[j]) for i in positives) / m for j in negatives] for p in (first, second)])
    s = np.cov(v10) / m + np.cov(v01) / n
    return v10.mean(axis=1), s


@pytest.fixture(params=[0, 1, 2])
def data(request):
    rng = np.random.default_rng(request.param)
    y = (rng.random(70) < 0.4).astype(int)
    signal = rng.normal(size=70) + y
    # Rounded, so that there are ties within and between the classes.
    return y, np.round(signal + rng.normal(size=70), 1), np.round(signal, 0)


def test_auc_variance_and_covariance_are_those_of_the_definition(data):
    y, first, second = data
    aucs, covariance = by_definition(*data)
    found = delong(single(y, first, second))
    np.testing.assert_allclose(found.aucs[:, 0], aucs)
    shares = found.shares[:, 0]
    np.testing.assert_allclose(shares @ shares.T, covariance)


def test_the_paired_test_is_that_of_the_definition(data):
    aucs, s = by_definition(*data)
    z = (aucs[0] - aucs[1]) / np.sqrt(s[0, 0] + s[1, 1] - 2 * s[0, 1])
    test = delong(single(*data)).test(0, 1)
    assert test.value / test.se == pytest.approx(z)
    assert test.p == pytest.approx(2 * norm.sf(abs(z)))
    assert test.low < test.value < test.high


def test_a_worked_example_by_hand():
    # Placements of the positives: A 1, 1/2, 1; B 1/2, 1, 1/2. Of the negatives: A 1, 2/3; B 1/3, 1.
    y = [1, 1, 1, 0, 0]
    a, b = [0.9, 0.4, 0.8, 0.3, 0.5], [0.5, 0.9, 0.4, 0.6, 0.3]
    test = delong(single(y, a, b)).test(0, 1)
    # Differences of placements: positives 1/2, -1/2, 1/2 (variance 1/3), negatives 2/3, -1/3 (variance 1/2).
    assert test.value == pytest.approx(5 / 6 - 2 / 3)
    assert test.se**2 == pytest.approx((1 / 3) / 3 + (1 / 2) / 2)


def test_swapping_the_methods_only_turns_the_sign(data):
    y, first, second = data
    one, other = delong(single(y, first, second)).test(0, 1), delong(single(y, second, first)).test(0, 1)
    assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low))
    assert one.p == other.p


def test_equal_methods_differ_by_nothing(data):
    y, first, _ = data
    same = delong(single(y, first, np.exp(first))).test(0, 1)
    assert (same.value, same.p) == (0, 1)


def test_a_seed_that_repeats_the_same_predictions_adds_no_evidence(data):
    y, first, second = data
    once = single(y, first, second)
    four = Scores(
        once.names, tuple((seed, 0) for seed in range(4)), once.patients, once.y, np.repeat(once.p, 4, axis=1)
    )
    assert delong(four).test(0, 1).p == pytest.approx(delong(once).test(0, 1).p)
    assert delong(four).test(0, 1).se == pytest.approx(delong(once).test(0, 1).se)


def test_folds_of_other_patients_are_independent(data):
    y, first, second = data
    parts = [delong(single(y[part], first[part], second[part])).test(0, 1) for part in (slice(0, 35), slice(35, 70))]
    p = np.full((2, 2, 70), np.nan)
    p[:, 0, :35], p[:, 1, 35:] = [first[:35], second[:35]], [first[35:], second[35:]]
    both = delong(Scores(("a", "b"), ((0, 0), (0, 1)), np.arange(70), y.astype(bool), p)).test(0, 1)
    assert both.value == pytest.approx(np.mean([part.value for part in parts]))
    assert both.se == pytest.approx(np.sqrt(sum(part.se**2 for part in parts)) / 2)


def test_only_common_groups_are_compared(data):
    y, first, second = data
    p = np.stack([[first, first], [second, second]]).astype(float)
    p[1, 1] = np.nan
    found = delong(Scores(("a", "b"), ((0, 0), (1, 0)), np.arange(70), y.astype(bool), p))
    assert found.test(0, 1).p == pytest.approx(delong(single(y, first, second)).test(0, 1).p)
    p[0, 0] = np.nan
    nothing = delong(Scores(("a", "b"), ((0, 0), (1, 0)), np.arange(70), y.astype(bool), p)).test(0, 1)
    assert np.isnan(nothing.p)


def test_the_interval_stays_within_0_and_1():
    y = np.array([0] * 20 + [1] * 5)
    p = np.arange(25.0)
    p[20] = 17.5
    interval = delong(single(y, p)).interval(0)
    assert 0 < interval.low < interval.value < interval.high < 1
    perfect = delong(single(y, np.arange(25.0))).interval(0)
    assert perfect.value == 1 and np.isnan([perfect.low, perfect.high]).all(), "no variance seen is none known"


def graded(seed, n=60):
    random = np.random.default_rng(seed)
    y = random.choice(4, n, p=[0.4, 0.3, 0.25, 0.05])
    # Rounded, so that there are ties within and between the grades.
    return y, *(np.round(y + random.normal(0, 2, n), 0) for _ in range(2))


def of_grades(y, *p):
    return replace(single(y, *p), y=np.asarray(y))


def pairs_ranked_rightly(y, p):
    pairs = [(i, j) for i in range(len(y)) for j in range(len(y)) if y[i] > y[j]]
    return sum(psi(p[i], p[j]) for i, j in pairs) / len(pairs)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_of_grades_c_and_its_error_are_those_of_all_pairs_and_of_the_jackknife(seed):
    y, *p = graded(seed)
    found = delong(of_grades(y, *p))
    np.testing.assert_allclose(found.aucs[:, 0], [pairs_ranked_rightly(y, one) for one in p])
    n = len(y)
    without = np.array(
        [[pairs_ranked_rightly(*(np.delete(part, i) for part in (y, one))) for i in range(n)] for one in p]
    )
    jackknife = (n - 1) ** 2 / n * np.cov(without)
    shares = found.shares[:, 0]
    np.testing.assert_allclose(shares @ shares.T, jackknife, rtol=0.06, atol=0.06 * jackknife[0, 0])
    test = found.test(0, 1)
    assert test.se == pytest.approx(np.sqrt(jackknife[0, 0] + jackknife[1, 1] - 2 * jackknife[0, 1]), rel=0.04)


def test_of_two_grades_c_is_the_auc_and_its_error_delong_s_but_for_the_divisor(data):
    y, first, second = data
    grades, events = delong(of_grades(y, first, second)), delong(single(y, first, second))
    np.testing.assert_allclose(grades.aucs, events.aucs)
    assert grades.test(0, 1).se == pytest.approx(events.test(0, 1).se, rel=0.03)


def test_a_grade_that_a_single_patient_has_is_no_reason_to_test_nothing():
    y, *p = graded(0)
    test = delong(of_grades(np.where(np.arange(60) == 0, 5, y), *p)).test(0, 1)
    assert test.se > 0 and test.low < test.value < test.high


def test_placements_average_to_the_auc_in_both_classes(data):
    y, first, _ = data
    values = placements(y, first)
    assert values[y == 1].mean() == pytest.approx(values[y == 0].mean())
