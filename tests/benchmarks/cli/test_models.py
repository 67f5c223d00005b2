import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console
from small_cohort import make_cohort, make_embeddings
from typer.testing import CliRunner, Result

from strokebench.benchmarks.cli import main as cli
from strokebench.benchmarks.cli.models import predict
from strokebench.datasets import catalogue
from strokebench.datasets.cohort import Column, Kind
from strokebench.datasets.encoders import encode


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, list(arguments), env={"COLUMNS": "200"})


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    cohorts = {"small": make_cohort(60, outcomes={"nihss": "nihss < 7"}), "other": make_cohort(30, seed=4)}
    for name, cohort in cohorts.items():
        monkeypatch.setitem(catalogue.COHORTS.own, name, lambda cohort=cohort: cohort)
    monkeypatch.setattr(encode, "encode_cohort", lambda cohort, *_: make_embeddings(cohort, len(cohort)))
    monkeypatch.setenv("JOBS", "1")


def test_fit_list_and_predict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
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
    assert "the model was made of" not in predicted.output
    again = call("predict", folder.name, "--dataset", "small", "--to", str(tmp_path / "again.csv"))
    assert "48 of these 60 are like patients that the model was made of" in again.output
    monkeypatch.setattr(predict, "MOST_LOOKED_AT", 30)
    part = call("predict", folder.name, "--dataset", "small", "--to", str(tmp_path / "again.csv"))
    assert re.search(r"\d+ of 30 looked at are like patients", part.output), part.output


def test_no_wait_is_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shown, status = [], Console.status
    monkeypatch.setattr(Console, "status", lambda console, text: shown.append(text) or status(console, text))
    model, other = str(tmp_path / "model"), str(tmp_path / "p.csv")
    for command, waits in {
        ("fit", "logistic_regression", "--to", model): ["Cohort small", "Marks of its patients"],
        ("predict", model, "--to", other): ["Cohort small", "Images, texts", "Patients whom the model was made of"],
        ("validate", model, "--out", str(tmp_path / "out")): ["Cohort small, predictions, and patients whom a model"],
    }.items():
        shown.clear()
        assert call(*command, "--dataset", "small").exit_code == 0
        assert all(any(text.startswith(wait) for text in shown) for wait in waits), shown


def test_a_fit_says_of_whom_and_what_it_is_made_and_what_stands_in_for_the_outcome(monkeypatch: pytest.MonkeyPatch):
    cohort = make_cohort(60, outcomes={"nihss": "nihss < 7"})
    cohort.table.loc["p003", "nihss"] = None
    clean = call("fit", "logistic_regression", "--dataset", "small").output
    assert "No inputs: nihss (the outcome is read from it)" in clean and "ALARM" not in clean
    good = cohort.table["nihss"].lt(7).map({True: "ja", False: "nein"})
    planted = replace(
        cohort,
        table=cohort.table.assign(gut=good),
        columns={**cohort.columns, "gut": Column(Kind.CATEGORICAL)},
    )
    monkeypatch.setitem(catalogue.COHORTS.own, "small", lambda: planted)
    said = call("fit", "svm", "--dataset", "small").output
    assert "59 patients" in said and "1 without it left out" in said
    assert "ALARM  Columns that tell the outcome alone: gut" in said and "nothing of the test part" not in said


def test_what_cannot_be_is_said_in_a_line(tmp_path: Path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    assert "is there already" in call("fit", "svm", "--dataset", "small", "--to", str(tmp_path / "taken")).output
    assert "Did you mean svm?" in call("fit", "svn", "--dataset", "small").output
    assert "age_nihss cannot be fitted: it needs" in call("fit", "age_nihss", "--dataset", "small").output
    assert "is no model" in call("predict", str(tmp_path), "--dataset", "other", "--to", "p.csv").output
    assert "holds no model" in call("models", str(tmp_path)).output


def test_a_page_for_a_patient_stays_where_it_is(tmp_path: Path):
    fitted = call(
        "fit", "logistic_regression", "--dataset", "small", "--seeds", "39,40", "--to", str(tmp_path / "model")
    )
    assert fitted.exit_code == 0, fitted.output
    asked = ("explain", str(tmp_path / "model"), "--dataset", "small", "--patient")
    explained = call(*asked, "p007", "--patient", "p008")
    assert explained.exit_code == 0, explained.output
    pages = sorted((tmp_path / "home").rglob("p00?.html"))
    assert [page.name for page in pages] == ["p007.html", "p008.html"]
    assert {page.stat().st_mode & 0o777 for page in pages} == {0o600}
    assert "logistic regression" in pages[0].read_text().lower() and "p008" not in pages[0].read_text()
    assert "Did you mean p007?" in call(*asked, "p007x").output


def test_pages_for_patients_are_in_nothing_that_is_passed_on(tmp_path: Path):
    ran = call("run", "table1", "--dataset", "small", "--methods", "svm", "--seeds", "39", "--no-tracking")
    assert ran.exit_code == 0, ran.output
    call("fit", "svm", "--dataset", "small", "--to", str(tmp_path / "model"))
    explained = call("explain", str(tmp_path / "model"), "--dataset", "small", "--patient", "p007")
    assert explained.exit_code == 0, explained.output
    [page] = (tmp_path / "home" / "explanations").rglob("*.html")
    page.write_text(page.read_text() + "mark of the page")
    assert call("page", "--dataset", "small").exit_code == 0
    assert call("results", "export", str(tmp_path / "package")).exit_code == 0
    passed_on = [*(tmp_path / "home" / "results").rglob("*"), *(tmp_path / "package").rglob("*")]
    files = [path for path in passed_on if path.is_file()]
    assert any(path.name == "report.html" for path in files) and any(path.name == "about.json" for path in files)
    assert not [path for path in files if b"mark of the page" in path.read_bytes() or "explanation" in path.name]


def test_a_path_that_is_not_there_is_no_other_model_of_its_last_name(tmp_path: Path):
    (tmp_path / "home" / "models" / "forest").mkdir(parents=True)
    assert predict.find_model(Path("forest")) == tmp_path / "home" / "models" / "forest"
    assert predict.find_model(tmp_path / "usb" / "forest") == tmp_path / "usb" / "forest"
