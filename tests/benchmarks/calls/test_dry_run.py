"""A dry run says what a call would do, and does none of it."""

import io
import re
import socket
from pathlib import Path
from typing import NoReturn

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from typer.testing import CliRunner

from strokebench.benchmarks.calls import dry_run as module
from strokebench.benchmarks.calls.dry_run import dry_run
from strokebench.benchmarks.cli import main as cli
from strokebench.benchmarks.run import run_with
from strokebench.benchmarks.running.settings import Settings
from strokebench.errors import StrokebenchError


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Eighty patients with a table and texts."""
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "work"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    random = np.random.default_rng(0)
    age = random.uniform(40, 90, 80).round(1)
    note = [f"Lesion of {number} ml." for number in range(80)]
    poor = (age + random.normal(0, 10, 80) > 65).astype(int)
    table = pd.DataFrame({"id": [f"p{n:02}" for n in range(80)], "age": age, "note": note, "poor": poor})
    table.to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "c.yaml").write_text("table: t.csv\nid: id\noutcome: poor\ntext: note\n")
    return str(tmp_path / "c.yaml")


def said(settings: Settings) -> str:
    console = Console(file=io.StringIO(), width=300)
    dry_run("table1", settings, console)
    return console.file.getvalue()


def test_what_is_missing_is_counted_and_stays_missing(dataset: str, tmp_path: Path):
    settings = Settings(dataset=dataset, methods=("random_forest", "concat"), quick=True, jobs=1, tracking=False)
    told = said(settings)
    assert "To encode   80 texts" in told and "Runs        2 planned, 2 to compute" in told
    assert "concat: it reads image" in told and "To fetch    nothing" in told and "nothing leaves this machine" in told
    made = {path.name for path in (tmp_path / "work").iterdir()}
    assert not made & {"runs", "results", "mlflow"} and not list((tmp_path / "work").rglob("*.np[yz]"))


def test_what_is_done_is_not_to_be_computed(dataset: str, tmp_path: Path):
    (tmp_path / "c.yaml").write_text("table: t.csv\nid: id\noutcome: poor\nbanned: [note]\n")
    settings = Settings(dataset=dataset, methods=("random_forest",), quick=True, jobs=1, tracking=False)
    run_with("table1", settings, Console(file=io.StringIO()))
    told = said(Settings(dataset=dataset, methods=("random_forest", "svm"), quick=True, jobs=1, tracking=False))
    assert "4 planned, 2 already done, 2 to compute" in told and "To encode" not in told


def test_weights_and_servers_are_named_without_being_asked(dataset: str, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    # Whether a scheduler answers is asked of it, before anything goes there.
    monkeypatch.setattr(module, "refuse_missing", lambda _: None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret@tracking.example/x")
    told = said(Settings(dataset=dataset, encoders="paper", jobs=1, scheduler="tcp://far.example:8786"))
    assert "436 MB" in told and "medicalnet" not in told.lower(), "there are no images to encode"
    assert "MLflow at https://tracking.example/x" in told and "secret" not in told
    assert "the workers of tcp://far.example:8786" in told


@pytest.mark.parametrize(
    ("uri", "elsewhere"),
    [
        *((uri, True) for uri in ("databricks", "databricks://work", "https://far.example", "arn:aws:sagemaker:x")),
        *((uri, True) for uri in ("postgresql:///db?host=db.example.org", "mssql+pyodbc:///?odbc_connect=SERVER")),
        *((uri, False) for uri in ("sqlite:////tmp/m.db", "file:///tmp/mlruns", "mlruns", "http://localhost:5000")),
        *((uri, False) for uri in ("postgresql://127.0.0.1/db", "")),
    ],
)
def test_stores_that_are_or_may_be_elsewhere_are_said(dataset: str, monkeypatch, uri: str, elsewhere: bool):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    [line, *_] = module._sent(Settings(dataset=dataset)) or ["nothing"]
    assert ("to MLflow at" in line) == elsewhere


def test_what_the_call_would_refuse_is_refused(dataset: str):
    with pytest.raises(StrokebenchError, match="Did you mean"):
        dry_run("tabel1", Settings(dataset=dataset), Console(file=io.StringIO()))


def test_everything_is_counted_once_for_all_experiments(dataset: str, tmp_path: Path):
    call = ["paper", "--dataset", dataset, "--quick", "--jobs", "1", "--no-tracking", "--dry-run"]
    ran = CliRunner().invoke(cli.app, call)
    assert ran.exit_code == 0, ran.output
    told = " ".join(ran.output.split())
    assert "figure5" in told and "Left out" in told, "there are no hospitals"
    planned, todo = map(int, re.findall(r"Runs (\d+) planned, (\d+) to compute", told)[0])
    assert planned == todo > 2 and told.count("To send") == 1
    assert not {path.name for path in (tmp_path / "work").iterdir()} & {"runs", "results", "mlflow"}
