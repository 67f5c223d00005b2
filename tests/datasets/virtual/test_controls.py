"""The control cohorts keep what they promise: to a reader of the true infarct, whom no method can pass."""

import nibabel
import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from strokebench.datasets.virtual.dictionary import VARIABLES
from strokebench.datasets.virtual.generate import load, pictured
from strokebench.datasets.virtual.lesions import eloquence
from strokebench.datasets.virtual.patients import draw_patients
from strokebench.datasets.virtual.settings import FUSION, NULL, Strengths
from strokebench.files import read_json


def infarcts(shown, ids):
    """What the best reader of image and text would know, and which scanner it was."""
    facts = {"volume": [np.log(one.volume_ml) for one in shown.lesions], "place": map(eloquence, shown.lesions)}
    return pd.DataFrame(facts, index=ids).join(pd.get_dummies(shown.site.set_axis(ids), dtype=float))


def gain(seed, strengths, strangers):
    """AUC of logistic regression on table and infarct, less that on the table alone, out of fold."""
    patients = draw_patients(seed, 729, strengths)
    table, low = patients.table[[*VARIABLES]], patients.table["nihss"] < 7
    shown, _ = pictured(patients, seed, strengths, strangers)
    numbers, words = make_column_selector(dtype_include="number"), make_column_selector(dtype_exclude="number")
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), numbers), (OneHotEncoder(handle_unknown="ignore"), words)
    )
    model = make_pipeline(columns, LogisticRegression(C=0.05, max_iter=300))
    aucs = [
        roc_auc_score(low, cross_val_predict(model, x, low, cv=5, method="predict_proba")[:, 1])
        for x in (table, table.join(infarcts(shown, table.index)))
    ]
    return aucs[1] - aucs[0]


@pytest.mark.parametrize("seed", [0, 1])
def test_on_the_fusion_control_image_and_text_add_eight_points_for_a_good_reader(seed):
    assert gain(seed, FUSION.strengths, FUSION.strangers) > 0.08


def test_on_the_null_control_they_add_nothing_and_tell_nothing_of_the_outcome():
    # The standard error of one cohort's gain from four useless columns is below a point.
    assert gain(0, NULL.strengths, NULL.strangers) < 0.01
    for seed in range(4):
        patients = draw_patients(seed)
        shown, _ = pictured(patients, seed, NULL.strengths, NULL.strangers)
        facts = infarcts(shown, patients.table.index)
        # 1 / sqrt(729) is the deviation of a correlation by chance; 24 are looked at.
        assert max(abs(spearmanr(column, patients.table["nihss"])[0]) for _, column in facts.items()) < 0.14
        own = infarcts(patients, patients.table.index)
        assert spearmanr(own["volume"], patients.table["nihss"])[0] > 0.3


def test_the_images_of_the_null_control_are_the_strangers_and_its_captions_call_it_a_control(tmp_path, monkeypatch):
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path))
    cohort = load(3, 12, control=NULL, jobs=1)
    patients = draw_patients(3, 12)
    shown, _ = pictured(patients, 3, NULL.strengths, True)
    seen = [float(np.asarray(nibabel.load(path).dataobj).sum()) for path in cohort.masks]
    assert spearmanr(seen, [lesion.volume_ml for lesion in shown.lesions])[0] > 0.8
    pd.testing.assert_series_equal(cohort.table["nihss"], patients.table["nihss"], check_dtype=False)
    assert (cohort.name, cohort.synthetic) == ("virtual-null", True) and "a control" in cohort.title
    stored = read_json(next(tmp_path.glob("cohorts/virtual-*/cohort.json")))
    assert stored["images_of_strangers"] and "measured" not in stored and "attainable" not in cohort.about
    assert Strengths() == NULL.strengths != FUSION.strengths
