"""Several tasks of one network fitted together: `fit_and_predict`, with the fitting shared."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from strokebench.benchmarks.running.fit import Material, Ready
from strokebench.benchmarks.running.memory import PeakMemory
from strokebench.benchmarks.running.task import Computed, Task
from strokebench.tasks.conditions import Condition
from strokebench.tasks.fold import Fold
from strokebench.tasks.preparing.prepare import Parts

if TYPE_CHECKING:
    from strokebench.methods.neural import NeuralMethod

MOST_KEPT = 2**31

ACTIVATIONS = 2**26
"""Bytes that a run's activations are reckoned to need; more than is there is found out by running out of it."""


def fit_together(prepared: Sequence[tuple[Task, Ready]], device: str) -> list[Computed]:
    """Fit these tasks as one stack, and predict; seconds and megabytes are each task's share."""
    from strokebench.methods.stacking.fit import fit_stacked

    records = [task.records() for task, _ in prepared]
    cpu, start, count = time.process_time(), time.perf_counter(), len(prepared)
    parts = [ready.parts for _, ready in prepared]
    with PeakMemory() as memory:
        fit_stacked(
            [_network(ready) for _, ready in prepared],
            [(each.train, each.y_train, each.validation, each.y_validation) for each in parts],
            device,
        )
    fit_seconds, fit_cpu = (time.perf_counter() - start) / count, (time.process_time() - cpu) / count

    def computed(ready: Ready, record: dict[str, dict[str, Any]]) -> Computed:
        cpu, start = time.process_time(), time.perf_counter()
        p = ready.predict()
        fitted = ready.fitted(
            p,
            fit_seconds=fit_seconds,
            predict_seconds=(time.perf_counter() - start) / len(p),
            cpu_seconds=fit_cpu + time.process_time() - cpu,
            peak_mb=memory.megabytes / count,
        )
        return Computed.of(fitted, record, device=device, stacked=count)

    return [computed(ready, record) for (_, ready), record in zip(prepared, records, strict=True)]


class PreparedFolds:
    """Folds that several methods are fitted on, so that each is prepared once; as many as `MOST_KEPT` bytes hold."""

    def __init__(self) -> None:
        self._parts: dict[tuple[Fold, Condition, str], Parts] = {}
        self._bytes = 0

    def ready(self, task: Task, material: Material) -> Ready:
        """`task.ready`, for errors too."""
        key = task.fold, task.first.condition.trained, task.first.balance
        known = self._parts.get(key)
        ready = task.ready(material, known)
        if known is None:
            parts = ready.parts
            size = parts.train.nbytes + parts.validation.nbytes + parts.test.nbytes
            if self._bytes + size <= MOST_KEPT:
                self._bytes += size
                self._parts[key] = parts
        return ready


def bytes_a_run(ready: Ready) -> int:
    """Device memory that one run of a stack is reckoned to need.

    Eight copies of the parameters (gradients twice, RAdam's moments and what they pass through, the best state),
    training and validation part, some copies of a batch, and activations.
    """
    import torch

    parts, model = ready.parts, _network(ready)
    with torch.random.fork_rng(devices=[]):
        parameters = sum(p.numel() for p in model.build(parts.train.sizes).parameters())
    a_patient = parts.train[:1].nbytes
    return (
        8 * 4 * parameters + a_patient * (len(parts.train) + len(parts.validation) + 8 * model.batch_size) + ACTIVATIONS
    )


def _network(ready: Ready) -> NeuralMethod:
    """The method: only networks are stacked."""
    return cast("NeuralMethod", ready.model)
