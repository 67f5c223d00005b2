"""What of a patient moves a prediction: planted effects are found, and what adds up does."""

import json
from dataclasses import replace
from itertools import product
from math import factorial
from pathlib import Path
from typing import ClassVar

import nibabel
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from small_cohort import make_cohort, make_embeddings

from strokebench.benchmarks.explanations.explain import explain
from strokebench.benchmarks.models.fit import fit
from strokebench.benchmarks.models.model import Model
from strokebench.datasets.cohort import Cohort, Column, Kind
from strokebench.datasets.encoders import registry
from strokebench.datasets.encoders.contract import LAYERS, ImageEncoder, TextEncoder
from strokebench.datasets.images.target import Target
from strokebench.errors import StrokebenchError
from strokebench.reports.statistics.prior import log_odds

COHORT = make_cohort(80, outcomes={"nihss": "nihss < 7"}, synthetic=True, roles={"age": "age"})
EMBEDDINGS = make_embeddings(COHORT)
QUICK = {"max_epochs": 1, "hidden": 16, "width": 16, "heads": 4, "trees": 20}
SPOT = 4 * 1 + 2
"""The place that decides the planted outcome: left, in front of the middle."""


def made(method: str, cohort: Cohort = COHORT, embeddings=EMBEDDINGS, **how) -> Model:
    from strokebench.methods.registry import find_method

    params = {name: value for name, value in QUICK.items() if name in find_method(method)().get_params()}
    return fit(method, cohort, embeddings=embeddings, **{"params": params, **how})


@pytest.mark.parametrize("method", ["logistic_components", "late_fusion", "vdafm"])
def test_modalities_lead_from_nobody_to_the_patient(method: str):
    model = made(method, seeds=(39, 40))
    found = explain(model, "p007", COHORT, embeddings=EMBEDDINGS)
    p = model.predict_proba(COHORT, embeddings=EMBEDDINGS)[COHORT.ids.get_loc("p007"), 1]
    assert found.prediction == pytest.approx(p, abs=1e-6)
    part = found["modalities"]
    assert [each.name for each in part.effects] == ["image", "text", "table"]
    assert part.reference + sum(each.effect for each in part.effects) == pytest.approx(p, abs=1e-6)
    assert all(len(each.members) == 2 for each in part.effects)


def test_a_modality_that_the_patient_lacks_is_worth_nothing():
    arrays = {**EMBEDDINGS.arrays, "text": EMBEDDINGS.arrays["text"].copy()}
    arrays["text"][7] = np.nan
    lacking = replace(EMBEDDINGS, arrays=arrays)
    text = explain(made("logistic_components"), "p007", COHORT, embeddings=lacking)["modalities"].effects[1]
    assert (text.name, text.effect, text.value) == ("text", 0, "not known of this patient")


@pytest.mark.parametrize("method", ["logistic_regression", "logistic_components", "xgboost", "random_forest"])
def test_trees_and_linear_models_exactly(method: str):
    """Against the definition, over all subsets of the encoded columns."""
    model = made(method)
    [(fitted, preparation)] = model.fits
    x = preparation.inputs(COHORT.table, EMBEDDINGS, pd.DataFrame(index=COHORT.ids), pd.Index(["p007"]))
    names, n = preparation.table.names_, len(preparation.table.names_)
    masks = np.array(list(product((False, True), repeat=n)))
    many = x[np.zeros(len(masks), int)]
    arrays = {**many.arrays, "table": np.where(masks, many.arrays["table"], 0).astype(np.float32)}
    p = fitted.predict_proba(replace(many, arrays=arrays))[:, 1]
    values = dict(zip(map(tuple, masks), p if method == "random_forest" else log_odds(p), strict=True))
    expected: dict[str, float] = {}
    for player, name in enumerate(names):
        total = 0.0
        for mask in map(tuple, masks[~masks[:, player]]):
            weight = factorial(sum(mask)) * factorial(n - sum(mask) - 1) / factorial(n)
            total += weight * (values[(*mask[:player], True, *mask[player + 1 :])] - values[mask])
        column = name.partition(" = ")[0]
        expected[column] = expected.get(column, 0) + total
    found = explain(model, "p007", COHORT, embeddings=EMBEDDINGS)["table"]
    assert {each.name: each.effect for each in found.effects} == pytest.approx(expected, abs=1e-5)
    assert "exactly, by the model's own" in found.how


@pytest.mark.parametrize(("method", "outcome"), [("svm", "nihss < 1"), ("random_forest", "nihss 0 to 2")])
def test_columns_of_other_models_add_up_too(method: str, outcome: str):
    cohort = replace(COHORT, table=COHORT.table.assign(nihss=COHORT.table["nihss"] // 7), outcomes={})
    model = made(method, cohort, outcome=outcome)
    found = explain(model, "p007", cohort, embeddings=EMBEDDINGS)
    [(fitted, preparation)] = model.fits
    x = preparation.inputs(cohort.table, EMBEDDINGS, pd.DataFrame(index=cohort.ids), pd.Index(["p007"]))
    nobody = replace(x, arrays={**x.arrays, "table": np.zeros_like(x.arrays["table"])})
    own, usual = (fitted.predict_proba(each) for each in (x, nobody))
    change = (log_odds(own[:, 1]) - log_odds(usual[:, 1])) if method == "svm" else (own - usual) @ np.arange(3)
    assert sum(each.effect for each in found["table"].effects) == pytest.approx(change[0], abs=1e-5)
    assert {each.name for each in found["table"].effects} == {"age", "toast", "smoker"}
    assert found.unit == ("probability" if method == "svm" else "grades")


def test_a_model_of_roles_is_explained_by_its_roles():
    table = COHORT.table.assign(event=(COHORT.table["nihss"] < 7).astype(float))
    columns = {**COHORT.columns, "event": Column(Kind.NUMERIC)}
    roles, outcomes = {"age": "age", "nihss": "nihss"}, {"event": "event > 0"}
    cohort = replace(COHORT, table=table, columns=columns, roles=roles, outcomes=outcomes)
    model = made("age_nihss", cohort)
    whole = explain(model, "p007", cohort, embeddings=EMBEDDINGS)
    found = whole["table"]
    assert {each.name for each in found.effects} == {"age", "nihss"}
    assert found.effects[0].name == "nihss" and abs(found.effects[0].effect) > 3 * abs(found.effects[1].effect)
    assert "training part's median in every column" in found.how

    # Without its facts stands what the model says of a patient of whom nothing is known.
    part = whole["modalities"]
    unknown = replace(cohort, table=table.copy())
    unknown.table.loc["p007", ["age", "nihss"]] = np.nan
    p = model.predict_proba(unknown, embeddings=EMBEDDINGS)[COHORT.ids.get_loc("p007"), 1]
    assert part.reference == pytest.approx(p, abs=1e-6) and "median" in part.how and "mean" not in part.how
    assert part.effects[0].value == ""
    nothing = explain(model, "p007", unknown, embeddings=EMBEDDINGS)["modalities"].effects[0]
    assert (nothing.effect, nothing.value) == (pytest.approx(0, abs=1e-9), "not known of this patient")


def test_a_model_that_knows_what_is_missing_is_not_said_to_have_a_mean_there():
    said = explain(made("modality_dropout"), "p007", COHORT, embeddings=EMBEDDINGS)["modalities"].how
    assert "the model is told so" in said and "mean" not in said
    assert "the model was not trained without it" in explain(made("svm"), "p007", COHORT)["modalities"].how


def test_a_model_of_the_table_says_nothing_of_image_and_text():
    found = explain(made("logistic_regression"), "p007", COHORT, embeddings=EMBEDDINGS)
    assert [part.name for part in found.parts] == ["modalities", "table"]
    assert [each.name for each in found["modalities"].effects] == ["table"]


def test_ready_vectors_without_places_and_sentences_say_so():
    found = explain(made("concat"), "p007", COHORT, embeddings=EMBEDDINGS)
    assert "ready vector, of which no place" in found["image"].missing
    assert "no sentence can be taken away" in found["text"].missing
    tokens = explain(made("fusion"), "p007", COHORT, embeddings=EMBEDDINGS)["image"]
    assert len(tokens.effects) == 16 and "an approximation" in tokens.how and not tokens.pictures


def test_what_json_can_hold_names_what_does_not_repeat():
    found = explain(made("logistic_regression", seeds=(39, 40)), "p007", COHORT, embeddings=EMBEDDINGS)
    told = json.loads(json.dumps(found.to_dict()))
    effects = told["parts"][1]["effects"]
    assert {each["repeats"] for each in effects} <= {True, False, None} and all(each["spread"] >= 0 for each in effects)
    assert told["prediction"] == found.prediction and told["seen"] == "image"


def test_an_unknown_patient_is_one_line_with_the_nearest_id():
    with pytest.raises(StrokebenchError, match=r"No patient is called 'p7'\. Did you mean p\d+\?") as error:
        explain(made("logistic_regression"), "p7", COHORT, embeddings=EMBEDDINGS)
    assert len(str(error.value)) < 150


class Mosaic(ImageEncoder):
    """Sees how bright each place is."""

    name = "mosaic"
    target: ClassVar[Target] = Target((8, 8, 8), 12.0)
    dim = 16

    def fingerprint(self) -> str:
        return "mosaic 1"

    def encode(self, volumes, device="cpu"):
        vectors = volumes.reshape(-1, 4, 2, 4, 2, 8).mean(axis=(2, 4, 5)).reshape(-1, 16).astype(np.float32)
        return vectors, np.repeat(vectors[:, None], 16, axis=1)


class Length(TextEncoder):
    """Sees how often a text speaks of the left."""

    name = "length"
    dim = 4

    def fingerprint(self) -> str:
        return "length 1"

    def encode(self, texts, device="cpu"):
        counts = np.array([text.count("left") for text in texts], np.float32)
        return np.broadcast_to(counts[:, None, None], (len(texts), LAYERS, self.dim)).copy()


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cohort:
    """Patients who have the event where a bright spot lies in one place and one sentence of two says left."""
    for encoder in (Mosaic, Length):
        monkeypatch.setitem(registry.ENCODERS.own, encoder.name, encoder)
    ids = pd.Index([f"p{number:02d}" for number in range(40)])
    spot, left = np.arange(40) % 2, np.arange(40) // 2 % 2
    event = spot & left
    paths, texts = [], []
    for number, id in enumerate(ids):
        data = np.random.default_rng(number).uniform(90, 110, (12, 12, 12))
        data[[0, -1]] = data[:, [0, -1]] = data[:, :, [0, -1]] = 0
        # The volume is centred as it is, so places of the grid of 8 lie two voxels within.
        if spot[number]:
            i, j = divmod(SPOT, 4)
            data[2 + 2 * i : 4 + 2 * i, 2 + 2 * j : 4 + 2 * j, 2:10] = 300
        # Voxels left to right, back to front: the axes of the encoder's grid.
        nibabel.save(nibabel.Nifti1Image(data.astype(np.float32), np.diag([12.0, 12, 12, 1])), tmp_path / f"{id}.nii")
        paths.append(tmp_path / f"{id}.nii")
        side = "left" if left[number] else "right"
        texts.append(f"There is an infarct of the brain. The lesion lies in the {side} hemisphere.")
    table = pd.DataFrame({"age": np.random.default_rng(1).normal(70, 9, 40).round(), "event": event * 1.0}, ids)
    columns = {name: Column(Kind.NUMERIC) for name in table}
    files, answers = pd.Series(paths, ids), pd.DataFrame({"side": texts}, ids)
    return Cohort("planted", "planted cohort", table, columns, images=files, texts=answers, outcomes={"e": "event > 0"})


class Seer:
    """Looks at one place of the image, or of two sequences at both, and at what the text says of the left."""

    def predict_proba(self, x):
        vector = x.arrays["image.vector"]
        seen = vector.reshape(len(x), -1, 16)[:, :, SPOT].sum(axis=1) + x.arrays["text"].mean(axis=(1, 2, 3))
        return np.column_stack([expit(-seen), expit(seen)])


def seeing(cohort: Cohort, **how) -> Model:
    model = fit("logistic_components", cohort, encoders="mosaic+length", jobs=1, **how)
    return replace(model, fits=tuple((Seer(), preparation) for _, preparation in model.fits))


def test_planted_spot_and_sentence_are_found(planted: Cohort):
    found = explain(seeing(planted, seeds=(39, 40)), "p07", planted)
    image, text = found["image"], found["text"]
    assert int(np.argmax([each.effect for each in image.effects])) == SPOT
    assert image.effects[SPOT].name == "front of the middle, left" and image.effects[SPOT].repeats(image.unit)
    assert len(image.pictures) == 6 and "encoded again" in image.how
    brain, side = text.effects
    assert brain.effect == pytest.approx(0, abs=1e-9) and brain.stability(text.unit) == "next to nothing in every fit"
    assert "left hemisphere" in side.name and side.effect > 0.05 and side.group == "side"


def test_what_the_patient_lacks_is_said(planted: Cohort):
    model = fit("logistic_components", planted, encoders="mosaic+length", jobs=1)
    known = planted.ids != "p07"
    without = replace(planted, images=planted.images.where(known[:, None]), texts=planted.texts.where(known[:, None]))
    found = explain(model, "p07", without)
    assert "has no image" in found["image"].missing and "has no text" in found["text"].missing


def test_several_sequences_are_covered_at_once(planted: Cohort):
    images = pd.DataFrame({"dwi": planted.images["image"], "flair": planted.images["image"]})
    cohort = replace(planted, images=images, masked="dwi")
    model = seeing(cohort)
    found = explain(model, "p07", cohort)["image"]
    assert int(np.argmax([each.effect for each in found.effects])) == SPOT and len(found.pictures) == 12
    assert "the pictures are of dwi, flair" in found.how
    images.loc["p07", "dwi"] = None
    assert len(explain(model, "p07", replace(cohort, images=images))["image"].pictures) == 6
