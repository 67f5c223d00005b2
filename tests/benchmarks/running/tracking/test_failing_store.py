"""A store of MLflow's that fails in the middle, is damaged, or refuses: what is missing is logged by the next call."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from mlflow import MlflowClient
from rich.console import Console
from small_context import make_context

from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.benchmarks.running.runner import UnderWay
from strokebench.benchmarks.running.store import Store
from strokebench.benchmarks.running.tracking.hooks import TaskRecord
from strokebench.benchmarks.running.tracking.mlflow import GROUP_TAG, open_experiment, tracking_uri, without_password
from strokebench.benchmarks.running.tracking.shown import comparison_page, ui_command
from strokebench.errors import StrokebenchError
from strokebench.tasks.endpoints.parse import parse_endpoint

KEYS = "ab" * 32, "cd" * 32


def call(console: Console, record, keys=KEYS, files=(), **settings) -> None:
    """A call of the experiment whose runs are these, all computed already."""
    hooks = UnderWay(Table1(), make_context(tracking=True, methods=("coin",), **settings), console, Store()).hooks
    for key in keys:
        hooks.task_ended(key, record)
    hooks.finished(files)


def everything() -> dict[str, list]:
    """Status, number of metrics and parameters of each run, by name."""
    client = MlflowClient(tracking_uri())
    found: dict[str, list] = {}
    for run in client.search_runs([client.get_experiment_by_name("strokebench/table1").experiment_id]):
        seen = run.info.status, len(run.data.metrics), len(run.data.params)
        found.setdefault(run.info.run_name, []).append(seen)
    return found


@pytest.fixture
def record():
    """What came of a run, as hooks are told."""
    now, metrics = datetime.now(UTC), [("AUC", 0.7, 0), ("loss", 2.0, 1), ("loss", 1.0, 2)]
    return lambda: TaskRecord("fold", now, now, {"width": "x" * 9000}, metrics, group="a method")


@pytest.mark.parametrize(("what", "times"), [("set_terminated", 1), ("log_batch", 3), ("log_artifact", 0)])
def test_what_a_store_missed_is_logged_by_the_next_call(
    console: Console, planted: None, record, what: str, times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Once: a run that was cut off is gone on with."""
    table = tmp_path / "table1.md"
    table.write_text("a table")
    real, left = getattr(MlflowClient, what), iter(range(times))
    with pytest.MonkeyPatch.context() as patch:

        def failing(self, *given, **named):
            if next(left, None) is None:
                raise PermissionError(13, "Permission denied", "/mlartifacts")
            return real(self, *given, **named)

        patch.setattr(MlflowClient, what, failing)
        call(console, record, files=[table])
    assert any(run[0] == "RUNNING" for runs in everything().values() for run in runs)
    call(console, record, files=[table])
    finished = {"small-nihss_lt_7-cv5-seeds_39": [("FINISHED", 1, 0)], "a method": [("FINISHED", 1, 0)]}
    assert everything() == finished | {"fold": [("FINISHED", 2, 1)] * 2}
    assert list(Path(tracking_uri().removeprefix("sqlite:///")).parent.rglob("table1.md"))
    assert console.export_text().count("MLflow") == 1
    # Now nothing is open any more, and nothing is asked.
    monkeypatch.setattr(MlflowClient, "search_runs", lambda *_: pytest.fail("all is logged"))
    call(console, record, files=[table])


def test_a_long_title_and_other_settings(console: Console, planted: None, record):
    """A call with a dozen tuned methods has a title of a thousand letters."""
    for sizes in ("small", "paper"):
        context = make_context(tracking=True, methods=("coin",), sizes=sizes)
        context = replace(context, endpoint=parse_endpoint("mrs 0 to 6")) if sizes == "paper" else context
        object.__setattr__(context.cohort, "title", "a cohort " * 100)
        hooks = UnderWay(Table1(), context, console, Store()).hooks
        hooks.task_ended(KEYS[0], record)
        hooks.finished(())
    assert "MLflow" not in console.export_text()
    client = MlflowClient(tracking_uri())
    experiment = client.get_experiment_by_name("strokebench/table1").experiment_id
    methods = client.search_runs([experiment], f"tags.`{GROUP_TAG}` LIKE '%'")
    assert {run.data.tags["sizes"] for run in methods} == {"small", "paper"}
    page = comparison_page(5001)
    assert "tags.sizes%20%3D%20%27paper%27" in page and "metrics.%60c%60" in page, "of grades there is no AUC"


def test_the_pages_open_on_methods_that_are_there(console: Console, planted: None, record, home: Path):
    assert comparison_page(5001) == "http://127.0.0.1:5001", "an empty store"
    call(console, record)
    client, study = open_experiment("tune_svm", console.print)
    client.create_run(study, tags={"study": "svm"})
    table1 = client.get_experiment_by_name("strokebench/table1").experiment_id
    assert f"/experiments/{table1}/" in comparison_page(5001), "a study has no methods to compare"
    client.delete_experiment(table1)
    assert comparison_page(5001) == "http://127.0.0.1:5001"


def test_a_damaged_store_is_named(console: Console, planted: None, record, home: Path):
    (home / "mlflow" / "mlflow.db").write_bytes(b"x" * 5000)
    call(console, record)
    said = console.export_text()
    assert "mlflow.db is damaged (file is not a database). Move it away" in said and said.count("MLflow") == 1
    for page in (ui_command, comparison_page):
        with pytest.raises(StrokebenchError, match="is damaged"):
            page(5001)


def test_of_a_full_disk_the_reason_is_told():
    """SQLAlchemy puts a line about its own session ahead."""
    said = (
        "(raised as a result of Query-invoked autoflush; consider ...)\n(sqlite3.OperationalError) disk is full\n[SQL]"
    )
    assert without_password(RuntimeError(said)) == "RuntimeError: (sqlite3.OperationalError) disk is full"


def test_a_store_of_an_older_mlflow_is_told_how_to_be_upgraded(console: Console, planted: None, record, home: Path):
    with closing(sqlite3.connect(home / "mlflow" / "mlflow.db", isolation_level=None)) as store:
        store.execute("UPDATE alembic_version SET version_num = 'bf29a5ff90ea'")
    call(console, record)
    assert f"mlflow db upgrade {tracking_uri()}" in console.export_text().replace("\n", "")


def test_a_server_with_a_certificate_of_its_own_is_no_mute_one(monkeypatch: pytest.MonkeyPatch):
    """MLFLOW_TRACKING_SERVER_CERT_PATH is MLflow's own matter."""

    def get(*_, **__):
        raise requests.exceptions.SSLError("self-signed certificate")

    monkeypatch.setattr(requests, "get", get)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.hospital")
    monkeypatch.setattr(MlflowClient, "get_experiment_by_name", lambda *_: None)
    monkeypatch.setattr(MlflowClient, "create_experiment", lambda *_, **__: "7")
    assert open_experiment("table1", print)[1] == "7"
