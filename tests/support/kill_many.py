"""By hand: kills calls at random moments (kill -9), and counts runs that were lost, repeated or logged twice.

    python tests/support/kill_many.py FOLDER KILLS PROCESSES

Prints one line; each of its counts but the first two should be 0.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

SUPPORT = Path(__file__).parent
RUNS, PATIENCE = 100, 40.0
"""Runs of the experiment; seconds until a call is killed at the latest."""


def call() -> None:
    """One call of the experiment, in this process."""
    from rich.console import Console
    from small_context import make_context

    from strokebench.benchmarks.experiments.table1 import Table1
    from strokebench.benchmarks.running.runner import run_experiment

    context = make_context(folds=RUNS, seeds=tuple(range(RUNS // 5)), methods=("slow_coin",), tracking=True)
    run_experiment(Table1(), context, Console())


def start(folder: Path) -> subprocess.Popen:
    paths = os.pathsep.join([str(SUPPORT), str(folder / "site")])
    environment = {**os.environ, "STROKEBENCH_HOME": str(folder / "home"), "PYTHONPATH": paths}
    command = [sys.executable, __file__, str(folder), "call"]
    return subprocess.Popen(command, env=environment, start_new_session=True, stdout=subprocess.DEVNULL)


def finished(folder: Path) -> dict[str, int]:
    return {path.stem: path.stat().st_mtime_ns for path in (folder / "home" / "runs").glob("*/*.parquet")}


def main(folder: Path, kills: int, processes: int) -> None:
    package = folder / "site" / "planted-0.1.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: planted\nVersion: 0.1\n")
    (package / "entry_points.txt").write_text("[strokebench.methods]\nslow_coin = planted_methods:SlowCoin\n")
    known: dict[str, int] = {}
    lost = repeated = killed = 0
    while killed < kills:
        calls = [start(folder) for _ in range(processes)]
        for each in calls:
            time.sleep(random.uniform(0, PATIENCE))
            if each.poll() is None:
                os.killpg(each.pid, signal.SIGKILL)
                killed += 1
            each.wait()
        now = finished(folder)
        lost += len(known.keys() - now.keys())
        repeated += sum(now[key] != known[key] for key in known.keys() & now.keys())
        known = now
    last = [start(folder) for _ in range(processes)]
    failed = sum(each.wait() != 0 for each in last)
    now = finished(folder)
    lost += len(known.keys() - now.keys()) + RUNS - len(now)
    repeated += sum(now[key] != known[key] for key in known.keys() & now.keys())

    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'home' / 'mlflow' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("strokebench/table1")
    logged = client.search_runs([experiment.experiment_id], "attributes.status = 'FINISHED'", max_results=5000)
    keys = [run.data.tags["strokebench.key"] for run in logged if "strokebench.key" in run.data.tags]
    unlogged, twice = len(now.keys() - set(keys)), len(keys) - len(set(keys))
    sys.stdout.write(
        f"{killed} kills, {len(now)} runs: {lost} lost, {repeated} repeated, {failed} calls failed,"
        f" {unlogged} not in MLflow, {twice} twice there\n"
    )


if __name__ == "__main__":
    if sys.argv[2] == "call":
        call()
    else:
        main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
