"""Every experiment of the paper reports grades in their own metrics, or says why it cannot."""

from dataclasses import replace
from pathlib import Path

import pytest
from grades import GRADES, as_grades
from made_up import made_up, named
from rich.console import Console
from small_context import make_context

from strokebench.benchmarks.cli import paper
from strokebench.benchmarks.experiments.find import all_experiments, find_experiment
from strokebench.benchmarks.running.runner import UnderWay

IN_PAPER = [name for name, experiment in all_experiments().items() if experiment.in_paper]
TESTED_ELSEWHERE = {"table1", "comparison", "added_value", "clinical", "figure5", "missing"}
"""On grades, by the tests of their own reports."""
OF_EVENTS = {"paper"}


@pytest.mark.parametrize("name", sorted(set(IN_PAPER) - TESTED_ELSEWHERE - OF_EVENTS))
def test_it_reports_grades_and_its_words_speak_of_no_auc(name, tmp_path: Path):
    experiment = find_experiment(name)
    context = make_context(methods=("vdafm", "concat"), folds=5, seeds=(39,))
    results = as_grades(made_up(named(experiment.plan(context).runs), n=120))
    experiment.report(results, tmp_path)
    assert "AUC" not in (tmp_path / "section.json").read_text()


def test_what_needs_an_event_is_named_and_the_rest_planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path))
    small = make_context(methods=("concat",), protocol="holdout")
    labels = small.labels + small.labels * (small.labels.index.str[-1].astype(int) % 2)
    graded = replace(small, endpoint=GRADES, labels=labels.astype("int8"))
    wanted = {name: all_experiments()[name] for name in ("paper", "table1", "missing")}
    planned: list[UnderWay] = []
    monkeypatch.setattr(paper, "all_experiments", lambda: wanted)
    monkeypatch.setattr(paper, "build_context", lambda *_: graded)
    monkeypatch.setattr(paper, "warn_of_leaks", lambda *_: None)
    monkeypatch.setattr(paper, "run_together", lambda under_way, *_: planned.extend(under_way) or [])
    console = Console(record=True, width=200, markup=False)
    assert paper._compute(graded.settings, console) == 0
    assert [one.experiment.name for one in planned] == ["table1", "missing"]
    assert "Left out    paper: paper needs a binary outcome; 'mrs 0 to 2' is ordinal." in console.export_text()
