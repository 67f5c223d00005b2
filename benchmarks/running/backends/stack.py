"""Fits of one network together on a GPU; what cannot be stacked is computed as everywhere else."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from strokebench.benchmarks.running.backends.processes import compute_all
from strokebench.benchmarks.running.store import Store
from strokebench.benchmarks.running.task import Ended, Task, one_thread

if TYPE_CHECKING:
    from strokebench.benchmarks.running.backends.stacked_fit import PreparedFolds
    from strokebench.benchmarks.running.fit import Material

SHARE_OF_FREE = 0.8

T = TypeVar("T")

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
    with Beside(compute_all(alone, material, store, jobs)) as beside:
        for group in groups:
            yield from _compute_group(group, material, store, device, folds, rest)
            yield from beside.by_now()
        yield from beside.remaining()
    yield from compute_all(rest, material, store, jobs)


class Beside(Generic[T]):
    """Goes through a generator in a thread of its own, which ends with the block."""

    def __init__(self, items: Generator[T]) -> None:
        self._items, self._queue, self._wanted = items, SimpleQueue[list[T] | BaseException | None](), True
        self._thread = Thread(target=self._go, daemon=True)
        self._ended = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._wanted = False
        self._thread.join()

    def by_now(self) -> Iterator[T]:
        """What has come by now.

        Raises:
            BaseException: whatever the generator raised.
        """
        while not self._queue.empty():
            yield from self._next()

    def remaining(self) -> Iterator[T]:
        """What has come and will come, for errors as `by_now`."""
        while not self._ended:
            yield from self._next()

    def _next(self) -> list[T]:
        came = self._queue.get()
        if isinstance(came, BaseException):
            raise came
        self._ended = came is None
        return came or []

    def _go(self) -> None:
        try:
            with contextlib.closing(self._items):
                for item in self._items:
                    self._queue.put([item])
                    if not self._wanted:
                        break
            self._queue.put(None)
        except BaseException as error:
            self._queue.put(error)


def stackable(tasks: Sequence[Task]) -> tuple[list[list[Task]], list[Task]]:
    """Groups of two and more tasks of one architecture, in the order given, and the tasks that are in none."""
    from strokebench.benchmarks.running.fit import unfitted
    from strokebench.methods.stacking.fit import OWN_TO_EACH, can_stack

    groups: dict[str, list[Task]] = {}
    alone = []
    for task in tasks:
        try:
            model = unfitted(task.first.method, task.first.params, task.fold)
            reason = can_stack([model])
        except Exception:
            # The single path records what is wrong with it.
            reason = "it cannot be made"
        if reason:
            alone.append(task)
        else:
            shared = {name: value for name, value in model.get_params().items() if name not in OWN_TO_EACH}
            groups.setdefault(repr((model.name, sorted(shared.items()))), []).append(task)
    alone += [task for group in groups.values() if len(group) == 1 for task in group]
    return [group for group in groups.values() if len(group) > 1], alone


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
                ended = _compute_chunk(chunk, material, store, device, folds, rest)
            except torch.OutOfMemoryError:
                torch.cuda.empty_cache()
                if len(chunk) > 1:
                    size = -(-len(chunk) // 2)
                    continue
                rest += chunk
                ended = []
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
    tasks: Sequence[Task], material: Material, store: Store, device: str, folds: PreparedFolds, rest: list[Task]
) -> list[tuple[Task, Ended]]:
    """Fit these together and commit their runs.

    Raises:
        torch.OutOfMemoryError: of the device; nothing is committed of the stack that was too large.
    """
    import torch

    from strokebench.benchmarks.running.backends.stacked_fit import THREADS, Prepared, fit_together

    ended: list[tuple[Task, Ended]] = []
    left_out: list[Task] = []
    sizes: dict[str, list[Prepared]] = {}
    with ExitStack() as locks:
        held: list[tuple[Task, Task]] = []
        for task in tasks:
            try:
                left = _lock(task, store, locks)
            except Exception:
                # Busy, or whatever the single path will tell of.
                left_out.append(task)
                continue
            if left.runs:
                held.append((task, left))
            else:
                ended.append((task, Ended(task.key, "done")))
        with ThreadPoolExecutor(THREADS) as pool:
            making = [pool.submit(folds.ready, left, material) for _, left in held]
        for (task, left), made in zip(held, making, strict=True):
            if made.exception():
                # Data and parameters that the single path will tell of.
                left_out.append(task)
            else:
                ready = made.result()
                sizes.setdefault(repr(ready.parts.train.sizes), []).append(Prepared(task, left, ready))
        for together in sizes.values():
            try:
                outcomes = fit_together(together, device)
            except torch.OutOfMemoryError:
                raise
            except Exception as error:
                _log.info("Fits of %s are not stacked: %s", together[0].ready.model.name, error)
                left_out += [each.task for each in together]
                continue
            ended += [
                (each.task, Ended(each.task.key, outcome.commit(store)))
                for each, outcome in zip(together, outcomes, strict=True)
            ]
    rest += left_out
    return ended


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
