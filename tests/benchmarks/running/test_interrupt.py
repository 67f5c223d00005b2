"""Calls that are killed or stopped in the middle lose and repeat nothing."""

import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from small_context import make_context

from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.benchmarks.running.process import stop_like_ctrl_c
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


# A machine that is out of memory ends the one process, a scheduler the whole group.
@pytest.mark.parametrize("kill", [os.kill, pytest.param(os.killpg, marks=pytest.mark.long)])
def test_kill_loses_and_repeats_nothing_and_workers_and_their_folders_do_not_outlive_it(
    planted: None, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kill: Callable[[int, int], None]
):
    scratch = home / "scratch" / platform.node()
    left = scratch / "joblib_memmapping_folder_4194305_1_2"
    left.mkdir(parents=True)
    killed = start("slow_coin,coin")
    wait_for(home, killed, 3)
    assert not left.exists(), "what an earlier call left is removed"
    kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert gone(killed.pid)
    # Of a whole group nobody is left to remove it; the next call does.
    assert kill is os.killpg or not list(scratch.iterdir())
    kept = finished(home)
    assert 3 <= len(kept) < 10

    context = make_context(folds=5, methods=("slow_coin", "coin"))
    resumed = run_experiment(Table1(), context, Console(quiet=True)).folder
    after = finished(home)
    assert len(after) == 10
    assert kept.items() <= after.items(), "a finished run was computed again"

    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "uninterrupted"))
    whole = run_experiment(Table1(), context, Console(quiet=True)).folder
    for name in ("predictions.parquet", "table1.csv"):
        assert (whole / name).read_bytes() == (resumed / name).read_bytes()


@pytest.mark.long
@pytest.mark.parametrize(
    ("number", "send"), [(signal.SIGINT, os.killpg), (signal.SIGTERM, os.killpg), (signal.SIGTERM, os.kill)]
)
def test_ctrl_c_and_sigterm_say_what_is_kept(planted: None, home: Path, number: int, send: Callable[[int, int], None]):
    process = start("slow_coin", folds=5)
    wait_for(home, process, 1)
    # A terminal and a scheduler send it to the whole group, workers too; `kill` to the one process.
    send(process.pid, number)
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 130, said
    kept = len(finished(home))
    assert 1 <= kept < 5
    assert f"{kept} of 5 runs are finished and kept" in said
    assert "Traceback" not in said
    assert gone(process.pid)


def gone(group: int, seconds: float = 30) -> bool:
    """Whether all processes of a group end within these seconds."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_what_names_patients_is_the_users_alone(planted: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    home = tmp_path / "made by the run"
    monkeypatch.setenv("STROKEBENCH_HOME", str(home))
    run_experiment(Table1(), make_context(methods=("coin",)), Console(quiet=True))
    modes = {path.name: path.stat().st_mode & 0o077 for path in home.rglob("*.parquet")}
    assert modes and set(modes.values()) == {0}
    assert home.stat().st_mode & 0o077 == 0


def test_sigterm_stops_also_what_ignores_ctrl_c():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        stop_like_ctrl_c()
        for handler in (signal.SIG_IGN, signal.default_int_handler):
            signal.signal(signal.SIGINT, handler)
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGTERM)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
