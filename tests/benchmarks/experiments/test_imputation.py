"""The experiment on imputation: whose runs are shared, what is computed anew, and what the table says."""

from dataclasses import replace

import numpy as np
import pandas as pd
from rich.console import Console
from small_context import make_context

from strokebench.benchmarks.experiments.imputation import Imputation
from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.benchmarks.running.runner import run_experiment
from strokebench.benchmarks.running.task import imputed
from strokebench.tasks.preparing.imputing import MISSING


def whole(context):
    """The same patients without a gap."""
    table = context.cohort.table.fillna({"age": 70.0})
    return replace(context, cohort=replace(context.cohort, table=table))


def test_gaps_that_tell_the_outcome_are_told_by_the_indicator_and_the_mode_s_runs_are_those_of_table_1(home):
    context = make_context(n=60, folds=5, methods=("logistic_regression",))
    # Whoever has the event is not asked for the age.
    age = context.cohort.table["age"].fillna(70.0).where(context.labels == 0)
    context = replace(context, cohort=replace(context.cohort, table=context.cohort.table.assign(age=age)))
    report = run_experiment(Imputation(), context, Console(quiet=True))
    means = report.metrics.groupby("variant")["AUC"].mean()
    assert means["iterative"] > 0.95 > means[""]
    keys = report.results.runs.groupby("variant")["key"].agg(set)
    assert keys[""] == {context.key(run) for run in Table1().plan(context).runs} and not keys[""] & keys["iterative"]
    mode, iterative = pd.read_csv(report.folder / "imputation.csv").to_dict("records")
    assert mode["gain"] == "the mode" and iterative["gain"].startswith("+")
    assert iterative["verdict"] == "a gain is shown" and (mode["runs_done"], iterative["runs_done"]) == (5, 5)


def test_a_table_without_gaps_and_a_method_without_a_table_are_left_out_with_the_reason():
    left_out = Imputation().plan(whole(make_context(methods=("svm", "image_net")))).left_out
    assert left_out["svm"] == "the table of small cohort has no gaps"
    assert left_out["image_net"] == "it does not read the table"


def test_the_outcome_fills_no_gap():
    context = make_context()
    fold, material = context.split.folds[0], context.material
    shuffled = material.cohort.table.assign(nihss=material.cohort.table["nihss"].to_numpy()[::-1])
    other = replace(material, cohort=replace(material.cohort, table=shuffled))
    ours, theirs = (imputed(each, fold, "iterative").cohort.table for each in (material, other))
    pd.testing.assert_frame_equal(ours.drop(columns="nihss"), theirs.drop(columns="nihss"))
    assert MISSING.format("age") in ours and not np.isnan(ours.loc[list(fold.test), "age"]).any()
