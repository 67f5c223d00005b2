"""How often models of two seeds rank patients differently, by hand; what follows for the interval of an AUC."""

import numpy as np
import pytest
from scipy.special import logit

from strokebench.reports.statistics import discordance as module
from strokebench.reports.statistics.delong import delong
from strokebench.reports.statistics.discordance import discordance
from strokebench.reports.statistics.scores import Scores

NAN = np.nan


def scores(y, *runs, seeds=None):
    """One method; each run a list of probabilities, NaN where it does not test the patient."""
    seeds = seeds or range(len(runs))
    patients = np.array([f"P{number}" for number in range(len(y))])
    return Scores(("m",), tuple((seed, 0) for seed in seeds), patients, np.array(y), np.array([runs], dtype=float))


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ([0.1, 0.2, 0.8, 0.9], 0.0),
        ([0.2, 0.1, 0.9, 0.8], 0.0),  # only patients of one outcome have changed places
        ([0.1, 0.8, 0.2, 0.9], 0.25),  # one of four pairs
        ([0.1, 0.8, 0.8, 0.9], 0.125),  # tied here and not there
        ([0.9, 0.8, 0.2, 0.1], 1.0),
        ([0.1, NAN, 0.05, 0.9], 0.5),  # of three patients whom both test, one pair of two
    ],
)
def test_pairs_of_an_event_and_none_that_two_models_rank_differently(second, expected):
    made = scores([False, False, True, True], [0.2, 0.3, 0.4, 0.5], second)
    assert discordance(made, 0) == pytest.approx(expected)


def test_what_both_models_tie_is_no_change():
    assert discordance(scores([False, True], [0.5, 0.5], [0.2, 0.2]), 0) == 0


def test_of_grades_pairs_of_one_grade_do_not_count():
    made = scores([0, 1, 1, 2], [0.1, 0.2, 0.3, 0.4], [0.1, 0.3, 0.2, 0.4])
    assert discordance(made, 0) == 0
    assert discordance(scores([0, 1, 1, 2], [0.1, 0.2, 0.3, 0.4], [0.2, 0.1, 0.3, 0.4]), 0) == pytest.approx(1 / 5)


def test_models_of_one_seed_are_not_compared_nor_those_that_share_no_patient():
    y, first, second = [False, True], [0.1, 0.9], [0.9, 0.1]
    assert np.isnan(discordance(scores(y, first, second, seeds=(39, 39)), 0))
    assert np.isnan(discordance(scores(y, [0.1, NAN], [NAN, 0.1]), 0))


def test_of_large_cohorts_a_part_of_the_patients_tells_as_much(monkeypatch):
    rng = np.random.default_rng(0)
    y, truth = rng.random(1200) < 0.3, rng.normal(size=1200)
    made = scores(y, truth + rng.normal(size=1200), truth + rng.normal(size=1200))
    some = discordance(made, 0)
    monkeypatch.setattr(module, "MOST", 2000)
    assert some == pytest.approx(discordance(made, 0), abs=0.08) and some != discordance(made, 0)


def test_the_interval_grows_by_the_root_of_the_factor_on_the_logit_scale():
    rng = np.random.default_rng(1)
    y = rng.random(100) < 0.4
    analytic = delong(scores(y, y + rng.normal(size=100)))
    plain, wide = analytic.interval(0), analytic.interval(0, 2.25)
    assert logit(wide.high) - logit(wide.value) == pytest.approx(1.5 * (logit(plain.high) - logit(plain.value)))
