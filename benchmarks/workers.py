"""Runs in worker processes, one thread each; every worker commits its own results."""

from __future__ import annotations

import contextlib
import platform
import signal
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from strokebench.benchmarks.experiment import Run
from strokebench.benchmarks.fit import Material, fit_and_predict
from strokebench.benchmarks.store import Busy, Store
from strokebench.tasks.splits import Fold


@dataclass(frozen=True)
class Task:
    """A run to be computed.

    Args:
        about: what else its record shall say (hashes, versions); no patient data.
    """

    key: str
    run: Run
    fold: Fold
    about: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ended:
    """How a task ended: `done`, `failed`, or `busy` where another process computes it."""

    key: str
    status: str


def work(task: Task, material: Material, store: Store, wait: bool = False) -> Ended:
    """Compute one run in this process and commit its result or its error.

    Args:
        wait: wait for another process that computes it, instead of giving it up as busy.
    """
    try:
        with store.lock(task.key, wait):
            # Another call may have finished it since this one looked.
            if store.status(task.key) == "done":
                return Ended(task.key, "done")
            return _compute(task, material, store)
    except Busy:
        return Ended(task.key, "busy")


def _compute(task: Task, material: Material, store: Store) -> Ended:
    run = task.run
    record = {
        "key": task.key,
        "method": run.method,
        "seed": run.seed,
        "fold": run.fold,
        "fold_name": task.fold.name,
        "protocol": run.protocol,
        "condition": run.condition.name,
        "balance": run.balance,
        "params": dict(run.params),
        "host": platform.node(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        **task.about,
    }
    try:
        with _one_thread(), warnings.catch_warnings():
            # What a method warns of (convergence, a constant column) would tear the progress bar.
            warnings.simplefilter("ignore")
            fitted = fit_and_predict(run.method, run.params, task.fold, material, run.condition, run.balance)
    except Exception as error:
        # Without the values of variables: they may hold patients.
        record["error"] = "".join(traceback.format_exception(error))
        store.write_failure(task.key, record)
        return Ended(task.key, "failed")
    record |= {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "facts": fitted.facts,
        "history": fitted.history,
        "fit_seconds": fitted.fit_seconds,
        "predict_seconds": fitted.predict_seconds,
        "cpu_seconds": fitted.cpu_seconds,
        "peak_mb": fitted.peak_mb,
    }
    store.write(task.key, fitted.predictions, record)
    return Ended(task.key, "done")


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """More threads than free cores cost tenfold, and their sums are in another order."""
    import torch
    from threadpoolctl import threadpool_limits

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)


def compute_all(tasks: Sequence[Task], material: Material, store: Store, jobs: int) -> Iterator[tuple[Task, Ended]]:
    """Compute tasks in `jobs` processes; give each as it ends, in any order.

    A task that another call computes at the same time is waited for at the end. A task whose process dies
    (out of memory, a crash in native code) is tried once more alone, and recorded as failed if it dies again.
    """
    pending = {task.key: task for task in tasks}
    busy: dict[str, Task] = {}
    while pending:
        try:
            for ended in _stream(list(pending.values()), material, store, jobs):
                task = pending.pop(ended.key)
                if ended.status == "busy":
                    busy[ended.key] = task
                else:
                    yield task, ended
        except _worker_died():
            for task in [task for task in pending.values() if store.lock_path(task.key).exists()]:
                del pending[task.key]
                yield task, _alone(task, material, store)
    for ended in _stream(list(busy.values()), material, store, jobs, wait=True):
        yield busy[ended.key], ended


def _alone(task: Task, material: Material, store: Store) -> Ended:
    if store.status(task.key) == "done":
        return Ended(task.key, "done")
    try:
        # Two processes are asked for because joblib runs a single job in this one.
        return next(_stream([task], material, store, jobs=2))
    except _worker_died() as error:
        store.write_failure(
            task.key,
            {"key": task.key, "method": task.run.method, "seed": task.run.seed, "fold": task.run.fold}
            | {"error": f"The worker process died twice, perhaps for lack of memory.\n{error}"},
        )
        store.lock_path(task.key).unlink(missing_ok=True)
        return Ended(task.key, "failed")


def _stream(tasks: Sequence[Task], material: Material, store: Store, jobs: int, wait: bool = False) -> Iterator[Ended]:
    from joblib import Parallel, delayed, parallel_config

    if not tasks:
        return
    with parallel_config("loky", inner_max_num_threads=1, initializer=_ignore_interrupt):
        # Arrays travel as memory maps, not as copies: those that are maps already by their path.
        parallel = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1, pre_dispatch="2 * n_jobs")
        stream = parallel(delayed(work)(task, material, store, wait) for task in tasks)
        try:
            yield from stream
        finally:
            stream.close()


def _ignore_interrupt() -> None:
    """Ctrl-C reaches the whole process group; only the parent answers it, and ends the workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _worker_died() -> type[Exception]:
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    return TerminatedWorkerError
