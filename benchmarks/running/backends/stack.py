"""Fits of one network together on a GPU; what cannot be stacked is computed as everywhere else."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

from strokebench.benchmarks.running.backends.processes import compute_all
from strokebench.benchmarks.running.store import Store
from strokebench.benchmarks.running.task import Ended, Task, one_thread

if TYPE_CHECKING:
    from strokebench.benchmarks.running.backends.stacked_fit import PreparedFolds
    from strokebench.benchmarks.running.fit import Material, Ready

SHARE_OF_FREE = 0.8

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
    from strokebench.benchmarks.running.backends.stacked_fit import PreparedFolds

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
    from strokebench.benchmarks.running.fit import unfitted
    from strokebench.methods.neural import NeuralMethod
    from strokebench.methods.stacking.fit import OWN_TO_EACH, can_stack

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
    import torch

    queue, size = list(tasks), 0
    while queue:
        with _quietly():
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
    import torch

    from strokebench.benchmarks.running.backends.stacked_fit import bytes_a_run

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
    import torch

    from strokebench.benchmarks.running.backends.stacked_fit import fit_together

    ended: list[tuple[Task, Ended]] = []
    left_out: list[Task] = []
    stacks: dict[str, list[tuple[Task, Task, Ready]]] = {}
    with ExitStack() as locks:
        for task in tasks:
            try:
                left = _lock(task, store, locks)
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


def _lock(task: Task, store: Store, locks: ExitStack) -> Task:
    """Hold a task's runs while `locks` is open: the task with those that are not done yet.

    Raises:
        Busy: another process computes one of them.
    """
    with ExitStack() as own:
        for key in sorted(task.runs):
            own.enter_context(store.lock(key))
        locks.enter_context(own.pop_all())
    # Another call may have finished some since this one looked.
    return replace(task, runs={key: run for key, run in task.runs.items() if store.status(key) != "done"})


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """One thread, and no warnings, which would tear the progress bar; as in the worker processes."""
    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
