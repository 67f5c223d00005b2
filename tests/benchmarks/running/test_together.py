"""Several experiments computed as one stream: each fit once, each report as if it were alone."""

from collections import Counter
from dataclasses import replace

import pandas as pd
import pytest
from rich.console import Console
from small_context import make_context

from strokebench.benchmarks.experiments.missing import MissingModalities
from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.benchmarks.experiments.table2 import Table2
from strokebench.benchmarks.running import plans, runner
from strokebench.benchmarks.running.backends.choose import Processes
from strokebench.benchmarks.running.runner import UnderWay, run_experiment, run_together
from strokebench.benchmarks.running.store import Store
from strokebench.reports.results import RUNS_FILE


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """One epoch a fit."""
    monkeypatch.setattr(plans, "QUICK_PARAMS", {"max_epochs": 1, "warmup_epochs": 1})


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[runner.Task]:
    """Every fit that is computed, in its order."""
    tasks: list[runner.Task] = []
    compute = Processes.compute

    def noted(self, todo, material, store):
        tasks.extend(todo)
        return compute(self, todo, material, store)

    monkeypatch.setattr(Processes, "compute", noted)
    return tasks


def together(context, console: Console, *experiments, finished=lambda experiment: None):
    store = Store()
    under_way = [UnderWay(experiment, context, console, store) for experiment in experiments]
    return run_together(under_way, store, console, finished)


def test_a_fit_that_several_experiments_test_is_computed_once(computed, console: Console):
    context = make_context(folds=1, methods=("concat", "svm"), quick=True)
    table1, table2, missing = together(context, console, Table1(), Table2(), MissingModalities())
    tested = [run for task in computed for run in task.runs.values()]
    trained = {context.key(replace(run, condition=run.condition.trained)) for run in tested}
    assert len(computed) == len(trained)
    whole = next(task for task in computed if any(run.condition.when == "test_only" for run in task.runs.values()))
    assert {run.condition.id for run in whole.runs.values()} > {"complete"}
    for report in (table1, table2, missing):
        assert set(report.results.runs["status"]) == {"done"}


def test_reports_are_those_of_each_alone(console: Console, tmp_path, monkeypatch: pytest.MonkeyPatch):
    context = make_context(folds=2, methods=("concat", "svm"), quick=True)
    reports = together(context, console, Table1(), Table2())
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "alone"))
    for report, experiment in zip(reports, (Table1(), Table2()), strict=True):
        alone = run_experiment(experiment, context, console)
        assert alone.folder != report.folder
        name = "predictions.parquet"
        assert (alone.folder / name).read_bytes() == (report.folder / name).read_bytes()


def test_an_experiment_is_reported_when_its_runs_are_there_and_before_the_others(computed, console: Console):
    context = make_context(folds=2, methods=("concat", "svm"), quick=True)
    store, order = Store(), []

    def finished(experiment: UnderWay) -> None:
        done = Counter(store.status(key) for task in computed for key in task.runs)
        order.append((experiment.experiment.name, done["missing"]))

    together(context, console, Table1(), Table2(), finished=finished)
    assert [name for name, _ in order] == ["table1", "table2"]
    assert order[0][1] > 0 == order[1][1]


def test_nothing_is_computed_twice_and_what_is_complete_is_reported_first(computed, console: Console):
    context = make_context(folds=1, methods=("concat", "svm"), quick=True)
    run_experiment(Table1(), context, console)
    before = len(computed)
    order: list[str] = []
    together(context, console, Table2(), Table1(), finished=lambda experiment: order.append(experiment.experiment.name))
    assert order == ["table1", "table2"]
    first, second = ({key for task in tasks for key in task.runs} for tasks in (computed[:before], computed[before:]))
    assert first and second and not first & second


def test_experiments_of_several_splits_are_one_stream(computed, console: Console):
    settings = {"folds": 2, "methods": ("concat", "svm"), "quick": True}
    contexts = [make_context(protocol=protocol, **settings) for protocol in ("cv5", "loho")]
    store, calls = Store(), []
    under_way = [UnderWay(Table1(), context, console, store) for context in contexts]
    reports = run_together(under_way, store, console, lambda done: calls.append(len(computed)))
    assert len(computed) == 2 * 2 * 2
    # All fits were known when the first experiment was reported.
    assert calls == [8, 8]
    for context, report in zip(contexts, reports, strict=True):
        assert report.folder == context.results_folder("table1")
        told = report.results.predictions.groupby("fold")["patient_id"].agg(frozenset)
        assert told.to_dict() == {fold.fold: frozenset(fold.test) for fold in context.split.folds}


def test_the_holdout_shares_a_seed_with_the_folds(computed, console: Console):
    settings = {"methods": ("concat", "svm"), "quick": True, "seeds": (39, 40)}
    contexts = [make_context(protocol=protocol, folds=10, **settings) for protocol in ("cv5", "holdout")]
    store = Store()
    reports = run_together([UnderWay(Table1(), context, console, store) for context in contexts], store, console)
    # Ten folds, and the fixed test part once more with the second seed.
    assert len(computed) == 2 * (10 + 1)
    assert [len(report.results.runs) for report in reports] == [20, 4]
    assert set(reports[1].results.predictions["protocol"]) == {"holdout"}


def test_experiments_on_other_labels_are_refused(console: Console):
    settings = {"folds": 1, "methods": ("svm",), "quick": True}
    contexts = [make_context(**settings), make_context(shuffle_labels=1, **settings)]
    with pytest.raises(ValueError, match="same patients"):
        run_together([UnderWay(Table1(), context, console, Store()) for context in contexts], Store(), console)


def test_the_plan_is_on_disk_before_the_first_fit(monkeypatch: pytest.MonkeyPatch, console: Console):
    context = make_context(folds=1, methods=("concat", "svm"), quick=True)
    planned: list[set[str]] = []
    compute = Processes.compute

    def look(self, todo, material, store):
        runs = pd.read_parquet(context.results_folder("table1") / RUNS_FILE)
        planned.append(set(runs["method"] + " " + runs["status"]))
        return compute(self, todo, material, store)

    monkeypatch.setattr(Processes, "compute", look)
    together(context, console, Table1())
    assert planned == [{"concat missing", "svm missing"}]
