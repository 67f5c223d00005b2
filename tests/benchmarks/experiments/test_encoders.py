"""The experiment that asks what an encoder is worth: equal folds, the other pair's arrays, and runs that are shared."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from grades import as_grades
from made_up import made_up, plan
from rich.console import Console
from small_context import make_context

from strokebench.benchmarks.experiments.encoders import Encoders
from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.benchmarks.running import provenance
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.runner import run_experiment
from strokebench.benchmarks.running.settings import Settings
from strokebench.reports.encoders.table import encoders_section
from strokebench.reports.statistics.paired import UNTESTED

BLIND = "untrained_stages+minilm"


@pytest.fixture
def context(tmp_path, monkeypatch) -> Context:
    """60 patients; the chosen pair's images tell the outcome, the other pair's are all the same."""
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path))
    monkeypatch.setattr(provenance, "encoding_seconds", lambda pair, weights: {"image": 0.25, "text": None})
    small = make_context(folds=5, methods=("logistic_components", "xgboost", "random_forest"))
    arrays = small.embeddings.arrays
    nothing = {name: array * 0 for name, array in arrays.items()}
    blind = replace(small.embeddings, arrays=nothing, fingerprint="blind", encoders={"image": "sees nothing"})
    events = small.labels.loc[small.cohort.ids].to_numpy(np.float32)
    telling = {**arrays, "image.vector": arrays["image.vector"] + 4 * events[:, None]}
    return replace(small, embeddings=replace(small.embeddings, arrays=telling), others={BLIND: blind})


def test_each_pair_is_computed_from_its_own_arrays_and_shared_with_other_tables(context, capsys):
    report = run_experiment(Encoders(), context, Console())
    # Those that read the table alone are left out, and said so.
    assert "xgboost: it reads neither image nor text" in capsys.readouterr().out
    runs = report.results.runs
    assert set(runs["method"]) == {"logistic_components"} and set(runs["variant"]) == {"embedded", BLIND}
    assert (runs["status"] == "done").all() and len(runs) == 10
    means = report.metrics.groupby("variant")["AUC"].mean()
    assert means["embedded"] > means[BLIND] + 0.1
    # A table of that pair alone has the same runs, and so has one of the chosen pair.
    for alone in (replace(context, others={}), context._by_encoders[BLIND]):
        alone = replace(alone, settings=replace(alone.settings, methods=("logistic_components",)))
        planned = {alone.key(run) for run in Table1().plan(alone).runs}
        assert planned <= set(runs["key"]) and len(planned) == 5


def test_the_table_has_gains_with_intervals_and_what_encoding_costs(context):
    report = run_experiment(Encoders(), context, Console(quiet=True))
    table = pd.read_csv(report.folder / "encoders.csv")
    chosen, blind = table.to_dict("records")
    assert chosen["gain"] == "the chosen pair" and blind["gain"].startswith("-")
    assert "[" in blind["gain"] and float(blind["p"].replace("< ", "")) < 0.05
    assert blind["image"] == "0.250 s" and blind["text"] == "–"
    section = json.loads((report.folder / "section.json").read_text())
    assert "1 is more than noise" in section["lead"] and BLIND in section["lead"]
    assert "sees nothing" in (report.folder / "encoders.md").read_text()


def test_grades_are_compared_by_c(context):
    results = as_grades(run_experiment(Encoders(), context, Console(quiet=True)).results)
    section = encoders_section(results, "Encoders")
    first = section.panels[0].content
    assert first.columns[0].title == "c [95 % CI]" and "Mean c in percent" in first.caption
    mean = results.metrics.groupby("variant")["c"].mean()
    assert first.rows[0].cells["value"].text.startswith(f"{100 * mean['embedded']:.2f} [")


def test_of_perfect_predictions_it_says_why_nothing_is_tested():
    perfect = made_up(plan(("concat",), ("chosen", "other")), 200.0)
    perfect = replace(perfect, provenance={**perfect.provenance, "encoder_pair": "chosen"})
    lead = encoders_section(perfect, "Encoders").lead
    assert UNTESTED in lead and "yet" not in lead


def test_only_this_experiment_encodes_by_several_pairs():
    chosen = Settings(compared_encoders=("paper",))
    assert Encoders().settings(chosen).compared_encoders == ("paper",)
    assert Encoders().settings(Settings()).compared_encoders == Encoders.compared_encoders
    assert Table1().settings(chosen).compared_encoders is None
