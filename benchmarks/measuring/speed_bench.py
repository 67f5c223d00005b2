"""`strokebench speed`: measure every method, each in a process of its own, and what surrounds a fit."""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor
from rich.console import Console

from strokebench.benchmarks.measuring.speed import USUAL_EPOCHS, Speed, measure, timed
from strokebench.benchmarks.running.backends.processes import worker_processes
from strokebench.benchmarks.running.provenance import machine
from strokebench.files import home
from strokebench.methods.registry import all_methods, find_method
from strokebench.reports.measured.speed import speed_table
from strokebench.reports.tables.section import Panel, Section, publish


def bench(console: Console, names: tuple[str, ...] | None, epochs: int) -> None:
    """Measure these methods, or all, show the table and write it below `results/speed`.

    Raises:
        StrokebenchError: a method does not exist.
    """
    chosen = [find_method(name).name for name in names] if names else list(all_methods())
    speeds = []
    with console.status("Measuring") as status:
        for method in map(find_method, chosen):
            status.update(f"Measuring {method.label}")
            speed = _measured(method.name, epochs)
            speeds.append(
                asdict(speed)
                | {"label": method.label, "family": str(method.family)}
                | ({"step": speed.step, "over_floor": speed.over_floor} if speed.stages else {})
            )
        around = {"start of a worker": _worker_start(), "tracking a run in MLflow": _tracking()}
    table = speed_table(speeds, around, machine(), USUAL_EPOCHS)
    panel = Panel(
        "speed",
        table,
        shows="What a fit of each method costs on this machine, and how much of a training step is arithmetic.",
        does_not_show="Speed on other machines, or beside other work: measure with nothing else running.",
    )
    folder = home("results", "speed")
    console.print(publish(Section("speed", "Speed", table.cohort, [panel]), folder))
    console.print(f"Written to {folder}", soft_wrap=True, style="dim")


def _measured(name: str, epochs: int) -> Speed:
    """In a fresh worker process, so that memory and caches are its own."""
    with worker_processes():
        # Two processes are asked for because joblib runs a single job in this one.
        [speed] = Parallel(n_jobs=2)([delayed(measure)(name, epochs)])
    get_reusable_executor().shutdown(wait=True)
    return speed


def _worker_start() -> float:
    """Seconds until a fresh process has what a network's fit needs, and to its end."""
    code = "from strokebench.benchmarks.running.backends.processes import start_worker as start; start()"
    code += "; import strokebench.benchmarks.running.fit, strokebench.methods.training.loop"
    return timed(lambda: subprocess.run([sys.executable, "-c", code], check=True))


def _tracking() -> float:
    """Seconds that MLflow takes to log one run with three curves of 60 epochs, in a database of its own."""
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

    logging.getLogger("alembic").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        client = MlflowClient(f"sqlite:///{Path(folder) / 'speed.db'}")
        experiment = client.create_experiment("speed")
        curves: list[Any] = [Metric(f"curve{k}", 0.5, 0, step) for k in range(3) for step in range(USUAL_EPOCHS)]
        params = [Param(f"p{k}", str(k)) for k in range(15)]

        def log() -> None:
            run = client.create_run(experiment).info.run_id
            client.log_batch(run, metrics=curves, params=params)
            client.set_terminated(run)

        return median(timed(log) for _ in range(5))
