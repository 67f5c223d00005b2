"""Where arrays come from: what each number stands for, in the units of the cohort, and what zeros become."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_cohort import make_cohort, make_embeddings

from strokebench.datasets.roles import ROLES
from strokebench.tasks.inputs import all_modalities
from strokebench.tasks.preparing.sources import ClinicalTable, Features, RoleValues

COHORT = make_cohort(30)
TRAIN, OTHERS = COHORT.ids[:20], COHORT.ids[20:]


def test_a_table_s_numbers_are_deviations_of_the_training_part_and_its_indicators_of_their_category():
    source = ClinicalTable(COHORT, ["nihss"], TRAIN, COHORT.ids)
    table = COHORT.table.loc[TRAIN]
    age = table["age"].fillna(source.fitted.modes_["age"])
    wanted = {"age": lambda t: t["age"].fillna(source.fitted.modes_["age"])}
    wanted |= {f"toast = {name}": lambda t, name=name: t["toast"] == name for name in sorted(table["toast"].unique())}
    wanted["smoker = yes"] = lambda t: t["smoker"] == "yes"
    assert source.fitted.names_ == tuple(wanted)
    for ids in (TRAIN, OTHERS):
        values, present = source.of(ids)
        assert present.all()
        for number, value in enumerate(wanted.values()):
            trained, own = value(table).to_numpy(float), value(COHORT.table.loc[ids]).to_numpy(float)
            np.testing.assert_allclose(values[:, number], (own - trained.mean()) / trained.std(), rtol=1e-5, atol=1e-6)
    assert source.zeros()[0] == pytest.approx(-age.mean() / age.std(ddof=0))


def test_a_patient_has_a_table_where_one_of_its_inputs_is_known():
    bare = COHORT.table.copy()
    bare.loc["p001", ["age", "toast", "smoker"]] = None
    bare.loc["p002", ["age", "toast"]] = None
    source = ClinicalTable(make_cohort(30, table=bare), ["nihss"], TRAIN, COHORT.ids)
    assert source.present[:3].tolist() == [True, False, True], "the outcome alone is no table"


def test_roles_are_scaled_by_what_is_usual_and_filled_with_the_training_part_s_median():
    known = pd.DataFrame({"age": [70.0, 84, 98, np.nan, 56], "nihss": [15.0, 1, np.nan, np.nan, 8]}, list("abcde"))
    source = RoleValues(known, pd.Index(list("abc")))
    values, present = source.of(pd.Index(list("adb")))
    # An age of 70 is usual and 14 a unit; 8 points are usual and 7 a unit: medians are 84 years and 8 points.
    np.testing.assert_allclose(values[:, :2], [[0, 1], [1, 0], [1, -1]])
    assert not values[:, 2:].any() and not present.any(), "no role but these is known"
    np.testing.assert_allclose(source.zeros()[:2], [-5, -8 / 7], rtol=1e-6)
    assert len(source.zeros()) == len(ROLES)


def test_features_are_standardised_by_the_training_part_and_zeros_with_them():
    embeddings = make_embeddings(COHORT)
    source = Features(embeddings, "image.vector", all_modalities()["image"], TRAIN)
    array = embeddings.arrays["image.vector"]
    mean, deviation = array[:20].mean(axis=0), array[:20].std(axis=0)
    np.testing.assert_allclose(source.of(OTHERS)[0], (array[20:] - mean) / deviation, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(source.zeros(), -mean / deviation, rtol=1e-4)


def test_missing_answers_of_a_patient_are_the_known_ones_in_turn():
    embeddings = make_embeddings(COHORT)
    text = embeddings.arrays["text"].copy()
    text[3, 1], text[25, [0, 1, 4]], text[26] = np.nan, np.nan, np.nan
    source = Features(replace(embeddings, arrays={"text": text}), "text", all_modalities()["text"], TRAIN)
    mean, deviation = np.nanmean(text[:20], axis=0), np.nanstd(text[:20], axis=0)
    scaled = (text - mean) / deviation
    scaled[3, 1], scaled[25, [0, 1, 4]], scaled[26] = scaled[3, 0], scaled[25, [2, 3, 2]], 0
    values, present = source.of(COHORT.ids)
    np.testing.assert_allclose(values, scaled, rtol=1e-4, atol=1e-5)
    assert np.flatnonzero(~present[:, 0]).tolist() == [26]
