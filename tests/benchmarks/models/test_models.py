"""A model that leaves the suite predicts as it did, says what it is, and is refused when it is damaged."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_cohort import make_cohort, make_embeddings

from strokebench.benchmarks.models.fit import Part, fit
from strokebench.benchmarks.models.model import Model, load_model
from strokebench.benchmarks.running.fit import fit_and_predict, make_ready
from strokebench.benchmarks.running.run import Material
from strokebench.errors import StrokebenchError
from strokebench.methods.registry import all_methods
from strokebench.tasks.conditions import COMPLETE
from strokebench.tasks.endpoints.parse import parse_endpoint
from strokebench.tasks.protocols import split_for_training

COHORT = make_cohort(80, outcomes={"nihss": "nihss < 7"}, synthetic=True, roles={"age": "age"})
EMBEDDINGS = make_embeddings(COHORT)
QUICK = {"max_epochs": 1, "hidden": 16, "width": 16, "heads": 4, "trees": 20}


def made(method: str = "random_forest", **how) -> Model:
    params = {"trees": 20} if method in ("random_forest", "xgboost") else {}
    return fit(method, COHORT, embeddings=EMBEDDINGS, **{"params": params, **how})


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("models") / "forest"
    made().save(path)
    return path


METHODS = [name for name, method in all_methods().items() if set(method.needs) <= {"age"}]


@pytest.mark.parametrize("method", METHODS)
def test_from_the_folder_it_predicts_what_the_fit_of_the_suite_does(method: str, tmp_path: Path):
    others = make_cohort(30, seed=5)
    others = replace(others, table=others.table.rename(index=lambda id: f"q{id}"), site=None)
    both = replace(COHORT, table=pd.concat([COHORT.table, others.table]), site=None)
    embeddings = make_embeddings(both)
    endpoint = parse_endpoint("nihss < 7")
    labels = endpoint.labels(COHORT)
    [fold] = split_for_training(endpoint.strata(labels), (39,)).folds
    params = {name: value for name, value in QUICK.items() if name in all_methods()[method]().get_params()}
    material = Material(both, embeddings, endpoint.labels(both), ("nihss",), endpoint, both.by_role(["nihss"]))
    fold = replace(fold, test=tuple(others.ids))
    ready = make_ready(method, params, fold, material, [COMPLETE], "smote")
    [suite] = fit_and_predict(ready).predictions

    model = fit(method, both, embeddings=embeddings, part=Part(tuple(COHORT.ids)), params=params, outcome="nihss < 7")
    model.save(tmp_path / "model")
    p = load_model(tmp_path / "model").predict_proba(others, embeddings=embeddings, balanced=True)
    np.testing.assert_array_equal(p[:, 1], suite["p"])
    np.testing.assert_array_equal(model.predict_proba(others, embeddings=embeddings, balanced=True), p)


def test_any_flipped_bit_is_found(folder: Path):
    load_model(folder)
    draw = random.Random(0)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    for file in [*files, *draw.choices(files, k=40)]:
        content = bytearray(file.read_bytes())
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        whole = file.read_bytes()
        file.write_bytes(content)
        with pytest.raises(StrokebenchError, match="damaged"):
            load_model(folder)
        file.write_bytes(whole)
    load_model(folder)
