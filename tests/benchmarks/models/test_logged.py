"""A model that MLflow keeps predicts what its folder does, and is found by what it was made of."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_cohort import make_cohort, make_embeddings

from strokebench.benchmarks.models.fit import fit
from strokebench.benchmarks.models.logged import log_model
from strokebench.benchmarks.models.model import Model, load_model
from strokebench.benchmarks.models.served import Served, served_columns
from strokebench.benchmarks.running.tracking.mlflow import tracking_uri
from strokebench.errors import StrokebenchError

COHORT = make_cohort(60, outcomes={"nihss": "nihss < 7"}, roles={"age": "age"})
EMBEDDINGS = make_embeddings(COHORT)
LOADS = """import sys, mlflow.pyfunc, pandas as pd; mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
model.predict(pd.read_csv(sys.argv[3], dtype={"toast": object, "smoker": object})).to_csv(sys.argv[4])
"""


def made(method: str = "random_forest", **how) -> Model:
    params = {"trees": 10} if method == "random_forest" else {}
    return fit(method, COHORT, embeddings=EMBEDDINGS, params=params, **how)


@pytest.mark.long
def test_from_mlflow_it_predicts_what_the_folder_does(tmp_path: Path, recwarn: pytest.WarningsRecorder):
    from mlflow import MlflowClient

    model = made()
    address = log_model(model)
    assert not [warned.message for warned in recwarn if "input example" in str(warned.message)]
    rows = COHORT.table.drop(columns="nihss").head(5).assign(age=[65, 70, None, 81, 59])
    rows.to_csv(tmp_path / "rows.csv", index=False)
    given = [tracking_uri(), address, str(tmp_path / "rows.csv"), str(tmp_path / "p.csv")]
    subprocess.run([sys.executable, "-c", LOADS, *given], check=True)
    expected = Served(model).predict(rows)["p"]
    np.testing.assert_allclose(pd.read_csv(tmp_path / "p.csv")["p"], expected, atol=1e-12)

    client = MlflowClient(tracking_uri())
    [experiment] = client.search_experiments(filter_string="name = 'strokebench/models'")
    found = client.search_runs([experiment.experiment_id], "tags.method = 'random_forest' and tags.cohort = 'small'")
    assert [run.data.tags["strokebench.model"] for run in found] == [model.description.id]
    assert found[0].data.params["trees"] == "10" and found[0].data.tags["mlflow.note.content"] == model.card
    place = Path(client.get_logged_model(address.removeprefix("models:/")).artifact_location.removeprefix("file://"))
    [folder] = (place / "data").iterdir()
    assert load_model(folder).description == model.description
    assert not [path for path in place.rglob("*") if path.suffix in (".pkl", ".pickle", ".joblib")]


def test_rows_hold_what_a_clinician_s_roles_ask_for_in_the_unit_that_is_named():
    cohort = make_cohort(60, outcomes={"smoker": "smoker == yes"}, roles={"age": "age", "nihss": "nihss"})
    model = fit("age_nihss", cohort, embeddings=EMBEDDINGS)
    assert list(served_columns(model.description)) == ["age", "nihss"]
    np.testing.assert_allclose(Served(model).predict(cohort.table)["p"], model.predict_proba(cohort)[:, 1])


def test_rows_that_lack_a_column_are_refused():
    with pytest.raises(StrokebenchError, match="lack toast, smoker"):
        Served(made()).predict(COHORT.table[["age"]])


def test_a_model_of_features_that_no_row_can_hold_is_not_logged():
    with pytest.raises(StrokebenchError, match="features that were made elsewhere"):
        log_model(made("logistic_components"))
