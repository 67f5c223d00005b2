"""Plans of the clinical evaluation and of missing modalities, and a real run of the latter."""

import pytest
from rich.console import Console
from small_context import make_context

from strokebench.benchmarks.experiments.clinical import Clinical
from strokebench.benchmarks.experiments.missing import MissingModalities
from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.benchmarks.running import plans
from strokebench.benchmarks.running.runner import fits, run_experiment


def test_the_clinical_evaluation_computes_nothing_of_its_own():
    context = make_context(methods=("svm", "mlp"))
    keys = {context.key(run) for run in Table1().plan(context).runs}
    assert {context.key(run) for run in Clinical().plan(context).runs} == keys


def test_eight_fits_a_fold_serve_all_conditions():
    context = make_context(folds=2)
    plan = MissingModalities().plan(context)
    assert {run.method for run in plan.runs} == {"vdafm", "modality_dropout"}
    keyed = {context.key(run): run for run in plan.runs}
    assert len(keyed) == len(plan.runs) == 2 * 2 * 36
    assert len(fits({key: (run, context) for key, run in keyed.items()})) == 2 * 2 * 8


def test_methods_of_fewer_modalities_are_left_out_with_a_reason():
    plan = MissingModalities().plan(make_context(methods=("svm", "concat")))
    assert {run.method for run in plan.runs} == {"concat"}
    assert "svm" in plan.left_out


def test_a_quick_run_reports(console: Console, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(plans, "QUICK_PARAMS", {"max_epochs": 1, "warmup_epochs": 1})
    report = run_experiment(MissingModalities(), make_context(folds=1, methods=("concat",), quick=True), console)
    assert (report.results.runs["status"] == "done").all()
    assert (report.folder / "shapley_picture.svg").is_file()
    section = run_experiment(Clinical(), make_context(folds=2, methods=("svm", "concat"), quick=True), console)
    assert list(section.results.groups.columns) == ["patient_id", "age"]
    assert (section.folder / "hospitals_forest.svg").is_file()
