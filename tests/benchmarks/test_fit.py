import numpy as np
import pandas as pd
import pytest
from small_context import make_context

from strokebench.benchmarks.fit import fit_and_predict, random_state
from strokebench.benchmarks.memory import PeakMemory
from strokebench.tasks.conditions import COMPLETE


def fit(method: str, **params):
    context = make_context()
    return fit_and_predict(method, params, context.split.folds[0], context.material, COMPLETE, "smote")


def test_each_fold_has_its_own_random_state_for_all_methods():
    states = {random_state(seed, fold) for seed in (39, 40) for fold in range(5)}
    assert len(states) == 10
    assert all(0 <= state < 2**31 for state in states)
    assert random_state(39, 1) == random_state(39, 1)


def test_predictions_are_of_the_test_part_alone(planted: None):
    context = make_context()
    fitted = fit("coin")
    fold = context.split.folds[0]
    assert list(fitted.predictions["patient_id"]) == list(fold.test)
    assert list(fitted.predictions["y"]) == list(context.labels.loc[list(fold.test)])
    assert fitted.history == {"train_loss": [3.0, 2.0, 1.0]}
    assert fitted.fit_seconds >= 0 and fitted.predict_seconds >= 0


def test_the_same_run_gives_the_same_predictions():
    first, second = fit("mlp", max_epochs=3), fit("mlp", max_epochs=3)
    pd.testing.assert_frame_equal(first.predictions, second.predictions)
    assert first.history == second.history


@pytest.mark.parametrize(("method", "said"), [("shapeless", "shape"), ("infinite", r"\[0, 1\]")])
def test_what_is_no_prediction_is_refused(planted: None, method: str, said: str):
    with pytest.raises(ValueError, match=said):
        fit(method)


def test_peak_memory_is_of_the_block_alone():
    block = np.ones(30_000_000)
    del block
    with PeakMemory() as small:
        np.ones(1_000_000)
    with PeakMemory() as large:
        np.ones(30_000_000)
    assert large.megabytes > 200
    assert small.megabytes < 60
