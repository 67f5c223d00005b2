from pathlib import Path

import pandas as pd
import pytest
from small_cohort import make_cohort, make_embeddings
from typer.testing import CliRunner, Result

from strokebench.benchmarks.cli import main as cli
from strokebench.datasets import catalogue
from strokebench.datasets.encoders import encode


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, list(arguments), env={"COLUMNS": "200"})


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    cohorts = {"small": make_cohort(60, outcomes={"nihss": "nihss < 7"}), "other": make_cohort(30, seed=4)}
    for name, cohort in cohorts.items():
        monkeypatch.setitem(catalogue.COHORTS.own, name, lambda cohort=cohort: cohort)
    monkeypatch.setattr(encode, "encode_cohort", lambda cohort, *_: make_embeddings(cohort))
    monkeypatch.setenv("JOBS", "1")


def test_fit_list_and_predict(tmp_path: Path):
    fitted = call("fit", "logistic_regression", "--dataset", "small", "--seeds", "39,40", "--part", "0.8")
    assert fitted.exit_code == 0, fitted.output
    listed = call("models").output
    assert "logistic_regression-small-nihss_lt_7" in listed and "80 % of the patients, drawn by seed 0" in listed
    [folder] = (tmp_path / "home" / "models").iterdir()
    predicted = call("predict", folder.name, "--dataset", "other", "--to", str(tmp_path / "p.csv"))
    assert predicted.exit_code == 0, predicted.output
    written = pd.read_csv(tmp_path / "p.csv")
    assert list(written.columns) == ["patient_id", "p"] and list(written["patient_id"]) == list(make_cohort(30).ids)
    assert written["p"].between(0, 1).all()


def test_what_cannot_be_is_said_in_a_line(tmp_path: Path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    assert "is there already" in call("fit", "svm", "--dataset", "small", "--to", str(tmp_path / "taken")).output
    assert "Did you mean svm?" in call("fit", "svn", "--dataset", "small").output
    assert "age_nihss cannot be fitted: it needs" in call("fit", "age_nihss", "--dataset", "small").output
    assert "is no model" in call("predict", str(tmp_path), "--dataset", "other", "--to", "p.csv").output
    assert "holds no model" in call("models", str(tmp_path)).output
