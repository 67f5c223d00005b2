"""Grids of hyper-parameters as experiments."""

import numpy as np
import pytest
from rich.console import Console
from small_context import make_context

from strokebench.benchmarks.experiments.find import find_experiment
from strokebench.benchmarks.experiments.grid import Grid, GridExperiment
from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.benchmarks.running.runner import report_experiment, run_experiment
from strokebench.reports.tables.section import read_section


class SmallGrid(GridExperiment):
    """Two parameters of an SVM that matter little."""

    name = "small_grid"
    title = "A small grid"
    grid = Grid({"C": (1.0, 2.0), "gamma": ("scale", "auto")})
    metrics = ("AUC", "F1")
    shows = "Something."
    default_methods = ("svm",)


def test_every_combination_once_in_order():
    points = Grid({"layers": (3, 1), "dropout": (0.3, 0.5, 0.7)}).points("vdafm", "small")
    assert [point.values for point in points] == [
        {"layers": layers, "dropout": dropout} for layers in (3, 1) for dropout in (0.3, 0.5, 0.7)
    ]


@pytest.mark.parametrize(("name", "size"), [("figure2", 12), ("figure3", 16), ("figure4", 5), ("dropout", 5)])
def test_the_papers_grids_hold_its_choice_whose_params_are_empty(name: str, size: int):
    experiment = find_experiment(name)
    points = experiment.grid.points("vdafm", experiment.sizes)
    assert len(points) == len({point.variant for point in points}) == size
    [chosen] = [point for point in points if point.chosen]
    assert chosen.params == {}
    assert all(point.params for point in points if not point.chosen)


def test_joint_parameters_come_apart_with_their_types():
    points = find_experiment("figure4").grid.points("vdafm", "paper")
    assert points[1].params == {"hidden": 128, "width": 64}
    assert points[3].label == "hidden=512, width=256" and points[3].chosen


def test_what_the_paper_did_not_try_is_marked_wherever_it_is_named():
    first, *others = find_experiment("figure4").grid.points("vdafm", "paper")
    assert first.params == {"hidden": 64, "width": 32}
    assert first.label.endswith("(ours)") and first.values == {"hidden:width": "64:32 (ours)"}
    assert not any("ours" in other.label for other in others)


def test_the_chosen_setting_follows_the_sizes():
    points = find_experiment("figure4").grid.points("vdafm", "small")
    assert [point.label for point in points if point.chosen] == ["hidden=128, width=64"]


def test_the_chosen_settings_runs_are_those_of_table_1():
    context = make_context(sizes="paper")
    keys = {context.key(run) for run in find_experiment("figure2").plan(context).runs}
    of_table1 = {context.key(run) for run in Table1().plan(context).runs if run.method == "vdafm"}
    assert len(of_table1) == 2 and of_table1 <= keys
    assert len(keys) == 24


def test_a_point_is_computed_on_as_many_seeds_as_were_asked_for():
    seeds = {"seeds": (39, 40, 41)}
    planned = [find_experiment("figure4").plan(make_context(folds=15, **seeds, grid_seeds=n)).runs for n in (1, 2)]
    assert [{run.seed for run in runs} for runs in planned] == [{39}, {39, 40}]
    assert len(planned[1]) == 2 * len(planned[0])


def test_only_the_proposal_by_default_and_methods_with_the_parameters_on_request():
    assert {run.method for run in find_experiment("figure2").plan(make_context()).runs} == {"vdafm"}
    plan = find_experiment("figure2").plan(make_context(methods=("svm", "vdafm")))
    assert {run.method for run in plan.runs} == {"vdafm"}
    assert "layers" in plan.left_out["svm"]


def test_a_grid_runs_and_shares_what_table_1_computed(console: Console):
    context = make_context(methods=("svm",))
    run_experiment(Table1(), context, console)
    experiment = SmallGrid()
    early = report_experiment(experiment, context, console)
    assert list(early.results.runs["status"]).count("done") == 2
    report = run_experiment(experiment, context, console)
    assert "8 planned, 2 already done, 6 to compute" in console.export_text()
    section = read_section(report.folder)
    assert [panel["name"] for panel in section["panels"]] == ["small_grid", "small_grid_table"]
    assert "C=1.0, gamma=scale" in section["lead"]
    assert np.isfinite(report.results.runs["validation_score"]).all()
    assert (report.folder / "small_grid.svg").is_file() and (report.folder / "small_grid_table.csv").is_file()
