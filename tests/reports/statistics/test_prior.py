"""Balance undone: the odds of a run are those of the patients whom it does not test."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit

from strokebench.reports.results import RUN
from strokebench.reports.statistics.prior import at_prevalence, log_odds, undo_balance


def by_hand(results, n, positives):
    """One run after the other, by odds."""
    undone = []
    for _, run in results.predictions.groupby(list(RUN), sort=False):
        others = (positives - run["y"].sum()) / (n - len(run))
        odds = run["p"] / (1 - run["p"]) * others / (1 - others)
        undone.append(odds / (1 + odds))
    return np.concatenate(undone)


def test_each_run_is_shifted_by_the_prevalence_of_those_it_was_not_tested_on(results):
    patients = results.predictions.drop_duplicates("patient_id")
    undone = undo_balance(results)
    np.testing.assert_allclose(undone["p"], by_hand(results, len(patients), patients["y"].sum()), rtol=1e-6)
    assert undone.drop(columns="p").equals(results.predictions.drop(columns="p"))


def test_patients_who_are_never_tested_count(results):
    more = replace(results, provenance={**results.provenance, "n_patients": 1000, "n_positive": 500})
    np.testing.assert_allclose(undo_balance(more)["p"], by_hand(results, 1000, 500), rtol=1e-6)


def test_tiny_probabilities_keep_their_order(results):
    tiny = replace(results, predictions=results.predictions.assign(p=results.predictions["p"] * 1e-9))
    ranks = [frame.groupby(list(RUN))["p"].rank() for frame in (tiny.predictions, undo_balance(tiny))]
    np.testing.assert_array_equal(*ranks)


def test_runs_that_were_not_balanced_stay_as_they_are(results):
    balance = np.where(results.runs["method"] == "svm", "none", "duplicate")
    undone = undo_balance(replace(results, runs=results.runs.assign(balance=balance)))
    same = undone["p"] == results.predictions["p"]
    assert same[undone["method"] == "svm"].all() and not same[undone["method"] != "svm"].any()


def test_all_known_patients_in_one_test_part_are_their_own_prevalence(results):
    (_, first), *_ = results.predictions.groupby(list(RUN), sort=False)
    facts = {**results.provenance, "n_patients": len(first), "n_positive": int(first["y"].sum())}
    one = replace(results, predictions=first, runs=results.runs[:1], provenance=facts)
    expected = expit(logit(first["p"]) + logit(first["y"].mean()))
    np.testing.assert_allclose(undo_balance(one)["p"], expected, rtol=1e-6)


def test_log_odds_of_the_certain_are_those_of_one_in_a_million():
    np.testing.assert_allclose(log_odds(np.array([0.0, 0.5, 1.0])), [-logit(1 - 1e-6), 0, logit(1 - 1e-6)], rtol=1e-6)


@pytest.mark.parametrize("unit", [0.001, 1, 1000])
def test_shares_are_of_any_unit(unit):
    p = np.array([[0.5, 0.5], [0, 1]])
    np.testing.assert_allclose(at_prevalence(p, unit * np.array([0.8, 0.2])), [[0.8, 0.2], [0, 1]])
