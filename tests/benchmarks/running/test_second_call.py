"""A call that has nothing to compute loads nothing that computes, and leaves the files as they are."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib import rcParams
from rich.console import Console
from small_context import make_context

from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.benchmarks.keys import sources
from strokebench.benchmarks.running import receipt
from strokebench.benchmarks.running.receipt import RECEIPT_FILE
from strokebench.benchmarks.running.runner import Report, run_experiment
from strokebench.benchmarks.running.store import Store

stored = Store.read
SUPPORT = Path(__file__).parents[2] / "support"
HEAVY = ("torch", "mlflow", "optuna", "xgboost", "imblearn", "matplotlib", "jinja2")
SECOND_CALL = """
import runpy, sys
sys.path.insert(0, ".")
sys.argv = ["run_small.py", sys.argv[1], "1", "1"]
runpy.run_path(sys.argv[0], run_name="__main__")
loaded = {name.partition(".")[0] for name in sys.modules}
print("LOADED", *sorted(loaded))
"""


def run(console: Console, folds: int = 2, methods: tuple[str, ...] = ("svm",)) -> Report:
    return run_experiment(Table1(), make_context(folds=folds, methods=methods), console)


def printed(report: Report) -> str:
    console = Console(record=True, width=120, file=io.StringIO())
    console.print(report.view)
    return console.export_text(styles=True)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.long
def test_a_second_call_loads_nothing_that_trains_or_draws(home: Path):
    # One thread, as a worker has.
    environment = {**os.environ, "PYTHONPATH": str(SUPPORT), "OMP_NUM_THREADS": "1"}

    def call(methods: str) -> tuple[str, set[str]]:
        command = [sys.executable, "-c", SECOND_CALL, methods]
        done = subprocess.run(command, cwd=SUPPORT, env=environment, capture_output=True, text=True, check=True)
        told, _, loaded = done.stdout.rpartition("LOADED ")
        return told, set(loaded.split())

    without_networks, with_one, again = call("svm"), call("svm,mlp"), call("svm,mlp")
    assert "torch" not in without_networks[1] and "matplotlib" in without_networks[1]
    assert "torch" in with_one[1]
    assert "0 to compute" in again[0] and not again[1] & set(HEAVY)


def test_an_unchanged_report_is_not_made_again(console: Console, monkeypatch: pytest.MonkeyPatch):
    first = run(console)
    before = contents(first.folder)
    assert not first.up_to_date and RECEIPT_FILE in before
    monkeypatch.setattr(Table1, "report", lambda *_: pytest.fail("made again"))
    second = run(console)
    assert second.up_to_date and contents(second.folder) == before
    assert printed(second) == printed(first)


@pytest.mark.every_format
def test_what_a_notebook_or_a_matplotlibrc_sets_changes_no_picture_and_stays(
    console: Console, monkeypatch: pytest.MonkeyPatch
):
    first = run(console)
    before = contents(first.folder)
    (first.folder / RECEIPT_FILE).unlink()
    # LaTeX would take what stands behind "95 %" for a comment.
    for name, value in {"text.usetex": True, "figure.facecolor": "black", "font.size": 20}.items():
        monkeypatch.setitem(rcParams, name, value)
    assert not run(console).up_to_date
    assert contents(first.folder) == before
    assert rcParams["text.usetex"] and rcParams["font.size"] == 20


def test_an_unchanged_report_reads_no_run(console: Console, monkeypatch: pytest.MonkeyPatch):
    first = run(console)
    allowed = []
    monkeypatch.setattr(
        Store, "read", lambda self, key: pytest.fail("read again") if not allowed else stored(self, key)
    )
    second = run(console)
    assert second.up_to_date
    assert second.results.runs.equals(first.results.runs) and second.failed == first.failed == 0
    # Written again: it may hold something else now.
    allowed.append(True)
    os.utime(next((first.folder.parents[2] / "runs").rglob("*.parquet")))
    assert run(console).up_to_date
    allowed.clear()
    assert run(console).up_to_date


def test_what_is_compiled_on_the_way_is_not_our_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("benchmarks/receipt.py", "methods/mlp.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    monkeypatch.setattr(sources, "FOLDERS", [tmp_path])
    code = sources.house_sha256.__wrapped__
    before = code()
    cache = tmp_path / "methods" / "__pycache__"
    cache.mkdir()
    (cache / "mlp.cpython-312.pyc").write_text("compiled")
    assert code() == before
    (tmp_path / "methods" / "mlp.py").write_text("2")
    assert code() != before


def test_experiments_are_found_without_what_trains(home: Path):
    """And none is overlooked: the same are there once every file was imported."""
    code = """
import importlib, pkgutil, sys
import strokebench.benchmarks.experiments as room
from strokebench.benchmarks.experiments.find import EXPERIMENTS, all_experiments
found = list(all_experiments())
assert "torch" not in sys.modules
for module in pkgutil.iter_modules(room.__path__):
    importlib.import_module(f"strokebench.benchmarks.experiments.{module.name}")
assert sorted(found) == sorted(EXPERIMENTS.own) and len(found) > 10
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["table1.md", "table1_picture.svg", "section.json"])
def test_a_lost_or_changed_file_is_made_again(console: Console, name: str):
    first = run(console)
    before = contents(first.folder)
    (first.folder / name).unlink()
    assert not run(console).up_to_date and contents(first.folder) == before
    (first.folder / name).write_text("somebody was here")
    assert not run(console).up_to_date and contents(first.folder) == before
    assert run(console).up_to_date


def test_other_code_other_results_and_a_damaged_receipt_make_it_again(
    console: Console, monkeypatch: pytest.MonkeyPatch
):
    folder = run(console).folder
    (folder / RECEIPT_FILE).write_text('{"made_from": 1}')
    assert not run(console).up_to_date and run(console).up_to_date
    assert not run(console, folds=3).up_to_date
    monkeypatch.setattr(receipt, "house_sha256", lambda: "another version")
    assert not run(console, folds=3).up_to_date


def test_nothing_is_taken_for_granted_of_methods_of_others(console: Console, planted: None):
    folder = run(console, methods=("coin",)).folder
    assert not run(console, methods=("coin",)).up_to_date and RECEIPT_FILE not in contents(folder)
