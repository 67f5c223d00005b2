"""What table2, table3, figure5 and alignment want computed, and that they run and report."""

import json
import re
from dataclasses import replace

import pandas as pd
import pytest
from made_up import made_up, named, plan
from rich.console import Console
from small_context import make_context

from strokebench.benchmarks.experiments.alignment import VARIANTS, Alignment
from strokebench.benchmarks.experiments.figure5 import Figure5
from strokebench.benchmarks.experiments.find import find_experiment
from strokebench.benchmarks.experiments.table2 import Table2
from strokebench.benchmarks.experiments.table3 import Table3
from strokebench.benchmarks.running.plans import method_runs
from strokebench.benchmarks.running.runner import fits, run_experiment
from strokebench.errors import StrokebenchError
from strokebench.reports.results import variant_id
from strokebench.tasks.paper_setup import LOSSES
from strokebench.tasks.protocols import make_split

EXPERIMENTS = [Table2(), Table3(), Figure5(), Alignment()]


def context_for(experiment, **settings):
    return make_context(protocol=experiment.protocol or "cv5", **settings)


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda each: each.name)
def test_it_is_found_by_its_name(experiment):
    assert type(find_experiment(experiment.name)) is type(experiment)


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda each: each.name)
def test_the_full_model_is_computed_once_for_all_tables(experiment):
    context = context_for(experiment, seeds=(42,))
    table1 = {context.key(run) for run in method_runs("vdafm", context)}
    assert table1 <= {context.key(run) for run in experiment.plan(context).runs}


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda each: each.name)
def test_without_text_what_reads_it_is_left_out(experiment):
    context = context_for(experiment)
    arrays = {name: array for name, array in context.embeddings.arrays.items() if name != "text"}
    context = replace(context, embeddings=replace(context.embeddings, arrays=arrays))
    planned = experiment.plan(context)
    assert "text" in planned.left_out["vdafm"]
    assert {run.method for run in planned.runs} <= {"random_forest"}


def test_seven_subsets_trained_and_six_at_test_time_that_share_the_full_fit():
    context = make_context()
    runs = Table2().plan(context).runs
    names = {run.condition.id for run in runs}
    assert len(names) == 13 and len(runs) == 26
    assert len({name for name in names if name.endswith("@test")}) == 6
    keys = {context.key(run): run for run in runs}
    assert len(keys) == 26
    # Six subsets trained on two folds each, and the full model whose test part is varied.
    assert len(fits({key: (run, context) for key, run in keys.items()})) == 14


def test_a_method_of_one_modality_has_nothing_to_take_away():
    planned = Table2().plan(make_context(methods=("svm", "concat")))
    assert "table" in planned.left_out["svm"]
    assert {run.method for run in planned.runs} == {"concat"}


def test_the_losses_are_those_that_their_names_say():
    runs = {run.label: run.params for run in Table3().plan(make_context()).runs}
    off = {name: {key for key, weight in params.items() if not weight} for name, params in runs.items()}
    assert off == {
        "Classification": {"contrastive_weight", "alignment_weight"},
        "+ contrastive": {"alignment_weight"},
        "+ alignment": {"contrastive_weight"},
        "All losses": set(),
    }


@pytest.mark.parametrize("experiment", [Table3(), Alignment()], ids=lambda each: each.name)
def test_methods_without_these_losses_are_left_out(experiment):
    planned = experiment.plan(make_context(methods=("concat", "vdafm")))
    assert "alignment_weight" in planned.left_out["concat"]
    assert {run.method for run in planned.runs} == {"vdafm"}


def test_alignment_shares_its_runs_with_table_3():
    context = make_context(seeds=(42,))
    losses = {context.key(run) for run in Table3().plan(context).runs}
    assert {context.key(run) for run in Alignment().plan(context).runs} <= losses


@pytest.mark.parametrize(("seeds", "chosen"), [((39, 42, 43), 42), ((39, 40), 40)])
def test_alignment_takes_seed_42_or_the_last(seeds, chosen):
    runs = Alignment().plan(make_context(seeds=seeds, folds=15)).runs
    assert {run.seed for run in runs} == {chosen}
    assert len(runs) == 5 * len(VARIANTS)


def test_figure5_takes_the_papers_methods_unless_told_otherwise():
    runs = Figure5().plan(make_context(protocol="loho")).runs
    assert list(dict.fromkeys(run.method for run in runs)) == ["vdafm", "sparsemm", "concat", "random_forest"]
    runs = Figure5().plan(make_context(protocol="loho", methods=("svm",))).runs
    assert {run.method for run in runs} == {"svm"}


def test_a_cohort_without_hospitals_is_told_in_a_line():
    context = make_context()
    with pytest.raises(StrokebenchError, match="two hospitals") as error:
        make_split(Figure5.protocol, context.labels, None)
    assert "\n" not in str(error.value)
    with pytest.raises(StrokebenchError, match="loho"):
        Figure5().plan(context)


@pytest.mark.parametrize("experiment", [Table2(), Alignment()], ids=lambda each: each.name)
def test_a_quick_run_computes_and_reports(experiment, console: Console, monkeypatch: pytest.MonkeyPatch):
    from strokebench.benchmarks.running import plans

    monkeypatch.setattr(plans, "QUICK_PARAMS", {"max_epochs": 1, "warmup_epochs": 1})
    report = run_experiment(experiment, context_for(experiment, quick=True), console)
    assert list(report.results.runs["status"].unique()) == ["done"]
    written = json.loads((report.folder / "section.json").read_text())
    assert written["lead"]
    for panel in written["panels"]:
        assert panel["shows"] and panel["does_not_show"] and panel["title"]
        ending = "csv" if panel["kind"] == "table" else "svg"
        assert (report.folder / f"{panel['name']}.{ending}").stat().st_size > 0
    if experiment.name == "alignment":
        angles = report.results.patient_facts[["angle_before", "angle_after"]]
        assert angles.notna().all(axis=None) and angles.min(axis=None) > 0 and angles.max(axis=None) < 180


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda each: each.name)
def test_a_plan_of_nothing_still_reports(experiment, tmp_path):
    experiment.report(made_up([]), tmp_path)
    assert "Nothing was planned" in json.loads((tmp_path / "section.json").read_text())["lead"]


@pytest.mark.parametrize("status", ["missing", "failed", "some"])
@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda each: each.name)
def test_incomplete_results_still_report(experiment, status, tmp_path):
    context = context_for(experiment, seeds=(41, 42), folds=10)
    runs = named(experiment.plan(context).runs)
    lost = dict.fromkeys(runs, status) if status != "some" else dict.fromkeys(runs[::3], "missing")
    sites = {fold: (f"H{fold}", 40, 12) for fold in range(5)} if experiment.name == "figure5" else None
    console = Console(record=True, width=200)
    console.print(experiment.report(made_up(runs, lost=lost, sites=sites), tmp_path))
    planned = len([run for run in runs if run[:3] == runs[0][:3]])
    if experiment.name == "figure5":
        # In the terminal a row is a hospital and the last one all of them, each with the runs of every method.
        told = pd.read_csv(tmp_path / "figure5_hospitals.csv").groupby("method")[["runs_done", "runs_planned"]].sum()
        assert set(told["runs_planned"]) == {planned}
        assert told["runs_done"].sum() == len(runs) - len(lost)
        planned = len(runs)
    if status != "some":
        assert re.search(rf"\b0/{planned}\b", console.export_text())
    assert json.loads((tmp_path / "section.json").read_text())["lead"]


def test_several_methods_have_a_picture_each(tmp_path):
    conditions = [run.condition.id for run in Table2().plan(make_context(folds=1)).runs]
    Table2().report(made_up(plan(("vdafm", "concat"), conditions=conditions, seeds=(39,))), tmp_path)
    assert (tmp_path / "table2_picture_concat.svg").is_file()
    Table3().report(made_up(plan(variants=[variant_id(params) for params in LOSSES.values()], seeds=(39,))), tmp_path)
    assert (tmp_path / "table3_picture.svg").is_file()
