"""The learning curve: nested training parts, Table 1's runs at its end, and a table and a picture."""

from itertools import pairwise

import pandas as pd
from rich.console import Console
from small_context import make_context

from strokebench.benchmarks.experiments.learning_curve import LearningCurve
from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.benchmarks.running.runner import run_experiment


class Short(LearningCurve):
    shares = (0.4, 1.0)


def test_parts_are_nested_and_all_patients_are_the_runs_of_table_1():
    context = make_context(n=100, methods=("random_forest",))
    runs = LearningCurve().plan(context).runs
    assert {context.key(run) for run in runs if run.share == 1} == {context.key(r) for r in Table1().plan(context).runs}
    for number in (0, 1):
        folds = [context.fold(run) for run in runs if run.fold == number]
        assert all(set(small.train) < set(large.train) for small, large in pairwise(folds))
        assert len({(fold.validation, fold.test) for fold in folds}) == 1
    assert len({context.key(run) for run in runs}) == len(runs) == 10


def test_it_runs_and_writes_a_row_a_share_and_the_picture(home):
    report = run_experiment(Short(), make_context(folds=5, methods=("svm",)), Console(quiet=True))
    table = pd.read_csv(report.folder / "learning_curve.csv")
    assert list(table["method"]) == ["40 %", "100 %"] and list(table["runs_done"]) == [5, 5]
    assert table["gain"][1] == "all training patients" and "[" in table["gain"][0]
    assert (report.folder / "learning_curve_picture.svg").is_file()
    tested = report.predictions.groupby("variant")["patient_id"].agg(set)
    assert tested["share=0.4"] == tested[""]
