"""Several tasks of one network fitted together: `fit_and_predict`, with the fitting shared."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from strokebench.benchmarks.running.fit import Material, Ready
from strokebench.benchmarks.running.memory import PeakMemory
from strokebench.benchmarks.running.task import Computed, Task
from strokebench.tasks.conditions import Condition
from strokebench.tasks.fold import Fold
from strokebench.tasks.preparing.prepare import Parts

if TYPE_CHECKING:
    from strokebench.methods.neural import NeuralMethod

THREADS = 4
"""That prepare and predict: Python lets them do so side by side in the large operations alone."""

MOST_KEPT = 2**31

ACTIVATIONS = 2**26
"""Bytes that a run's activations are reckoned to need; more than is there is found out by running out of it."""


@dataclass(frozen=True)
class Prepared:
    """A task ready to be fitted.

    Args:
        left: the task with those of its runs that are not done yet.
    """

    task: Task
    left: Task
    ready: Ready


def fit_together(prepared: Sequence[Prepared], device: str) -> list[Computed]:
    """Fit these tasks as one stack, and predict; seconds and megabytes are each task's share."""
    from strokebench.methods.stacking.fit import fit_stacked

    started = [each.left.records() for each in prepared]
    cpu, start, count = time.process_time(), time.perf_counter(), len(prepared)
    with PeakMemory() as memory:
        fit_stacked(
            [_network(each.ready) for each in prepared],
            [(p.train, p.y_train, p.validation, p.y_validation) for p in (each.ready.parts for each in prepared)],
            device,
        )
    fit_seconds, fit_cpu = (time.perf_counter() - start) / count, (time.process_time() - cpu) / count

    def outcome(each: Prepared, records: dict[str, dict[str, Any]]) -> Computed:
        cpu, start = time.thread_time(), time.perf_counter()
        p = each.ready.predict()
        fitted = each.ready.fitted(
            p,
            fit_seconds=fit_seconds,
            predict_seconds=(time.perf_counter() - start) / len(p),
            cpu_seconds=fit_cpu + time.thread_time() - cpu,
            peak_mb=memory.megabytes / count,
        )
        return Computed.of(fitted, records, device=device, stacked=count)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(outcome, prepared, started))


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
