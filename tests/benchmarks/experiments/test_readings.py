"""The readings: the test patients are out of reach, each network has those that it has parameters for."""

import json

import pandas as pd
import pytest
from rich.console import Console
from small_context import make_context

from strokebench.benchmarks.experiments import readings
from strokebench.benchmarks.experiments.readings import DEFAULT, READINGS, PaperReading, Readings
from strokebench.benchmarks.running.fit import make_ready
from strokebench.benchmarks.running.runner import run_experiment
from strokebench.benchmarks.running.task import Task


def test_no_test_patient_is_in_any_part_of_a_reading():
    context = make_context(folds=5)
    runs = Readings().plan(context).runs
    assert len(runs) == 5 * len(READINGS) and len({context.key(run) for run in runs}) == len(runs)
    for run in runs:
        fold, whole = context.fold(run), context.split.folds[run.fold]
        assert fold.test == whole.validation and not {*fold.train, *fold.validation, *fold.test} & set(whole.test)


def test_a_network_has_the_readings_of_its_parameters_and_others_are_left_out():
    plan = Readings().plan(make_context(methods=("concat", "svm")))
    labels = {run.label for run in plan.runs}
    assert labels == {reading.label for reading in READINGS if reading.params.keys() <= {"batch_size"}}
    assert plan.left_out == {"svm": "it has no parameter batch_size"}


def test_scaled_by_block_a_fit_gets_other_features_and_the_same_patients():
    context = make_context()
    runs = {run.variant: run for run in Readings().plan(context).runs if run.fold == 0}
    by_column, by_block = (
        Task({"key": run}, context.fold(run)).ready(context.material) for run in (runs[""], runs["scaling='block'"])
    )
    assert (by_column.parts.test.arrays["text"] != by_block.parts.test.arrays["text"]).any()
    assert by_block.tests[0]() is by_block.parts.test
    pd.testing.assert_frame_equal(by_column.patients, by_block.patients)
    # What another fit was made ready with is scaled already.
    run = runs["scaling='block'"]
    shared = Task({"key": run}, context.fold(run)).ready(context.material, by_block.parts)
    assert shared.parts is by_block.parts
    plain = make_ready("vdafm", {}, context.fold(run), context.material, [run.condition], run.balance)
    assert (plain.parts.test.arrays["text"] == by_column.parts.test.arrays["text"]).all()


def test_it_runs_and_says_that_validation_parts_were_judged(home, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(readings, "READINGS", (DEFAULT, PaperReading("ReLU", {"output": "relu", "max_epochs": 2})))
    context = make_context(folds=5, methods=("vdafm",), quick=True)
    report = run_experiment(Readings(), context, Console(quiet=True))
    table = pd.read_csv(report.folder / "readings.csv")
    assert list(table["runs_done"]) == [5, 5] and table["gain"][0] == "the default reading"
    lead = json.loads((report.folder / "section.json").read_text())["lead"]
    assert lead.startswith("On validation parts: VDAFM: of 1 change against the default reading")
    validated = {id for fold in context.split.folds for id in fold.validation}
    assert set(report.predictions["patient_id"]) == validated
