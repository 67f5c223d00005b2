"""Fits of one network together on a GPU; what cannot be stacked is computed as everywhere else."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import cache
from itertools import islice
from typing import cast

import torch

from strokebench.benchmarks.running.backends.processes import compute_all
from strokebench.benchmarks.running.fit import Ready, unfitted
from strokebench.benchmarks.running.memory import PeakMemory
from strokebench.benchmarks.running.run import Material
from strokebench.benchmarks.running.store import Store
from strokebench.benchmarks.running.task import Computed, Ended, Task, hold, quietly
from strokebench.methods.neural import NeuralMethod
from strokebench.methods.stacking.fit import OWN_TO_EACH, can_stack, fit_stacked
from strokebench.tasks.conditions import Condition
from strokebench.tasks.fold import Fold
from strokebench.tasks.preparing.prepare import Parts

SHARE_OF_FREE = 0.8
MOST_KEPT = 2**31
ACTIVATIONS = 2**26
"""Bytes that a run's activations are reckoned to need; more than is there is found out by running out of it."""

_log = logging.getLogger(__name__)


def compute_stacked(
    tasks: Sequence[Task], material: Material, store: Store, device: str, jobs: int = 1
) -> Iterator[tuple[Task, Ended]]:
    """Compute tasks, those of one network together; give each as it ends, in any order.

    What comes out is what `compute_all` gives, up to the rounding of sums. Left to it, in `jobs` processes on the
    CPU, are tasks that cannot be stacked, meanwhile, and at the end those that another call computes just now and
    those whose stack failed: an error is then of one run, not of its neighbours.

    Records say `device` and `stacked`, the number of fits in the stack; seconds and megabytes are a fit's share.
    """
    groups, alone = stackable(tasks)
    folds, rest = PreparedFolds(), list[Task]()
    with contextlib.closing(compute_all(alone, material, store, jobs)) as others:
        # To ask for the first starts the worker processes, which go on while stacks are trained.
        yield from islice(others, 1)
        for group in groups:
            yield from _compute_group(group, material, store, device, folds, rest)
        yield from others
    yield from compute_all(rest, material, store, jobs)


def stackable(tasks: Sequence[Task]) -> tuple[list[list[Task]], list[Task]]:
    """Groups of two and more tasks of one architecture, in the order given, and the tasks that are in none."""
    groups: dict[str, list[Task]] = {}
    alone = []
    for task in tasks:
        try:
            model = unfitted(task.first.method, task.first.params, task.fold)
            reason = can_stack([model])
        except Exception:
            # The single path records what is wrong with it.
            alone.append(task)
            continue
        if reason:
            alone.append(task)
            if isinstance(model, NeuralMethod):
                _warn(f"{reason}: trained on the CPU.")
        else:
            shared = {name: value for name, value in model.get_params().items() if name not in OWN_TO_EACH}
            groups.setdefault(repr((model.name, sorted(shared.items()))), []).append(task)
    alone += [task for group in groups.values() if len(group) == 1 for task in group]
    return [group for group in groups.values() if len(group) > 1], alone


@cache
def _warn(why: str) -> None:
    """Once in a process: a user who asked for a GPU learns what is not trained there."""
    _log.warning(why)


def _compute_group(
    tasks: Sequence[Task], material: Material, store: Store, device: str, folds: PreparedFolds, rest: list[Task]
) -> Iterator[tuple[Task, Ended]]:
    """Compute tasks of one architecture in chunks that memory has room for; adds to `rest` what it leaves."""
    queue, size = list(tasks), 0
    while queue:
        with quietly():
            size = size or _chunk_size(queue, material, device, folds)
            chunk = queue[:size]
            try:
                ended, left_out = _compute_chunk(chunk, material, store, device, folds)
            except torch.OutOfMemoryError:
                torch.cuda.empty_cache()
                if len(chunk) > 1:
                    size = -(-len(chunk) // 2)
                    continue
                ended, left_out = [], chunk
        rest += left_out
        del queue[: len(chunk)]
        yield from ended


def _chunk_size(tasks: Sequence[Task], material: Material, device: str, folds: PreparedFolds) -> int:
    """How many of these tasks the device's free memory has room for, by the needs of the first."""
    if torch.device(device).type != "cuda":
        return len(tasks)
    try:
        needed = bytes_a_run(folds.ready(tasks[0], material))
    except Exception:
        # What is wrong with the first is found out when it is computed.
        return len(tasks)
    free = SHARE_OF_FREE * torch.cuda.mem_get_info(device)[0]
    return max(1, min(len(tasks), int(free / needed)))


def _compute_chunk(
    tasks: Sequence[Task], material: Material, store: Store, device: str, folds: PreparedFolds
) -> tuple[list[tuple[Task, Ended]], list[Task]]:
    """Fit these together and commit their runs: those that ended, and those that are left to the single path.

    Raises:
        torch.OutOfMemoryError: of the device; nothing is committed of the stack that was too large.
    """
    ended: list[tuple[Task, Ended]] = []
    left_out: list[Task] = []
    stacks: dict[str, list[tuple[Task, Task, Ready]]] = {}
    with ExitStack() as locks:
        for task in tasks:
            try:
                left = hold(task, store, locks)
                if left.runs:
                    ready = folds.ready(left, material)
                    stacks.setdefault(repr(ready.parts.train.sizes), []).append((task, left, ready))
                else:
                    ended.append((task, Ended(task.key, "done")))
            except Exception:
                # Busy, or data and parameters that the single path will tell of.
                left_out.append(task)
        for together in stacks.values():
            whole = [task for task, _, _ in together]
            try:
                computed = fit_together([(left, ready) for _, left, ready in together], device)
            except torch.OutOfMemoryError:
                raise
            except Exception as error:
                _warn(f"{whole[0].first.method} cannot be stacked, and is trained on the CPU: {error}")
                left_out += whole
                continue
            ended += [(task, Ended(task.key, each.commit(store))) for task, each in zip(whole, computed, strict=True)]
    return ended, left_out


def fit_together(prepared: Sequence[tuple[Task, Ready]], device: str) -> list[Computed]:
    """Fit these tasks as one stack, and predict; seconds and megabytes are each task's share."""
    records = [task.records() for task, _ in prepared]
    cpu, start, count = time.process_time(), time.perf_counter(), len(prepared)
    parts = [ready.parts for _, ready in prepared]
    with PeakMemory() as memory:
        fit_stacked(
            [cast("NeuralMethod", ready.model) for _, ready in prepared],
            [(each.train, each.y_train, each.validation, each.y_validation) for each in parts],
            device,
        )
    fit_seconds, fit_cpu = (time.perf_counter() - start) / count, (time.process_time() - cpu) / count

    computed = []
    for (_, ready), record in zip(prepared, records, strict=True):
        cpu, start = time.process_time(), time.perf_counter()
        p = ready.predict()
        fitted = ready.fitted(
            p,
            fit_seconds=fit_seconds,
            predict_seconds=(time.perf_counter() - start) / len(p),
            cpu_seconds=fit_cpu + time.process_time() - cpu,
            peak_mb=memory.megabytes / count,
        )
        computed.append(Computed.of(fitted, record, device=device, stacked=count))
    return computed


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
    parts, model = ready.parts, cast("NeuralMethod", ready.model)
    with torch.random.fork_rng(devices=[]):
        parameters = sum(p.numel() for p in model.build(parts.train.sizes).parameters())
    a_patient = parts.train[:1].nbytes
    return (
        8 * 4 * parameters + a_patient * (len(parts.train) + len(parts.validation) + 8 * model.batch_size) + ACTIVATIONS
    )
