"""XGBoost, Random Forest and SVM."""

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.svm import SVC

from strokebench.errors import StrokebenchError
from strokebench.methods.conformance.subject import MadeUp, changed
from strokebench.methods.parts.estimators import is_sound
from strokebench.methods.random_forest import RandomForest
from strokebench.methods.svm import SVM, platt
from strokebench.methods.xgboost import XGBoost
from strokebench.tasks.metrics.selection import auc

TRAIN, VALIDATION, TEST = MadeUp(60, 1), MadeUp(30, 2), MadeUp(60, 3)
METHODS = [XGBoost, RandomForest, SVM]


def fit(method, train=TRAIN, validation=VALIDATION):
    return method.fit(train.x, train.y, validation.x, validation.y)


@pytest.mark.parametrize("method", METHODS)
def test_the_table_alone_is_read_by_default(method):
    fitted = fit(method())
    other = changed(TEST.x, ["image", "text"])
    np.testing.assert_array_equal(fitted.predict_proba(TEST.x), fitted.predict_proba(other))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("modality", ["image", "text"])
def test_image_and_text_are_learned_from_when_asked_for(method, modality):
    train, validation, test = (MadeUp(n, n, [modality]) for n in (100, 40, 60))
    with_all = fit(method(inputs="all"), train, validation).predict_proba(test.x)[:, 1]
    table_alone = fit(method(), train, validation).predict_proba(test.x)[:, 1]
    assert auc(test.y, with_all) > 0.9 > auc(test.y, table_alone)


def test_components_are_fitted_on_the_training_part_and_no_more_than_it_has_patients():
    features = (method := SVM(inputs="all")).features(TRAIN.x, fit=True)
    assert features.shape == (60, 8 + 24 + SVM.components)
    few = MadeUp(10, 4)
    assert SVM(inputs="all").features(few.x, fit=True).shape == (10, 8 + 10 + 10)
    before = method.reductions_["image"].mean_.copy()
    assert method.features(TEST.x).shape == (60, 8 + 24 + SVM.components)
    np.testing.assert_array_equal(before, method.reductions_["image"].mean_)


def test_unknown_inputs_are_named():
    with pytest.raises(StrokebenchError, match="smell"):
        fit(SVM(inputs="smell"))


def test_svm_keeps_the_decision_value_s_order():
    machine = SVC(C=1.0).fit(TRAIN.x.arrays["table"], TRAIN.y)
    p = fit(SVM()).predict_proba(TEST.x)[:, 1]
    decision = machine.decision_function(TEST.x.arrays["table"])
    assert auc(TEST.y, p) == pytest.approx(auc(TEST.y, decision))
    assert not np.allclose(p, expit(decision), atol=0.01)


@pytest.mark.parametrize("share", [None, 0.5])
def test_platt_finds_the_log_odds_at_the_share_of_those_trained_on(share):
    random = np.random.default_rng(0)
    decision = random.normal(size=40_000)
    events = random.random(40_000) < expit(2 * decision - 1)
    there = events.mean()
    slope, intercept = platt(decision, events, there if share is None else share)
    assert slope == pytest.approx(2, abs=0.06)
    assert intercept == pytest.approx(-1 if share is None else -1 - logit(there), abs=0.06)


@pytest.mark.parametrize("events", [[False] * 4, [True, True, False, False]])
def test_without_a_rank_on_the_validation_part_the_decision_value_stays(events):
    assert platt(np.arange(4.0), np.array(events), 0.5) == (1, 0)


def test_platt_s_targets_are_soft():
    """Of 2 and 3 patients they are 3/4 and 1/5 (Platt 1999), which two decision values take exactly."""
    slope, intercept = platt(np.array([0.0, 0, 0, 1, 1]), np.array([False, False, False, True, True]), 0.4)
    assert (intercept, slope + intercept) == pytest.approx((logit(1 / 5), logit(3 / 4)), abs=1e-3)


def test_svm_without_validation_patients_keeps_the_decision_value():
    alone = SVM().fit(TRAIN.x, TRAIN.y, VALIDATION.x[:0], VALIDATION.y[:0])
    decision = SVC(C=1.0).fit(TRAIN.x.arrays["table"], TRAIN.y).decision_function(TEST.x.arrays["table"])
    np.testing.assert_allclose(alone.predict_proba(TEST.x)[:, 1], expit(decision), rtol=1e-6)


def test_xgboost_stops_early_on_validation_auc_and_uses_the_best_trees():
    method = fit(XGBoost(patience=5))
    curve = method.history_["validation_auc"]
    assert method.facts_["trees"] == int(np.argmax(curve)) + 1
    assert len(curve) <= method.facts_["trees"] + 5
    shown = auc(VALIDATION.y, method.predict_proba(VALIDATION.x)[:, 1])
    assert shown == pytest.approx(max(curve), abs=1e-6)


def test_xgboost_grows_all_trees_where_there_is_no_auc_to_stop_on():
    method = XGBoost(trees=20).fit(TRAIN.x, TRAIN.y, VALIDATION.x, np.zeros_like(VALIDATION.y))
    assert method.facts_["trees"] == 20


def test_a_sound_tree_is_told_from_a_doctored_one():
    tree = fit(RandomForest(trees=1)).estimator_.estimators_[0].tree_
    assert is_sound(tree)
    for column, value in (("left_child", -7), ("right_child", 10**6), ("feature", 99), ("left_child", 0)):
        state = tree.__getstate__()
        untouched = state["nodes"].copy()
        state["nodes"][column][0] = value
        tree.__setstate__(state)
        assert not is_sound(tree), (column, value)
        tree.__setstate__({**state, "nodes": untouched})
    assert is_sound(tree)
