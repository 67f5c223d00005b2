"""How fast does a method train on this machine, where does the time go, and how far is it from the floor?

The floor of a training step is the time of its matrix products alone, of the same shapes and memory layout,
measured in the same run: no other code around the same network can be faster on this machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils._python_dispatch import TorchDispatchMode

from strokebench.benchmarks.measuring.sizes import USUAL, CohortSizes
from strokebench.benchmarks.running.memory import PeakMemory
from strokebench.benchmarks.running.task import one_thread
from strokebench.methods.neural import NeuralMethod
from strokebench.methods.registry import find_method
from strokebench.methods.training.loop import predict_logits, training_loss
from strokebench.methods.training.optimiser import RAdam
from strokebench.methods.training.protocol import TrainingRun
from strokebench.tasks.inputs import Inputs

USUAL_EPOCHS = 60
"""Epochs until patience is out, about what the methods need on the virtual cohort."""

STAGES = ("data", "forward", "backward", "optimiser")


@dataclass
class Speed:
    """What was measured of a method, on one thread; times are medians over repeats.

    Args:
        method: registry name.
        fit_seconds: of a whole fit; of a network estimated from an epoch and `USUAL_EPOCHS`.
        peak_mb: above what the process held before.
        stages: milliseconds of a training step by stage; empty for what is no network.
        floor: milliseconds of the step's matrix products alone, by PyTorch; NaN for what is no network.
        epoch_seconds, evaluation_seconds: of an epoch with, and of its validation alone.
        parameters: their number.
    """

    method: str
    fit_seconds: float
    peak_mb: float
    stages: dict[str, float] = field(default_factory=dict)
    floor: float = float("nan")
    epoch_seconds: float = float("nan")
    evaluation_seconds: float = float("nan")
    parameters: int = 0

    @property
    def step(self) -> float:
        """Milliseconds of a training step."""
        return sum(self.stages.values())

    @property
    def over_floor(self) -> float:
        """The step as a multiple of its floor."""
        return self.step / self.floor


def measure(name: str, epochs: int = 5, sizes: CohortSizes = USUAL) -> Speed:
    """Time one method with its default settings, on one thread of this process.

    Args:
        epochs: over which medians are taken, after one that is not counted.
    """
    method = find_method(name)(random_state=0)
    train, validation = sizes.patients(sizes.train, 1), sizes.patients(sizes.validation, 2)
    y, y_validation = (np.arange(n) % 2 for n in (sizes.train, sizes.validation))
    with one_thread(), PeakMemory() as memory:
        if isinstance(method, NeuralMethod):
            speed = _network(method, (train, y, validation, y_validation), epochs)
        else:
            seconds = [timed(lambda: method.fit(train, y, validation, y_validation)) for _ in range(3)]
            speed = Speed(method.name, median(seconds), 0.0)
    speed.peak_mb = memory.megabytes
    return speed


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _network(method: NeuralMethod, parts: tuple[Inputs, NDArray, Inputs, NDArray], epochs: int) -> Speed:
    """The training step of `strokebench.methods.training.loop`, with a clock between its stages."""
    run = TrainingRun(method, *parts)
    module = run.module
    optimiser = RAdam(module.parameters(), lr=method.learning_rate, clip_norm=method.clip_norm)
    seconds: dict[str, list[float]] = {stage: [] for stage in STAGES}

    @contextmanager
    def clock(stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        seconds[stage].append(time.perf_counter() - start)

    epoch_seconds, evaluations = [], []
    for _ in range(epochs + 1):
        start = time.perf_counter()
        if method.acts_before(0):
            module.eval()
            method.before_epoch(module, 0, run.patients.in_order())
        module.train()
        draws = run.draws()
        for _ in run.batch_sizes():
            with clock("data"):
                batch, target = run.batch(next(draws))
            with clock("forward"):
                loss = training_loss(method, module, batch, target, 0)
            with clock("backward"):
                loss.backward()
            with clock("optimiser"):
                optimiser.step()
        evaluations.append(timed(lambda: predict_logits(method, module, run.held_out)))
        epoch_seconds.append(time.perf_counter() - start)
    batch, target = run.batch(next(run.draws()))

    def step() -> None:
        module.train()
        training_loss(method, module, batch, target, 0).backward()
        module.zero_grad()

    per_epoch = median(epoch_seconds[1:])
    return Speed(
        method.name,
        fit_seconds=per_epoch * USUAL_EPOCHS,
        peak_mb=0.0,
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


def products_alone(step: Callable[[], None], repeats: int = 15) -> float:
    """Median seconds of the matrix products of `step`, without anything else."""
    with Products() as products:
        step()
    pairs = [(a, b, torch.matmul(a, b)) for a, b in products.operands]

    def multiply() -> None:
        for a, b, out in pairs:
            torch.matmul(a, b, out=out)

    with torch.inference_mode():
        return median(timed(multiply) for _ in range(repeats))
