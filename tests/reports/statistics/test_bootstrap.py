"""Resamples of patients: weights do what drawing does, pairs share resamples, intervals cover."""

import numpy as np
import pytest
from one_part import single
from sklearn.metrics import average_precision_score, brier_score_loss

from strokebench.reports.statistics import weighted
from strokebench.reports.statistics.bootstrap import Bootstrap, bootstrap, resample
from strokebench.reports.statistics.delong import delong
from strokebench.reports.statistics.scores import Scores
from strokebench.tasks.metrics.selection import auc, generalised_c


def draw(seed, n=150, noise=1.0):
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.35).astype(np.int8)
    signal = rng.normal(size=n) + y
    return y, *(1 / (1 + np.exp(-(signal + noise * rng.normal(size=n)))) for _ in range(2))


def scaled(y, p):
    return 1 - np.mean((p - y) ** 2) / np.var(y)


@pytest.mark.parametrize(
    ("fast", "slow"),
    [
        (weighted.weighted_auc, auc),
        (weighted.weighted_auprc, average_precision_score),
        (weighted.weighted_brier, brier_score_loss),
        (weighted.weighted_scaled_brier, scaled),
    ],
)
def test_weights_do_what_repeating_patients_does(fast, slow):
    y, p, _ = draw(0, 60)
    p = np.round(p, 1)
    weights = np.random.default_rng(1).integers(0, 4, (20, 60))
    np.testing.assert_allclose(fast(y, p, weights), weighted.from_function(slow)(y, p, weights))


def test_weights_do_the_same_to_grades():
    random = np.random.default_rng(2)
    y, p = random.integers(0, 4, 60), np.round(random.normal(size=60), 1)
    weights = random.integers(0, 4, (20, 60))
    slow = weighted.from_function(generalised_c)(y, p, weights)
    np.testing.assert_allclose(weighted.weighted_auc(y, p, weights), slow)


def test_a_resample_without_a_class_has_no_value_where_both_are_needed():
    y, p, _ = draw(0, 10)
    without = np.array([y == 0, y == 1]).astype(int)
    assert np.isnan(weighted.weighted_auc(y, p, without)).all()
    assert np.isnan(weighted.weighted_scaled_brier(y, p, without)).all()
    assert np.isnan(weighted.weighted_auprc(y, p, without)).tolist() == [True, False]


def test_where_every_resample_lost_a_class_there_is_a_difference_and_no_interval():
    few = Bootstrap(np.array([[0.8], [0.6]]), np.full((2, 1, 50), np.nan))
    found = few.difference(0, 1)
    assert found.value == pytest.approx(0.2) and np.isnan([found.low, found.high, found.p]).all()


def test_who_was_not_drawn_has_no_say_in_the_precision_recall_curve():
    """The first patient is ranked highest, wrongly, but not drawn: all who remain are ranked rightly."""
    y, p = np.array([0, 1, 0]), np.array([0.9, 0.5, 0.1])
    assert weighted.weighted_auprc(y, p, np.array([[0, 1, 1], [1, 1, 1]])).tolist() == [1, 0.5]


def test_weighted_auc_is_the_same_in_chunks(monkeypatch):
    y, p, _ = draw(0)
    weights = resample(y, 50)
    whole = weighted.weighted_auc(y, p, weights)
    monkeypatch.setattr(weighted, "_CHUNK", 7 * len(y))
    np.testing.assert_array_equal(weighted.weighted_auc(y, p, weights), whole)


def test_any_metric_sees_few_resamples_at_a_time_and_gives_the_same(monkeypatch):
    scores, seen = single(*draw(0)), []
    weights = resample(scores.y, 50)
    whole = bootstrap(scores, weighted.weighted_auprc, weights=weights)

    def watched(y, p, drawn):
        seen.append(len(drawn))
        return weighted.weighted_auprc(y, p, drawn)

    monkeypatch.setattr("strokebench.reports.statistics.bootstrap._CHUNK", 7 * len(scores.y))
    np.testing.assert_array_equal(bootstrap(scores, watched, weights=weights).draws, whole.draws)
    assert max(seen) == 7


def test_resamples_keep_the_number_of_each_class():
    y, *_ = draw(0)
    weights = resample(y, 30)
    assert (weights[:, y == 1].sum(axis=1) == (y == 1).sum()).all()
    assert (weights.sum(axis=1) == len(y)).all()


def test_equal_inputs_give_equal_outputs_and_the_seed_matters():
    scores = single(*draw(0))
    one, same, other = (bootstrap(scores, n_resamples=50, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.draws, same.draws)
    assert not np.array_equal(one.draws, other.draws)


def test_equal_methods_differ_by_nothing():
    y, p, _ = draw(0)
    same = bootstrap(single(y, p, p), n_resamples=100).difference(0, 1)
    assert (same.value, same.low, same.high, same.p) == (0, 0, 0, 1)


def test_swapping_the_methods_only_turns_the_sign():
    drawn = bootstrap(single(*draw(0)), n_resamples=200)
    one, other = drawn.difference(0, 1), drawn.difference(1, 0)
    assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low))
    assert one.p == other.p


def test_a_patient_s_predictions_of_all_seeds_go_together():
    y, p, q = draw(0)
    once = single(y, p, q)
    four = Scores(
        once.names, tuple((seed, 0) for seed in range(4)), once.patients, once.y, np.repeat(once.p, 4, axis=1)
    )
    one, many = bootstrap(once, n_resamples=300), bootstrap(four, n_resamples=300)
    assert many.interval(0).low == pytest.approx(one.interval(0).low)
    assert many.difference(0, 1).p == one.difference(0, 1).p


def test_it_agrees_with_delong_on_a_large_sample():
    scores = single(*draw(3, 2000))
    drawn = bootstrap(scores, n_resamples=1000)
    spread = (drawn.draws[0, 0] - drawn.draws[1, 0]).std()
    assert spread == pytest.approx(delong(scores).test(0, 1).se, rel=0.1)
    assert drawn.interval(0).value == pytest.approx(auc(scores.y, scores.p[0, 0]))


def test_intervals_of_fixed_scores_cover():
    # Given scores, not trained models: here nothing but the sample varies, so 95 % must be met.
    truth = auc(*draw(99, 20000)[:2])
    hits = [0, 0]
    for seed in range(200):
        scores = single(*draw(seed, 120))
        for number, found in enumerate((bootstrap(scores, n_resamples=200, seed=seed), delong(scores))):
            interval = found.interval(0)
            hits[number] += interval.low <= truth <= interval.high
    assert min(hits) >= 180 and max(hits) <= 199
