"""The pages for contributors are run as they stand; the method's page has its own test beside the registry's."""

import re
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from small_context import make_context

from strokebench.benchmarks.experiments import find as experiments
from strokebench.benchmarks.running.runner import run_experiment
from strokebench.tasks.endpoints.parse import parse_endpoint

PAGE = Path(__file__).parents[1] / "CONTRIBUTING.md"


def code(heading: str) -> str:
    """The first Python block under a heading."""
    section = PAGE.read_text(encoding="utf-8").split(f"## {heading}\n")[1]
    return re.search(r"```python\n(.*?)```", section, flags=re.DOTALL)[1]


def run(heading: str) -> types.ModuleType:
    module = types.ModuleType(heading.replace(" ", "_").lower())
    exec(compile(code(heading), str(PAGE), "exec"), module.__dict__)
    return module


@pytest.mark.parametrize("heading", ["Add a cohort", "Add an experiment", "Add an encoder"])
def test_short_enough_to_read_in_one_go(heading):
    assert len(code(heading).splitlines()) < 40


def test_the_cohort_of_the_page_loads_and_has_its_outcome():
    cohort = run("Add a cohort").load()
    assert len(cohort) == 10
    assert parse_endpoint(cohort.outcomes["mrs"]).labels(cohort).sum() == 5


def test_the_encoder_of_the_page_encodes():
    encoder = run("Add an encoder").Brightness.make(None)
    volumes = np.zeros((2, *encoder.target.shape), np.float32)
    volumes[1, :, :, 7] = 1
    vectors, tokens = encoder.encode(volumes)
    assert vectors.shape == (2, encoder.dim) and tokens.shape == (2, 16, encoder.token_dim)
    assert vectors[1].argmax() == 7 and not vectors[0].any() and encoder.fingerprint()


def test_the_experiment_of_the_page_runs(monkeypatch, tmp_path):
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path))
    monkeypatch.setattr(experiments.EXPERIMENTS, "own", dict(experiments.EXPERIMENTS.own))
    balancing = run("Add an experiment").Balancing
    assert experiments.find_experiment("balancing").title == balancing.title
    context = make_context(jobs=1)
    report = run_experiment(balancing(), context, Console(quiet=True))
    rows = pd.read_csv(report.folder / "balancing.csv")
    assert rows["variant"].tolist() == ["none", "duplicate", "smote"]
    assert (rows["done"] == rows["planned"]).all()
    # Balancing is what the variants differ in: the small cohort's classes are not equal.
    assert len(set(rows["Recall"])) > 1
