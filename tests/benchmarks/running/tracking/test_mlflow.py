import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qsl, urlsplit

import pytest
from rich.console import Console
from small_context import make_context

from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.benchmarks.running.runner import UnderWay, run_experiment
from strokebench.benchmarks.running.store import Store
from strokebench.benchmarks.running.tracking.mlflow import (
    PARENT_TAG,
    open_experiment,
    tracking_uri,
)
from strokebench.benchmarks.running.tracking.mlflow_pages import OPENED, first_page
from strokebench.benchmarks.running.tracking.runs import record_of
from strokebench.benchmarks.running.tracking.shown import comparison_page, ui_command
from strokebench.tasks.endpoints.binary import BINARY
from strokebench.tasks.metrics.evaluate import evaluate
from strokebench.tasks.metrics.paper import PAPER_METRICS

CALL = """import sys; from rich.console import Console; from small_context import make_context
from strokebench.benchmarks.running.runner import run_experiment
from strokebench.benchmarks.experiments.table1 import Table1
run_experiment(Table1(), make_context(tracking=True, methods=('coin',)), Console())
"""


def run(console: Console, **settings):
    return run_experiment(Table1(), make_context(**{"tracking": True, **settings}), console)


def logged():
    """The parent runs and their children."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri())
    experiment = client.get_experiment_by_name("strokebench/table1")
    runs = client.search_runs([experiment.experiment_id])
    parents = [run for run in runs if PARENT_TAG not in run.data.tags]
    return client, parents, [run for run in runs if "strokebench.key" in run.data.tags]


def of_methods(client, parent):
    """The runs of methods below a parent, by name."""
    runs = client.search_runs([parent.info.experiment_id], f"tags.`{PARENT_TAG}` = '{parent.info.run_id}'")
    return {run.info.run_name: run for run in runs}


def test_what_is_logged(console: Console, planted: None):
    report = run(console, methods=("coin", "svm"))
    client, [parent], children = logged()
    assert len(children) == 4
    assert parent.info.status == "FINISHED"
    methods = of_methods(client, parent)
    assert sorted(methods) == ["coin", "svm"]
    assert {child.data.tags[PARENT_TAG] for child in children} == {of.info.run_id for of in methods.values()}
    assert parent.data.tags["virtual"] == "true" and parent.data.tags["outcome"] == "nihss < 7"
    given = {each.dataset.name: each.dataset.digest for each in parent.inputs.dataset_inputs}
    assert given["cv5 split"] == parent.data.tags["split_sha256"][:12] and len(given) == 2
    for name, method in methods.items():
        folds = [child for child in children if child.data.params["method"] == name]
        mean = sum(fold.data.metrics["AUC"] for fold in folds) / 2
        assert method.data.metrics["AUC"] == pytest.approx(mean) == parent.data.metrics[f"AUC/{name}"]
        assert method.info.status == "FINISHED" and method.inputs.dataset_inputs

    key = {child.data.tags["strokebench.key"]: child for child in children}
    runs = report.results.runs
    assert set(key) == set(runs["key"])
    row = runs[(runs["method"] == "coin") & (runs["fold"] == 1)].iloc[0]
    child = key[row["key"]]
    predictions = report.results.predictions.query("method == 'coin' and fold == 1")
    for metric, value in evaluate(BINARY, predictions["y"], predictions["p"]).items():
        assert child.data.metrics[metric] == pytest.approx(value)
    assert len(PAPER_METRICS) == 6
    assert child.data.params["method"] == "coin" and child.data.params["seconds"] == "0.0"
    assert child.data.params["fold"] == "1" and child.data.params["outcome"] == "nihss < 7"
    assert child.info.status == "FINISHED"
    for tag in ("data_sha256", "split_sha256", "code_sha256"):
        assert len(child.data.tags[tag]) == 64
    curve = client.get_metric_history(child.info.run_id, "train_loss")
    assert [(point.step, point.value) for point in curve] == [(1, 3.0), (2, 2.0), (3, 1.0)]

    page = urlsplit(comparison_page(5001).replace("/#", ""))
    asked = dict(parse_qsl(page.query))
    assert page.netloc == "127.0.0.1:5001" and page.path == f"/experiments/{parent.info.experiment_id}/runs"
    shown = client.search_runs(
        [parent.info.experiment_id], asked["searchFilter"], order_by=[f"{asked['orderByKey']} DESC"]
    )
    assert [run.info.run_name for run in shown] == sorted(methods, key=lambda name: -methods[name].data.metrics["AUC"])
    assert (asked["orderByAsc"], asked["compareRunsMode"]) == ("false", "CHART")

    # Of what was logged last: other labels are not compared with these.
    run(console, methods=("coin",), shuffle_labels=1)
    asked = dict(parse_qsl(urlsplit(comparison_page(5001).replace("/#", "")).query))
    [shuffled] = client.search_runs([parent.info.experiment_id], asked["searchFilter"])
    assert shuffled.info.run_name == "coin" and shuffled.data.tags["labels_shuffled"] == "true"
    artifacts = {artifact.path for artifact in client.list_artifacts(parent.info.run_id)}
    assert {"table1.md", "table1.csv", "table1.tex", "table1.html"} <= artifacts
    assert not {"predictions.parquet", "results.json"} & artifacts


def test_no_patient_is_in_the_store(console: Console, planted: None, home: Path):
    report = run(console, methods=("coin", "broken"))
    patients = set(report.results.predictions["patient_id"])
    files = [path for path in (home / "mlflow").rglob("*") if path.is_file()]
    assert files
    assert not [patient for path in files for patient in patients if patient.encode() in path.read_bytes()]


def test_a_run_is_logged_once(console: Console, planted: None, home: Path):
    run(console, methods=("coin",))
    run(console, methods=("coin",))
    assert len(logged()[2]) == 2
    _, parents, children = logged()
    assert (len(parents), len(children)) == (1, 2)


@pytest.mark.long
def test_what_the_store_lost_is_logged_again(console: Console, planted: None, home: Path):
    run(console, methods=("coin",))
    client, [parent], [one, other] = logged()
    client.delete_run(one.info.run_id)
    run(console, methods=("coin",))
    _, _, children = logged()
    assert len(children) == 2 and other.info.run_id in {child.info.run_id for child in children}

    for each in client.search_runs([parent.info.experiment_id]):
        client.delete_run(each.info.run_id)
    run(console, methods=("coin",))
    assert len(logged()[2]) == 2, "an emptied experiment"

    client.delete_experiment(parent.info.experiment_id)
    run(console, methods=("coin",))
    assert len(logged()[2]) == 2 and "was deleted there; its runs are logged again" in console.export_text()

    # In a process of its own: MLflow holds an open file open.
    (home / "mlflow" / "mlflow.db").write_bytes(b"")
    subprocess.run([sys.executable, "-c", CALL], check=True, capture_output=True)
    with closing(sqlite3.connect(home / "mlflow" / "mlflow.db")) as store:
        [(keys,)] = store.execute("SELECT count(*) FROM tags WHERE key = 'strokebench.key'")
    assert keys == 2, "a replaced store"


def test_a_copied_folder_with_an_odd_name_writes_where_it_lies(
    console: Console, planted: None, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run(console, methods=("coin",))
    client, experiment = open_experiment("models", console.print)
    client.create_logged_model(experiment, "forest")
    before = sorted((home / "mlflow" / "artifacts").rglob("*"))
    moved = tmp_path / "50% of ward #1"
    shutil.copytree(home, moved)
    monkeypatch.setenv("STROKEBENCH_HOME", str(moved))
    ui_command(5001)
    with closing(sqlite3.connect(moved / "mlflow" / "mlflow.db")) as store:
        query = "SELECT artifact_uri FROM runs UNION SELECT artifact_location FROM logged_models"
        places = [place for (place,) in store.execute(query)]
    assert len(places) > 2 and all(place.startswith(moved.as_uri()) for place in places)
    run(console, methods=("coin", "svm"))
    _, _, children = logged()
    assert len(children) == 6, "another plan, another parent"
    assert sorted((home / "mlflow" / "artifacts").rglob("*")) == before
    assert len(sorted((moved / "mlflow" / "artifacts").rglob("table1.md"))) == 2
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "why?"))
    run(console, methods=("coin",))
    assert "cannot hold a question mark" in console.export_text()
    assert sorted(path.name for path in tmp_path.glob("why*")) == ["why?"]


def test_a_mute_server_costs_seconds_and_is_told(console: Console, planted: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("strokebench.benchmarks.running.tracking.mlflow.ANSWER_WITHIN", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@127.0.0.1:{mute.getsockname()[1]}")
        hooks = UnderWay(Table1(), make_context(tracking=True, methods=("coin",)), console, Store()).hooks
        began = time.monotonic()
        for key in ("a", "b"):
            hooks.task_ended(key, lambda: pytest.fail("nothing is to be logged"))
        assert time.monotonic() - began < 60, "the library itself waits for minutes"
    said = console.export_text()
    assert said.count("127.0.0.1 does not answer within") == 1 and "secret" not in said


def test_a_server_s_password_is_not_printed(planted: None, console: Console, monkeypatch, capfd):
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        do_POST = do_GET

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@127.0.0.1:{server.server_port}")
        run(console, methods=("coin",))
        server.shutdown()
    assert "secret" not in capfd.readouterr().out + console.export_text()


def test_two_calls_at_once_log_a_run_once(console: Console, planted: None):
    context = make_context(tracking=True, methods=("coin",))
    report = run_experiment(Table1(), replace(context, settings=replace(context.settings, tracking=False)), console)
    keys = list(report.results.runs["key"])
    calls = [UnderWay(Table1(), context, console, Store()) for _ in range(2)]
    first, second = calls
    # Each has found the other's runs missing.
    first.hooks.task_ended(keys[0], partial(record_of, *recorded(first, keys[0])))
    second.hooks.task_ended(keys[1], partial(record_of, *recorded(second, keys[1])))
    for call in calls:
        call.finish()
        call.close()
    _, parents, children = logged()
    assert (len(parents), len(children)) == (1, 2)


def recorded(call: UnderWay, key: str) -> tuple:
    [run] = [run for run, each in call.planned if each == key]
    return run, call.context, *call.collector.finished(key)


def test_runs_computed_without_tracking_are_logged_later(console: Console, planted: None):
    run(console, methods=("coin",), tracking=False)
    run(console, methods=("coin",))
    assert len(logged()[2]) == 2


def test_tracking_changes_no_result(
    console: Console, planted: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
):
    on = run(console, methods=("svm", "coin"))
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "off"))
    off = run(console, methods=("svm", "coin"), tracking=False)
    for name in ("predictions.parquet", "table1.csv"):
        assert (on.folder / name).read_bytes() == (off.folder / name).read_bytes()
    assert (home / "mlflow").exists() and not (tmp_path / "off" / "mlflow").exists()


@pytest.mark.parametrize(
    "uri", ["sqlite:////proc/nowhere/mlflow.db", f"sqlite:////{300 * 'x'}/mlflow.db", "http://me:secret@127.0.0.1:9"]
)
def test_a_broken_store_warns_and_breaks_nothing(
    console: Console, planted: None, monkeypatch: pytest.MonkeyPatch, uri: str
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    report = run(console, methods=("coin",))
    assert list(report.results.runs["status"]) == ["done", "done"]
    # As the next experiment of `strokebench paper` would.
    run(console, methods=("coin",))
    said = console.export_text()
    assert said.count("MLflow") == 1
    assert "secret" not in said


@pytest.mark.long
def test_nothing_new_does_not_load_mlflow(planted: None, console: Console):
    run(console, methods=("coin",))
    code = CALL + "assert 'mlflow' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "2 already done" in done.stdout


def test_mlflow_s_assistant_does_not_open_over_the_page():
    """The mark is that which MLflow's own script looks for."""
    build = Path(find_spec("mlflow").origin).parent / "server" / "js" / "build"
    key, _, version = OPENED.rpartition("_v")
    assert any(f'key:"{key}",version:{version},' in file.read_text() for file in (build / "static").rglob("main.*.js"))
    before, mark, after = first_page().partition(f"localStorage.setItem('{OPENED}', 'true')")
    assert mark and "<script" in after and before.count("<script") == 1
