"""Saved methods: plain files, and damage that is noticed."""

import json
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.base import clone
from sklearn.tree._tree import Tree

from strokebench.errors import StrokebenchError
from strokebench.files import write_manifest
from strokebench.methods.base import Method
from strokebench.methods.concat import Concat
from strokebench.methods.conformance.subject import MadeUp
from strokebench.methods.random_forest import RandomForest
from strokebench.methods.svm import SVM
from strokebench.methods.vdafm import VDAFM
from strokebench.methods.xgboost import XGBoost

TRAIN, VALIDATION, TEST = MadeUp(40, 1), MadeUp(20, 2), MadeUp(12, 3)


def saved(method: Method, folder: Path) -> Path:
    method.fit(TRAIN.x, TRAIN.y, VALIDATION.x, VALIDATION.y).save(folder)
    return folder


def concat(**parameters) -> Concat:
    return Concat(hidden=16, width=16, max_epochs=1, **parameters)


def test_network_is_safetensors_and_json(tmp_path):
    saved(concat(), tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {
        *("method.json", "sizes.json", "weights.safetensors", "manifest.json")
    }
    state = json.loads((tmp_path / "method.json").read_text())
    assert state["name"] == "concat" and state["parameters"]["hidden"] == 16


@pytest.mark.parametrize("method", [SVM(), RandomForest(trees=20), XGBoost(trees=20)], ids=lambda m: m.name)
@pytest.mark.parametrize("inputs", ["table", "all"])
def test_traditional_methods_come_back_with_their_reductions(method, inputs, tmp_path):
    fitted = clone(method).set_params(inputs=inputs).fit(TRAIN.x, TRAIN.y, VALIDATION.x, VALIDATION.y)
    fitted.save(tmp_path)
    loaded = type(method).load(tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(TEST.x), fitted.predict_proba(TEST.x))


def test_facts_come_back(tmp_path):
    saved(concat(), tmp_path)
    assert Concat.load(tmp_path).facts_["best_epoch"] == 1


def test_another_method_s_folder_is_refused(tmp_path):
    saved(concat(), tmp_path)
    with pytest.raises(StrokebenchError, match="holds concat, not vdafm"):
        VDAFM.load(tmp_path)


@pytest.mark.parametrize("damage", [b"", b"garbage", None])
@pytest.mark.parametrize(
    ("method", "file"),
    [(concat(), "weights.safetensors"), (SVM(), "model.skops"), (concat(), "method.json"), (concat(), "sizes.json")],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_damaged_file_is_named(method, file, damage, tmp_path):
    path = saved(method, tmp_path) / file
    path.unlink()
    if damage is not None:
        path.write_bytes(damage)
    with pytest.raises(StrokebenchError, match=file):
        type(method).load(tmp_path)


def test_weights_of_other_sizes_are_refused(tmp_path):
    saved(concat(), tmp_path / "one")
    saved(Concat(hidden=8, width=8, max_epochs=1), tmp_path / "other")
    (tmp_path / "other" / "weights.safetensors").replace(tmp_path / "one" / "weights.safetensors")
    with pytest.raises(StrokebenchError, match=r"weights\.safetensors"):
        Concat.load(tmp_path / "one")


def test_forest_that_points_outside_itself_is_refused(tmp_path):
    saved(RandomForest(trees=3), tmp_path)
    forest = RandomForest.load(tmp_path).estimator_
    tree = forest.estimators_[1].tree_
    state = tree.__getstate__()
    state["nodes"]["left_child"][0] = 10**6
    tree.__setstate__(state)
    skops.io.dump({"estimator": forest, "reductions": {}}, tmp_path / "model.skops")
    # Who doctors a file makes its checksum fit.
    write_manifest(tmp_path)
    with pytest.raises(StrokebenchError, match="points outside itself"):
        RandomForest.load(tmp_path)


def test_forest_of_more_columns_than_it_is_given_is_refused(tmp_path):
    saved(RandomForest(trees=3), tmp_path)
    forest = RandomForest.load(tmp_path).estimator_
    state = forest.estimators_[1].tree_.__getstate__()
    state["nodes"]["feature"][0] = 10**9 - 1
    wide = Tree(10**9, np.array([2], dtype=np.intp), 1)
    wide.__setstate__(state)
    forest.estimators_[1].tree_ = wide
    skops.io.dump({"estimator": forest, "reductions": {}}, tmp_path / "model.skops")
    write_manifest(tmp_path)
    with pytest.raises(StrokebenchError, match="points outside itself"):
        RandomForest.load(tmp_path)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("_dual_coef_", np.zeros((1, 1))), ("_n_support", np.array([-5, 5], dtype=np.int32))],
)
def test_support_vectors_that_do_not_fit_together_are_refused(tmp_path, attribute, value):
    saved(SVM(), tmp_path)
    model = SVM.load(tmp_path).estimator_
    setattr(model, attribute, value)
    skops.io.dump({"estimator": model, "reductions": {}}, tmp_path / "model.skops")
    write_manifest(tmp_path)
    with pytest.raises(StrokebenchError, match="do not fit together"):
        SVM.load(tmp_path)


class Intruder:
    """A type that no method of ours saves."""


def test_a_file_with_foreign_types_is_refused(tmp_path):
    saved(SVM(), tmp_path)
    skops.io.dump({"estimator": Intruder(), "reductions": {}}, tmp_path / "model.skops")
    write_manifest(tmp_path)
    with pytest.raises(StrokebenchError, match="Intruder"):
        SVM.load(tmp_path)
