"""Calibration on predictions whose calibration is known."""

import warnings

import numpy as np
import pytest
from one_part import single

from strokebench.reports.clinical.calibration import calibration_error, recalibrate, reliability
from strokebench.reports.clinical.pooled import resample_patients
from strokebench.reports.statistics.bootstrap import bootstrap
from strokebench.reports.statistics.prior import log_odds
from strokebench.reports.statistics.scores import Scores
from strokebench.reports.statistics.weighted import weighted_auprc, weighted_brier, weighted_scaled_brier

NAME = "method 1"


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def drawn(n=20_000, seed=0):
    """Labels drawn from known log odds."""
    rng = np.random.default_rng(seed)
    x = rng.normal(-0.8, 1.2, n)
    return (rng.random(n) < sigmoid(x)).astype(int), x


@pytest.fixture(scope="module")
def truth():
    return drawn()


@pytest.mark.parametrize(
    ("change", "slope", "intercept", "in_the_large_sign"),
    [
        (lambda x: x, 1, 0, 0),
        (lambda x: 2 * x, 0.5, 0, 1),
        (lambda x: x + 1, 1, -1, -1),
        (lambda x: x / 2 - 0.4, 2, 0.8, None),
    ],
)
def test_recalibration_finds_what_was_done(truth, change, slope, intercept, in_the_large_sign):
    y, x = truth
    found = recalibrate(single(y, sigmoid(change(x))), NAME)
    assert found.slope.value == pytest.approx(slope, abs=0.05 * slope)
    assert found.intercept.value == pytest.approx(intercept, abs=0.06)
    assert found.slope.low < slope < found.slope.high
    assert found.intercept.low < intercept < found.intercept.high
    if in_the_large_sign is not None:
        signs = {0: found.in_the_large.low < 0 < found.in_the_large.high}
        signs |= {1: found.in_the_large.low > 0, -1: found.in_the_large.high < 0}
        assert signs[in_the_large_sign]


def test_interval_is_that_of_the_sandwich_in_statsmodels():
    import statsmodels.api as sm

    y, x = drawn(400)
    found = recalibrate(single(y, sigmoid(1.5 * x)), NAME).slope
    model = sm.GLM(y, sm.add_constant(1.5 * x), family=sm.families.Binomial()).fit(cov_type="HC0")
    assert (found.low, found.high) == pytest.approx(tuple(model.conf_int()[1]), rel=1e-4)


def test_equal_seeds_add_no_certainty_and_different_ones_do():
    y, x = drawn(400)
    noise = np.random.default_rng(1).normal(0, 1.5, (4, 400))
    p = sigmoid(x + noise)
    width = {}
    for key, seeds in (("one", p[:1]), ("copies", p[[0, 0, 0, 0]]), ("four", p)):
        scores = Scores((NAME,), tuple((s, -1) for s in range(len(seeds))), np.arange(400), y, seeds[None])
        interval = recalibrate(scores, NAME).slope
        width[key] = interval.high - interval.low
    assert width["copies"] == pytest.approx(width["one"])
    assert width["four"] < width["one"]


def test_calibration_in_the_large_is_as_uncertain_as_resampling_says():
    y, x = drawn(300)
    scores = single(y, sigmoid(x))
    interval = recalibrate(scores, NAME).in_the_large
    draws = []
    for weights in resample_patients(300, 200):
        again = np.repeat(np.arange(300), weights)
        draws.append(recalibrate(single(y[again], sigmoid(x[again])), NAME).in_the_large.value)
    assert (interval.high - interval.low) / 2 == pytest.approx(1.96 * np.std(draws), rel=0.2)


@pytest.mark.parametrize("y", [[0] * 40, [1] * 40])
def test_one_class_or_constant_or_separated_predictions_have_no_slope(y):
    spread = np.linspace(0.1, 0.9, 40)
    assert np.isnan(recalibrate(single(y, spread), NAME).slope.value)
    mixed = [0] * 20 + [1] * 20
    assert np.isnan(recalibrate(single(mixed, spread), NAME).slope.value)
    constant = recalibrate(single(mixed, np.full(40, 0.3)), NAME)
    assert np.isnan(constant.slope.value)
    assert constant.in_the_large.value == pytest.approx(-log_odds(np.array([0.3]))[0], abs=1e-6)


@pytest.mark.parametrize("events", [1, 4, 5])
def test_a_slope_of_one_or_few_events_is_none(events):
    """Of one event in 90 patients it was -2.90, with an interval from -3.37 to -2.43."""
    y = np.isin(np.arange(90), np.arange(events) * 17)
    found = recalibrate(single(y, np.linspace(0.01, 0.3, 90)), NAME)
    assert np.isnan(found.slope.value) == np.isnan(found.intercept.value) == (events < 5)
    assert np.isfinite(found.in_the_large.low)


def test_a_rule_of_zeros_and_ones_is_calibrated_in_the_large_without_a_warning():
    """30 of 40 patients called have the event, 4 of 30 that are not: the level is the root of the score, by halving."""
    y, p = np.repeat([1, 0, 1, 0], [30, 10, 4, 26]), np.repeat([1.0, 1.0, 0.0, 0.0], [30, 10, 4, 26])
    odds = np.log((1 - 1e-6) / 1e-6)
    low, high = -30.0, 30.0
    for _ in range(100):
        middle = (low + high) / 2
        expected = 40 * sigmoid(odds + middle) + 30 * sigmoid(middle - odds)
        low, high = (middle, high) if expected < 34 else (low, middle)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = recalibrate(single(y, p), NAME)
    assert found.in_the_large.value == pytest.approx(low, abs=1e-6) and -20 < low < 0
    assert found.in_the_large.low < found.in_the_large.value < found.in_the_large.high
    slope = (np.log(30 / 10) - np.log(4 / 26)) / (2 * odds)
    assert found.slope.value == pytest.approx(slope, rel=1e-6)


def test_calibration_error_of_a_perfect_model_is_its_bias(truth):
    y, x = truth
    small = calibration_error(single(y[:300], sigmoid(x[:300])), NAME)
    assert 0 < small.perfect < small.high
    assert small.value < small.high
    large = calibration_error(single(y, sigmoid(x)), NAME)
    assert large.perfect < small.perfect / 4
    wrong = calibration_error(single(y[:300], sigmoid(x[:300] + 1.5)), NAME)
    assert wrong.value > wrong.high


def test_reliability_covers_a_true_curve_and_not_a_shifted_one(truth):
    y, x = truth
    true, shifted = (reliability(single(y, sigmoid(x + shift)), NAME) for shift in (0, 1))
    assert len(true.predicted) == 10
    assert true.patients.sum() == len(y)
    assert ((true.low < true.predicted) & (true.predicted < true.high)).sum() >= 8
    assert (shifted.high < shifted.predicted).sum() >= 8


def test_seeds_do_not_narrow_a_bin():
    y, x = drawn(300)
    p = sigmoid(x)
    one = reliability(single(y, p), NAME)
    scores = Scores((NAME,), ((1, -1), (2, -1)), np.arange(300), y, np.stack([p, p])[None])
    np.testing.assert_allclose(reliability(scores, NAME).low, one.low)


def test_auprc_and_brier_are_those_of_scikit_learn():
    from sklearn.metrics import average_precision_score, brier_score_loss

    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 2, 200), rng.integers(0, 15, 200) / 14
    weights = resample_patients(200, 5)
    expected = [average_precision_score(y, p, sample_weight=w) for w in weights]
    np.testing.assert_allclose(weighted_auprc(y, p, weights), expected)
    prevalence = [np.average(y, weights=w) for w in weights]
    brier = [brier_score_loss(y, p, sample_weight=w) for w in weights]
    np.testing.assert_allclose(weighted_brier(y, p, weights), brier)
    scaled = [1 - b / (share * (1 - share)) for b, share in zip(brier, prevalence, strict=True)]
    np.testing.assert_allclose(weighted_scaled_brier(y, p, weights), scaled)


def test_baselines_of_auprc_and_scaled_brier():
    y = np.array([1] * 30 + [0] * 70)
    once = np.ones((1, 100), np.int16)
    assert weighted_auprc(y, np.full(100, 0.5), once)[0] == pytest.approx(0.3)
    assert weighted_scaled_brier(y, np.full(100, 0.3), once)[0] == pytest.approx(0)
    assert np.isnan(weighted_auprc(np.zeros(100), np.full(100, 0.5), once)[0])
    assert np.isnan(weighted_scaled_brier(np.zeros(100), np.full(100, 0.5), once)[0])


def test_an_interval_of_brier_covers_it():
    y, x = drawn(300)
    scores = single(y, sigmoid(x))
    found = bootstrap(scores, weighted_brier, weights=resample_patients(300, 300)).interval(0)
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(np.mean((sigmoid(x) - y) ** 2))
