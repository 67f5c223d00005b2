"""How fast does a method train on this machine, where does the time go, and how far is it from the floor?

The floor of a training step is the time of its matrix products alone, of the same shapes and memory layout,
measured in the same run: no other code around the same network can be faster on this machine.
"""

import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor
from numpy.typing import NDArray
from rich.console import Console
from torch.utils._python_dispatch import TorchDispatchMode

from strokebench.benchmarks.measuring.sizes import USUAL, CohortSizes
from strokebench.benchmarks.running.backends.processes import worker_processes
from strokebench.benchmarks.running.memory import PeakMemory
from strokebench.benchmarks.running.provenance import machine
from strokebench.benchmarks.running.task import one_thread
from strokebench.errors import StrokebenchError
from strokebench.files import home
from strokebench.methods.neural import NeuralMethod
from strokebench.methods.registry import all_methods, find_method
from strokebench.methods.training.loop import predict_logits, training_loss
from strokebench.methods.training.optimiser import RAdam
from strokebench.methods.training.protocol import TrainingRun
from strokebench.reports.measured.speed import STAGES, Speed, speed_table
from strokebench.reports.tables.section import Panel, Section, publish_and_show
from strokebench.tasks.inputs import BY_ROLE, Inputs

USUAL_EPOCHS = 60
"""Epochs until patience is out, about what the methods need on the virtual cohort."""
MIDDLE = USUAL_EPOCHS // 2
"""The epoch that is timed."""


def bench(console: Console, names: tuple[str, ...] | None, epochs: int) -> None:
    """Measure these methods, or all that made-up patients can be given to; write the table below `results/speed`.

    Raises:
        StrokebenchError: a method does not exist, or none of these can be measured.
    """
    chosen = [find_method(name) for name in names] if names else list(all_methods().values())
    unmeasured = [method for method in chosen if BY_ROLE in method.reads]
    for method in unmeasured:
        console.print(f"Left out    {method.label}: it reads what columns mean, which made-up ones do not tell")
    if not (chosen := [method for method in chosen if method not in unmeasured]):
        raise StrokebenchError("None of these can be measured.", "Name others of `strokebench list methods`.")
    speeds = []
    with console.status("Measuring") as status:
        for method in chosen:
            status.update(f"Measuring {method.label}")
            speeds.append(_measured(method.name, epochs))
        around = {"start of a worker": _worker_start(), "tracking a run in MLflow": _tracking()}
    table = speed_table(speeds, around, machine(), USUAL_EPOCHS)
    panel = Panel(
        "speed",
        table,
        shows="What a fit of each method costs on this machine, and how much of a training step is arithmetic.",
        does_not_show="Speed on other machines, or beside other work: measure with nothing else running.",
    )
    publish_and_show(Section("speed", "Speed", table.cohort, [panel]), home("results", "speed"), console)


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


def measure(name: str, epochs: int = 5, sizes: CohortSizes = USUAL) -> Speed:
    """Time one method with its default settings, on one thread of this process.

    Args:
        epochs: over which medians are taken, after one that is not counted.
    """
    method = find_method(name)(random_state=0)
    train, validation = sizes.patients(sizes.train, 1), sizes.patients(sizes.validation, 2)
    y, y_validation = (np.arange(n) % 2 for n in (sizes.train, sizes.validation))
    with one_thread():
        if isinstance(method, NeuralMethod):
            return _network(method, (train, y, validation, y_validation), epochs)
        with PeakMemory() as memory:
            seconds = [timed(lambda: method.fit(train, y, validation, y_validation)) for _ in range(3)]
    return Speed(method.name, method.label, str(method.family), median(seconds), peak_mb=memory.megabytes)


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _network(method: NeuralMethod, parts: tuple[Inputs, NDArray, Inputs, NDArray], epochs: int) -> Speed:
    """The training step of `strokebench.methods.training.loop`, with a clock between its stages.

    It is that of an epoch in the middle, for some methods compute otherwise in their first ones.
    """
    seconds: dict[str, list[float]] = {stage: [] for stage in STAGES}

    @contextmanager
    def clock(stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        seconds[stage].append(time.perf_counter() - start)

    epoch_seconds, evaluations = [], []
    with PeakMemory() as memory:
        run = TrainingRun(method, *parts)
        module = run.module
        optimiser = RAdam(module.parameters(), lr=method.learning_rate, clip_norm=method.clip_norm)
        for earlier in range(MIDDLE):
            run.begin(earlier)
        for _ in range(epochs + 1):
            start = time.perf_counter()
            run.begin(MIDDLE)
            draws = run.draws()
            for _ in run.batch_sizes():
                with clock("data"):
                    batch, target = run.batch(next(draws))
                with clock("forward"):
                    loss = training_loss(method, module, batch, target, MIDDLE)
                with clock("backward"):
                    loss.backward()
                with clock("optimiser"):
                    optimiser.step()
            evaluations.append(timed(lambda: predict_logits(method, module, run.held_out)))
            epoch_seconds.append(time.perf_counter() - start)
    batch, target = run.batch(next(run.draws()))

    def step() -> None:
        module.train()
        training_loss(method, module, batch, target, MIDDLE).backward()
        module.zero_grad()

    per_epoch = median(epoch_seconds[1:])
    return Speed(
        *(method.name, method.label, str(method.family), per_epoch * USUAL_EPOCHS),
        peak_mb=memory.megabytes,
        stages={stage: 1000 * median(seconds[stage]) for stage in STAGES},
        floor=1000 * products_alone(step),
        epoch_seconds=per_epoch,
        evaluation_seconds=median(evaluations[1:]),
        parameters=sum(p.numel() for p in module.parameters()),
    )


class Products(TorchDispatchMode):
    """Collects the operands of every matrix product; fused attention counts as the products inside it."""

    def __init__(self) -> None:
        super().__init__()
        self.operands: list[tuple[torch.Tensor, torch.Tensor]] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name in ("mm", "bmm"):
            self._add(*args[:2])
        elif name in ("addmm", "baddbmm"):
            self._add(*args[1:3])
        elif name.startswith("_scaled_dot_product"):
            self._attention(name.endswith("backward"), args)
        return func(*args, **(kwargs or {}))

    def _attention(self, backward: bool, args: tuple) -> None:
        queries, keys, values = args[1:4] if backward else args[:3]
        scores = queries.new_zeros(*queries.shape[:-1], keys.shape[-2])
        for _ in range(2 if backward else 1):
            self._add(queries, keys.mT)
            self._add(scores, values)
        if backward:
            self._add(scores.mT, queries)

    def _add(self, a: torch.Tensor, b: torch.Tensor) -> None:
        # Empty of the same shape and layout: the operands themselves would keep the whole graph alive.
        self.operands.append(tuple(torch.empty_strided(x.shape, x.stride()).fill_(0.01) for x in (a, b)))  # type: ignore[arg-type]


def products_alone(step: Callable[[], None]) -> float:
    """Median seconds of the matrix products of `step`, without anything else."""
    with Products() as products:
        step()
    pairs = [(a, b, torch.matmul(a, b)) for a, b in products.operands]

    def multiply() -> None:
        for a, b, out in pairs:
            torch.matmul(a, b, out=out)

    with torch.inference_mode():
        return median(timed(multiply) for _ in range(15))
