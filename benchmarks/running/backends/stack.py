"""Fits of one network together on a GPU; what cannot be stacked is computed as everywhere else."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import cast

import torch

from strokebench.benchmarks.running.backends.processes import Processes
from strokebench.benchmarks.running.fit import Ready, unfitted
from strokebench.benchmarks.running.memory import PeakMemory
from strokebench.benchmarks.running.process import allow_many_files
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
"""Bytes of prepared folds that are kept for the next method."""
ACTIVATIONS = 2**26
"""Bytes that a run's activations are reckoned to need; more than is there is found out by running out of it."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stack:
    """Fits of one network together on a device of PyTorch, all others in `jobs` worker processes."""

    jobs: int
    device: str = "cuda"
    at_once: None = None

    def compute(self, tasks: Sequence[Task], material: Material, store: Store) -> Iterator[tuple[Task, Ended]]:
        """See `Backend`; what comes out is what `Processes` gives, up to the rounding of sums.

        Left to the processes are tasks that cannot be stacked, meanwhile, and at the end those that another call
        computes just now and those whose stack failed: an error is then of one run, not of its neighbours.

        Records say `device` and `stacked`, the number of fits in the stack; seconds and megabytes are a fit's share.
        """
        groups, alone = stackable(tasks)
        stacks, processes = Stacks(material, store, self.device), Processes(self.jobs)
        with closing(processes.compute(alone, material, store)) as others:
            # To ask for the first starts the worker processes, which go on while stacks are trained.
            yield from islice(others, 1)
            for group in groups:
                yield from stacks.compute(group)
            yield from others
        yield from processes.compute(stacks.left_out, material, store)


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


class Stacks:
    """Computes tasks of one architecture in chunks that memory has room for; `left_out` are left to the single path."""

    def __init__(self, material: Material, store: Store, device: str) -> None:
        # The runs of a chunk are locked while it is trained.
        allow_many_files()
        self.material, self.store, self.device = material, store, torch.device(device)
        self.left_out: list[Task] = []
        self._prepared: dict[tuple[Fold, Condition, str, str, str], Parts] = {}
        self._bytes = 0

    def compute(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Ended]]:
        """Give each task as it ends."""
        queue, size = list(tasks), 0
        while queue:
            with quietly():
                size = min(size or self.room_for(queue), len(queue))
                try:
                    ended, left_out = self.compute_chunk(queue[:size])
                except torch.OutOfMemoryError:
                    if size > 1:
                        size = -(-size // 2)
                        continue
                    ended, left_out = [], queue[:1]
            self.left_out += left_out
            del queue[:size]
            yield from ended

    def room_for(self, tasks: Sequence[Task]) -> int:
        """How many of these tasks the device's free memory has room for, by the needs of the first."""
        if self.device.type != "cuda":
            return len(tasks)
        try:
            needed = bytes_a_run(self._ready(tasks[0]))
        except Exception:
            # What is wrong with the first is found out when it is computed.
            return len(tasks)
        # What the stack before used is free, but PyTorch keeps it.
        torch.cuda.empty_cache()
        free = SHARE_OF_FREE * torch.cuda.mem_get_info(self.device)[0]
        return max(1, min(len(tasks), int(free / needed)))

    def compute_chunk(self, tasks: Sequence[Task]) -> tuple[list[tuple[Task, Ended]], list[Task]]:
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
                    left = hold(task, self.store, locks)
                    if left.runs:
                        ready = self._ready(left)
                        stacks.setdefault(repr(ready.parts.train.sizes), []).append((task, left, ready))
                    else:
                        ended.append((task, Ended(task.key, "done")))
                except Exception:
                    # Busy, or data and parameters that the single path will tell of.
                    left_out.append(task)
            for together in stacks.values():
                whole = [task for task, _, _ in together]
                try:
                    computed = fit_together([(left, ready) for _, left, ready in together], str(self.device))
                except torch.OutOfMemoryError:
                    raise
                except Exception as error:
                    _warn(f"{whole[0].first.method} cannot be stacked, and is trained on the CPU: {error}")
                    left_out += whole
                    continue
                done = [each.commit(self.store) for each in computed]
                ended += [(task, Ended(task.key, status)) for task, status in zip(whole, done, strict=True)]
        return ended, left_out

    def _ready(self, task: Task) -> Ready:
        """`task.ready`; a fold that several methods are fitted on is prepared once."""
        first = task.first
        key = task.fold, first.condition.trained, first.balance, first.imputation, first.scaling
        ready = task.ready(self.material, self._prepared.get(key))
        parts = ready.parts
        size = parts.train.nbytes + parts.validation.nbytes + parts.test.nbytes
        if key not in self._prepared and self._bytes + size <= MOST_KEPT:
            self._bytes += size
            self._prepared[key] = parts
        return ready


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
