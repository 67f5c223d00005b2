"""Calls that are killed or stopped in the middle lose and repeat nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console
from small_context import make_context

from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.benchmarks.running.runner import run_experiment

SCRIPT = Path(__file__).parents[2] / "support" / "run_small.py"


def start(methods: str, jobs: int = 2, folds: int = 5) -> subprocess.Popen:
    command = [sys.executable, str(SCRIPT), methods, str(jobs), str(folds)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def finished(home: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (home / "runs").glob("*/*.parquet")}


def wait_for(home: Path, process: subprocess.Popen, runs: int) -> None:
    limit = time.monotonic() + 120
    while len(finished(home)) < runs:
        assert process.poll() is None and time.monotonic() < limit, process.communicate()[0]
        time.sleep(0.02)


def folder(process: subprocess.Popen) -> Path:
    said = process.communicate(timeout=180)[0]
    assert process.returncode == 0, said
    return Path(said.split("FOLDER ")[1].strip())


def test_kill_loses_and_repeats_nothing(planted: None, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    killed = start("slow_coin,coin")
    wait_for(home, killed, 3)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    kept = finished(home)
    assert 3 <= len(kept) < 10

    resumed = folder(start("slow_coin,coin"))
    after = finished(home)
    assert len(after) == 10
    assert kept.items() <= after.items(), "a finished run was computed again"

    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "uninterrupted"))
    context = make_context(folds=5, methods=("slow_coin", "coin"))
    whole = run_experiment(Table1(), context, Console(quiet=True)).folder
    for name in ("predictions.parquet", "table1.csv"):
        assert (whole / name).read_bytes() == (resumed / name).read_bytes()


def test_ctrl_c_says_what_is_kept(planted: None, home: Path):
    process = start("slow_coin", folds=5)
    wait_for(home, process, 1)
    # As a terminal does it: to the whole group, workers too.
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 130, said
    kept = len(finished(home))
    assert 1 <= kept < 5
    assert f"{kept} of 5 runs are finished and kept" in said
    assert "Traceback" not in said
