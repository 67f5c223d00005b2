"""The plan of the comparison, and its report from made-up runs."""

from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console
from small_context import make_context

from strokebench.benchmarks.experiments.find import find_experiment
from strokebench.benchmarks.experiments.table2 import Table2
from strokebench.benchmarks.experiments.table3 import Table3
from strokebench.methods.registry import find_method
from strokebench.tasks.paper_setup import CHOSEN


@pytest.fixture
def context():
    return make_context(folds=1, protocol="holdout", sizes="paper")


def keys(experiment, context):
    return {context.key(run) for run in experiment.plan(context).runs}


def test_the_proposal_is_at_the_paper_s_chosen_setting(context):
    defaults = find_method("vdafm")().get_params()
    for run in find_experiment("paper").plan(context).runs:
        if run.method == "vdafm" and not run.variant:
            assert {name: {**defaults, **run.params}[name] for name in CHOSEN} == CHOSEN


def test_no_run_is_planned_twice_and_tables_share_theirs(context):
    paper = find_experiment("paper")
    planned = [context.key(run) for run in paper.plan(context).runs]
    assert max(Counter(planned).values()) == 1
    assert keys(find_experiment("comparison"), context) <= set(planned)
    assert keys(Table3(), context) <= set(planned)
    always = {context.key(run) for run in Table2().plan(context).runs if run.condition.when == "always"}
    assert len(always) == 7 and always <= set(planned)


def test_all_figures_that_have_numbers_are_planned(context):
    variants = {run.label for run in find_experiment("paper").plan(context).runs}
    for wanted in ("layers=3, heads=32", "hidden=128, width=64", "dropout=0.7", "+ alignment"):
        assert wanted in variants
    assert "layers=1, heads=16" not in variants


def test_without_vdafm_only_the_methods_of_table_1_remain():
    context = make_context(folds=1, protocol="holdout", methods=("svm", "mlp"))
    runs = find_experiment("paper").plan(context).runs
    assert [run.method for run in runs] == ["svm", "mlp"]


def test_it_forces_protocol_and_sizes():
    assert (find_experiment("paper").protocol, find_experiment("paper").sizes) == ("holdout", "paper")


def test_it_runs_and_reports(home: Path, console: Console):
    from strokebench.benchmarks.running.runner import run_experiment

    context = make_context(folds=1, protocol="holdout", methods=("svm", "xgboost"))
    report = run_experiment(find_experiment("paper"), context, console)
    assert not report.failed
    for name in ("paper_comparison.csv", "paper_audit.md", "paper_notes.html", "paper_picture.svg", "section.json"):
        assert (report.folder / name).is_file()
