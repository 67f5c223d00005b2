import sys
from dataclasses import replace
from weakref import ref

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import config_context, get_config
from small_context import make_context

from strokebench.benchmarks.running.fit import fit_and_predict, make_ready, random_state
from strokebench.benchmarks.running.plans import method_runs
from strokebench.benchmarks.running.task import Task, compute
from strokebench.methods.svm import SVM
from strokebench.tasks.conditions import COMPLETE, Condition, all_subsets


def fit(method: str, **params):
    context = make_context()
    return fit_and_predict(make_ready(method, params, context.split.folds[0], context.material, [COMPLETE], "smote"))


def test_each_fold_has_its_own_random_state_for_all_methods():
    states = {random_state(seed, fold) for seed in (39, 40) for fold in range(5)}
    assert len(states) == 10
    assert all(0 <= state < 2**31 for state in states)
    assert random_state(39, 1) == random_state(39, 1)


def test_predictions_are_of_the_test_part_alone(planted: None):
    context = make_context()
    fitted = fit("coin")
    fold = context.split.folds[0]
    [predictions] = fitted.predictions
    assert list(predictions["patient_id"]) == list(fold.test)
    assert list(predictions["y"]) == list(context.labels.loc[list(fold.test)])
    assert fitted.history == {"train_loss": [3.0, 2.0, 1.0]}
    assert fitted.fit_seconds >= 0 and fitted.predict_seconds >= 0


def test_the_same_run_gives_the_same_predictions():
    first, second = fit("mlp", max_epochs=3), fit("mlp", max_epochs=3)
    pd.testing.assert_frame_equal(first.predictions[0], second.predictions[0])
    assert first.history == second.history


@pytest.mark.parametrize("method", ["svm", "mlp"])
def test_what_a_notebook_or_another_method_has_set_changes_no_fit(method: str):
    context = make_context()
    run = replace(method_runs(method, context)[0], params={"max_epochs": 2} if method == "mlp" else {})
    task, kind = Task({"k": run}, context.split.folds[0]), torch.get_default_dtype()
    plain = compute(task, context.material).predictions["k"]
    try:
        torch.set_default_dtype(torch.float64)
        with config_context(transform_output="pandas"), np.errstate(all="raise"), torch.no_grad():
            pd.testing.assert_frame_equal(compute(task, context.material).predictions["k"], plain)
            assert get_config()["transform_output"] == "pandas" and not torch.is_grad_enabled()
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(kind)


@pytest.mark.parametrize(
    ("method", "said"), [("shapeless", "shape"), ("infinite", r"\[0, 1\]"), ("halved", "sum to 1")]
)
def test_what_is_no_prediction_is_refused(planted: None, method: str, said: str):
    with pytest.raises(ValueError, match=said):
        fit(method)


def test_one_fit_is_tested_under_several_conditions():
    context = make_context()
    fold = context.split.folds[0]
    conditions = [COMPLETE, *all_subsets(when="test_only")[:3]]
    together = fit_and_predict(make_ready("concat", {"max_epochs": 2}, fold, context.material, conditions, "smote"))
    for condition, predictions in zip(conditions, together.predictions, strict=True):
        alone = fit_and_predict(make_ready("concat", {"max_epochs": 2}, fold, context.material, [condition], "smote"))
        pd.testing.assert_frame_equal(alone.predictions[0], predictions)
    assert not np.allclose(together.predictions[0]["p"], together.predictions[1]["p"])


@pytest.mark.parametrize("method", ["mlp", "vdafm"])
def test_the_test_part_is_held_under_one_condition_at_a_time(monkeypatch: pytest.MonkeyPatch, method: str):
    made, held, apply = [], [], Condition.apply

    def watched(self, x, *rest):
        given = apply(self, x, *rest)
        held.append(sum(one() is not None for one in made))
        if given is not x:
            made.append(ref(given))
        return given

    monkeypatch.setattr(Condition, "apply", watched)
    context, conditions = make_context(), [COMPLETE, *all_subsets(when="test_only")[:5]]
    fold = context.split.folds[0]
    fit_and_predict(make_ready(method, {"max_epochs": 1}, fold, context.material, conditions, "smote"))
    assert len(made) >= 5 and max(held) == 0


def test_conditions_of_two_fits_are_refused():
    context = make_context()
    conditions = [COMPLETE, all_subsets()[0]]
    with pytest.raises(ValueError):
        fit_and_predict(make_ready("svm", {}, context.split.folds[0], context.material, conditions, "smote"))


def test_a_fold_without_test_patients_is_fitted_for_tuning():
    context = make_context()
    fold = replace(context.split.folds[0], test=())
    fitted = fit_and_predict(make_ready("vdafm", {"max_epochs": 2}, fold, context.material, [COMPLETE], "smote"))
    assert fitted.predictions[0].empty
    full = fit("vdafm", max_epochs=2)
    assert fitted.facts["validation_score"] == full.facts["validation_score"]
    best = int(full.facts["best_epoch"]) - 1
    assert fitted.facts["validation_score"] == pytest.approx(fitted.history["validation_score"][best])


def test_vdafm_tells_the_angles_of_each_test_patient():
    [predictions] = fit("vdafm", max_epochs=2).predictions
    for name in ("angle_before", "angle_after"):
        assert predictions[name].between(0, 180).all()


def test_a_method_that_would_end_the_process_fails_its_run(monkeypatch: pytest.MonkeyPatch):
    context = make_context(folds=1)
    monkeypatch.setattr(SVM, "fit", lambda *_: sys.exit("no device"))
    [run] = method_runs("svm", context)
    [record] = compute(Task({"key": run}, context.fold(run)), context.material).records.values()
    assert record["error"].endswith("SystemExit: no device\n")
