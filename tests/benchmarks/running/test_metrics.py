"""A metric that is registered joins what is shown, and computes no run again."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from small_context import make_context

from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.benchmarks.experiments.table2 import Table2
from strokebench.benchmarks.running import plans
from strokebench.benchmarks.running.runner import Report, run_experiment
from strokebench.errors import StrokebenchError
from strokebench.tasks.metrics.registry import METRICS, metric


@metric("Brier", higher_is_better=False)
def brier(endpoint, y, p):
    return float(np.mean((p - endpoint.events(y)) ** 2))


@pytest.fixture
def with_brier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(METRICS, "own", dict(METRICS.own))
    METRICS.add("Brier", brier)


@pytest.fixture(autouse=True)
def one_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "QUICK_PARAMS", {"max_epochs": 1, "warmup_epochs": 1})


def run(experiment=Table1) -> tuple[Report, str]:
    console = Console(record=True, width=200, file=io.StringIO())
    report = run_experiment(experiment(), make_context(methods=("svm", "concat"), quick=True), console)
    console.print(report.view)
    return report, console.export_text()


def test_a_new_metric_stands_in_table_1_rightly_scaled_and_marked_and_computes_no_run(home: Path, request):
    run()
    request.getfixturevalue("with_brier")
    report, told = run()
    assert "0 to compute" in told and "Brier" in told
    predictions = report.results.predictions
    squared = ((predictions["p"] - predictions["y"]) ** 2).groupby([predictions[n] for n in ("method", "seed", "fold")])
    expected = squared.mean().groupby("method").mean()
    csv = pd.read_csv(report.folder / "table1.csv").set_index("key")
    assert csv.loc[["svm", "concat"], "Brier"].tolist() == expected[["svm", "concat"]].round(3).tolist()
    assert csv.loc[expected.idxmin(), "Brier_mark"] == "best" and csv.loc[expected.idxmax(), "Brier_mark"] == "second"
    assert csv["AUC"].max() > 1
    page = (report.folder / "table1.html").read_text(encoding="utf-8")
    assert 'data-key="Brier" data-first="ascending"' in page and 'data-key="AUC" data-first="descending"' in page
    assert "A lower Brier is better." in page


def test_it_stands_in_an_ablation_too(home: Path, with_brier: None):
    report, _ = run(Table2)
    assert "Brier" in pd.read_csv(next(report.folder.glob("table2*.csv")))


def test_a_name_is_taken_once():
    with pytest.raises(StrokebenchError, match="Two metrics are called 'AUC'"):
        METRICS.add("AUC", brier)
