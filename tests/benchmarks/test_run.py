"""An experiment from Python: what the command does, and its numbers as frames."""

import numpy as np
import pandas as pd
import pytest

import strokebench


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "work"))
    random = np.random.default_rng(0)
    age = random.uniform(40, 90, 80)
    poor = (age + random.normal(0, 10, 80) > 65).astype(int)
    pd.DataFrame({"id": [f"p{n:02}" for n in range(80)], "age": age.round(1), "poor": poor}).to_csv(
        tmp_path / "patients.csv", index=False
    )
    path = tmp_path / "cohort.yaml"
    path.write_text("table: patients.csv\nid: id\noutcome: poor\n", encoding="utf-8")
    return path


@pytest.mark.every_format
def test_table_metrics_and_predictions_agree(own, capsys):
    report = strokebench.run("table1", dataset=str(own), methods=["random_forest"], quick=True, jobs=1, tracking=False)
    (row,) = report.table.to_dict("records")
    assert row["key"] == "random_forest" and row["runs_done"] == 2
    assert row["AUC"] == pytest.approx(100 * report.metrics["AUC"].mean(), abs=0.005)
    assert len(report.predictions) == 2 * 16, "two test parts of a fifth of eighty patients"
    assert report.figures and all(path.is_file() for path in report.figures)
    assert report.plot().size == report.plot(report.figures[0].stem).size
    with pytest.raises(strokebench.StrokebenchError, match="Did you mean table1_picture"):
        report.plot("table1_pictur")
    said = capsys.readouterr()
    assert "Leak check" in said.err and not said.out


def test_a_saved_call_is_an_experiment_too(own):
    file = own.with_name("run.yaml")
    file.write_text("experiment: table1\ndataset: cohort.yaml\nmethods: [random_forest]\nquick: true\n")
    report = strokebench.run(str(file), jobs=1, tracking=False, seeds=[7])
    assert set(report.results.runs["seed"]) == {7} and report.table["key"].tolist() == ["random_forest"]


def test_a_setting_that_is_none_is_refused():
    with pytest.raises(TypeError, match="metods"):
        strokebench.run("table1", metods=["vdafm"])
    with pytest.raises(strokebench.StrokebenchError, match="Did you mean random_forest"):
        strokebench.run("table1", methods=["random_forrest"])
