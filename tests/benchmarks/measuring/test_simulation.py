"""The simulation's truth is true, and its figures are what its intervals and tests said."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from strokebench.benchmarks.measuring import simulation, simulation_world
from strokebench.benchmarks.measuring.simulation import (
    BOOTSTRAP,
    COMBINED,
    DELONG,
    LOGIT,
    UNCORRECTED,
    WIDENED,
    simulate,
    simulation_table,
)
from strokebench.benchmarks.measuring.simulation_world import World, cross_validate, expected_aucs, fit_logistic
from strokebench.methods.concat import Concat
from strokebench.reports.statistics.intervals import UNDEFINED
from strokebench.tasks.metrics.selection import auc

SMALL = World("small", patients=80, methods=3, variables=2, seeds=1)


@pytest.fixture(scope="module")
def measured():
    return simulate(SMALL, replicates=3, resamples=20)


def test_the_true_auc_is_that_of_many_patients():
    world = World("one", variables=3, handicap=0.5)
    x, y = world.draw(np.random.default_rng(0), 200_000)
    weights = np.array([0.5, 1.0, -0.2])
    for method in (0, 1):
        assert world.true_auc(weights, method) == pytest.approx(auc(y, x[method] @ weights), abs=0.005)
    assert world.true_auc(np.zeros(3), 0) == 0.5


def test_the_fit_is_scikit_learn_s():
    from sklearn.linear_model import LogisticRegression

    (x, _), y = World("one", variables=6).draw(np.random.default_rng(0))
    model = LogisticRegression(tol=1e-8).fit(x, y)
    weights, intercept = fit_logistic(x, y)
    np.testing.assert_allclose(weights, model.coef_[0], atol=1e-5)
    assert intercept == pytest.approx(model.intercept_[0], abs=1e-5)


@pytest.mark.parametrize(("protocol", "tested"), [("cv5", 80), ("holdout", 16), ("loho", 80)])
def test_every_tested_patient_is_predicted_once_a_seed_by_every_method(protocol, tested):
    scores, models = cross_validate(replace(SMALL, protocol=protocol), np.random.default_rng(0))
    assert (((~np.isnan(scores.p)).sum(axis=1) == 1).sum(axis=1) == tested).all()
    assert models.shape == (3,) and ((models > 0.5) & (models < 1)).all()


def test_a_method_of_the_suite_is_trained_and_its_truth_measured(monkeypatch):
    monkeypatch.setattr(simulation_world, "TRUTH_MODELS_OF_METHODS", 4)
    world = replace(SMALL, methods=2, learner="xgboost")
    scores, models = cross_validate(world, np.random.default_rng(0))
    logistic, _ = cross_validate(replace(SMALL, methods=2), np.random.default_rng(0))
    assert (scores.y == logistic.y).all() and not np.allclose(scores.p, logistic.p, equal_nan=True)
    # Of two variables a method cannot know more than their best sum does.
    best = world.true_auc(np.ones(2), 0)
    assert (models < best + 0.01).all() and (models > 0.5).all()
    assert 0.5 < expected_aucs(world)[0] < best


def test_a_network_on_image_text_and_table_sees_a_third_of_the_variables_in_each(monkeypatch):
    seen = []
    monkeypatch.setattr(Concat, "fit", lambda self, train, *rest: seen.append(train) or self)
    monkeypatch.setattr(Concat, "predict_proba", lambda self, x: np.full((len(x), 2), 0.5))
    cross_validate(replace(SMALL, methods=2, variables=6, learner="concat"), np.random.default_rng(0))
    assert {name: array.shape[1:] for name, array in seen[0].arrays.items()} == {
        "image.vector": (2,),
        "text": (1, 1, 2),
        "table": (2,),
    }


def test_without_resamples_there_is_no_bootstrap():
    found = simulate(replace(SMALL, methods=2), replicates=2, resamples=0)
    assert BOOTSTRAP not in set(found["name"]) and COMBINED in set(found["name"])


def test_no_rule_of_cross_validation_is_tried_on_one_test_part():
    found = simulate(replace(SMALL, methods=2, protocol="holdout"), replicates=2, resamples=20)
    assert set(found["name"]) == {DELONG, BOOTSTRAP}


def test_rates_are_shares_and_the_same_again(measured):
    # Of one seed the discordance is not known.
    assert ((measured["n"] == 3) == (measured["name"] != WIDENED)).all()
    shares = measured[["procedure", "models", "rejected"]].to_numpy()
    assert set(np.unique(shares[~np.isnan(shares)]).round(6)) <= {0.0, 0.333333, 0.666667, 1.0}
    assert measured.equals(simulate(SMALL, replicates=3, resamples=20))


def test_an_interval_that_is_undefined_is_no_miss(monkeypatch):
    """Nor a test without p one that does not reject."""
    cohorts = iter(range(3))
    judge = simulation.corrected_auc

    def sometimes(*of):
        return UNDEFINED if next(cohorts) else judge(*of)

    monkeypatch.setattr(simulation, "corrected_auc", sometimes)
    monkeypatch.setattr(simulation, "ttest_1samp", lambda *_: SimpleNamespace(pvalue=np.nan))
    found = simulate(replace(SMALL, methods=2), replicates=3, resamples=0).set_index(["kind", "name"])
    assert found.loc[("auc", LOGIT), "n"] == 1 and found.loc[("auc", LOGIT), "models"] in (0, 1)
    assert found.loc[("test", UNCORRECTED), "n"] == 0 and np.isnan(found.loc[("test", UNCORRECTED), "rejected"])
    assert found.loc[("auc", DELONG), "n"] == 3
    simulation_table(SMALL, found.reset_index(), "simulation")


def test_a_network_takes_one_thread(monkeypatch):
    threads, before = [], torch.get_num_threads()
    monkeypatch.setattr(Concat, "fit", lambda self, *_: threads.append(torch.get_num_threads()) or self)
    monkeypatch.setattr(
        Concat, "predict_proba", lambda self, x: threads.append(torch.get_num_threads()) or np.full((len(x), 2), 0.5)
    )
    torch.set_num_threads(2)
    try:
        cross_validate(replace(SMALL, methods=2, variables=6, learner="concat"), np.random.default_rng(0))
    finally:
        torch.set_num_threads(before)
    assert set(threads) == {1}


def test_a_family_of_methods_is_judged_by_each_rule(measured):
    family = measured[measured["kind"] == "family"].set_index("name")["rejected"]
    assert len(family) == 5
    assert family[f"{COMBINED}, Holm"] <= family["DeLong, Holm"]
    assert family["DeLong, Holm"] <= family["DeLong, not adjusted"]


def test_the_table_holds_every_rate(measured):
    table = simulation_table(SMALL, measured, "simulation")
    assert len(table.rows) == len(measured) and len({row.key for row in table.rows}) == len(table.rows)
