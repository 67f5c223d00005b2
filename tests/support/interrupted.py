"""Runs an experiment on the small context with stand-in methods, here or in a process that dies in the middle."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

from rich.console import Console
from small_context import make_context
from stand_in import OtherStandIn, StandIn

from strokebench.benchmarks.experiments.find import find_experiment
from strokebench.benchmarks.running.runner import Report, run_experiment
from strokebench.methods import registry

LOADED = (
    *("torch", "optuna", "sklearn.ensemble", "matplotlib.figure", "matplotlib.backends.backend_agg"),
    *("strokebench.benchmarks.running.runner", "strokebench.methods.registry", "strokebench.benchmarks.tuning.space"),
)
"""What the process has loaded that those to be killed are forked from: none takes a second to start."""
COMPARING = ("table1", "comparison", "clinical", "figure5")
"""Experiments that are about several methods."""


def stand_in() -> None:
    """Let the stand-ins be VDAFM and Concat in this process."""
    registry.all_methods()
    for method in (StandIn, OtherStandIn):
        registry.METHODS.own[method.name] = method


def run(name: str) -> Report:
    """The experiment with the stand-ins, which are registered, below `STROKEBENCH_HOME`."""
    experiment = find_experiment(name)
    methods = ("vdafm", "concat") if name in COMPARING else ("vdafm",)
    context = make_context(protocol=experiment.protocol or "cv5", methods=methods)
    return run_experiment(experiment, context, Console(quiet=True))


def killed(name: str, home: Path, die_at: int) -> int:
    """Run in another process that is killed in the middle of its fit number `die_at`; how it ended."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(LOADED))
    process = context.Process(target=_die, args=(name, home, die_at))
    process.start()
    process.join(120)
    return process.exitcode


def _die(name: str, home: Path, die_at: int) -> None:
    os.environ["STROKEBENCH_HOME"] = str(home)
    stand_in()
    StandIn.die_at = die_at
    run(name)
