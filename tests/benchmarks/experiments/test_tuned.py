"""Every method searched for at the same budget, each fold choosing on its own validation part."""

import pandas as pd
from rich.console import Console
from small_context import make_context

from strokebench.benchmarks.experiments.find import all_experiments
from strokebench.benchmarks.experiments.tuned import Tuned
from strokebench.benchmarks.running.runner import run_experiment
from strokebench.benchmarks.tuning.space import draw_settings
from strokebench.reports.results import Results


class Small(Tuned):
    budget = 3


def test_settings_are_drawn_once_each_and_the_same_again():
    drawn = draw_settings("random_forest", 5)
    assert len(drawn) == 5 and drawn == draw_settings("random_forest", 5)
    assert len({tuple(sorted(params.items())) for params in drawn}) == 5
    # Its search space has four leaves and two rules for columns.
    assert len(draw_settings("random_forest", 100)) == 8


def test_a_method_without_a_search_space_keeps_its_defaults(planted: None):
    assert draw_settings("coin", 5) == []
    plan = Small().plan(make_context(methods=("coin", "random_forest")))
    runs = pd.Series([run.method for run in plan.runs]).value_counts()
    assert dict(runs) == {"coin": 2, "random_forest": 6}


def test_settings_are_called_by_numbers_that_one_reads():
    called = {run.label for run in Tuned().plan(make_context(methods=("vdafm",))).runs}
    assert len(called) == Tuned.budget and any("dropout=0.6," in label for label in called)


def test_paper_leaves_it_to_the_user():
    assert [name for name, experiment in all_experiments().items() if not experiment.in_paper] == [
        *("tuned", "imputation", "learning_curve", "readings", "encoders")
    ]


def test_it_runs_and_shows_defaults_beside_what_the_folds_chose(home):
    context = make_context(methods=("svm",))
    folder = run_experiment(Small(), context, Console(quiet=True)).folder
    chosen = pd.read_csv(folder / "tuned_choices.csv")
    results = Results.read(folder)
    best = results.runs.groupby(["seed", "fold"])["validation_score"].max()
    assert chosen.set_index(["seed", "fold"])["validation_score"].to_dict() == best.to_dict()
    rows = pd.read_csv(folder / "tuned.csv")
    assert list(rows["method"]) == ["defaults", "tuned"] and (rows["runs_done"] == 2).all()
