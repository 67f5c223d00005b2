"""Fits in worker processes, one thread each; every worker commits its own results."""

import contextlib
import os
import platform
import shutil
import signal
import time
import warnings
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from strokebench.benchmarks.running.process import collect_seldom
from strokebench.benchmarks.running.run import Material
from strokebench.benchmarks.running.store import Store
from strokebench.benchmarks.running.task import Computed, Ended, Task, work
from strokebench.files import home

MAY_GROW = 4 * 2**30
"""Bytes that a worker may grow by from its first fit to any later one."""


@dataclass(frozen=True)
class Processes:
    """Worker processes of this machine, so many `at_once`."""

    at_once: int

    def compute(self, tasks: Sequence[Task], material: Material, store: Store) -> Generator[tuple[Task, Ended]]:
        """See `Backend`.

        A task that another call computes at the same time is waited for at the end. A task whose process dies
        (out of memory, a crash in native code) is tried once more alone, and recorded as failed if it dies again.
        """
        pending = {task.key: task for task in tasks}
        busy: dict[str, Task] = {}
        while pending:
            try:
                for ended in _stream(list(pending.values()), material, store, self.at_once):
                    task = pending.pop(ended.key)
                    if ended.status == "busy":
                        busy[ended.key] = task
                    else:
                        yield task, ended
            except _worker_died():
                begun = [t for t in pending.values() if any(store.lock_path(key).exists() for key in t.runs)]
                # A worker that dies before it begins anything would be started again for ever.
                for task in begun or [next(iter(pending.values()))]:
                    del pending[task.key]
                    ended = _alone(task, material, store)
                    # Its lock may be another call's, whose worker lives.
                    if ended.status == "busy":
                        busy[task.key] = task
                    else:
                        yield task, ended
        while busy:
            try:
                for ended in _stream(list(busy.values()), material, store, self.at_once, wait=True):
                    yield busy.pop(ended.key), ended
            except _worker_died():
                # One is taken out each time, so that this ends.
                task = busy.pop(next(iter(busy)))
                yield task, _alone(task, material, store, wait=True)


def _alone(task: Task, material: Material, store: Store, wait: bool = False) -> Ended:
    try:
        # Two processes are asked for because joblib runs a single job in this one.
        return next(_stream([task], material, store, jobs=2, wait=wait))
    except _worker_died() as error:
        told = f"The worker process died twice, perhaps for lack of memory.\n{error}"
        Computed.failed(told, task.records()).commit(store)
        for key in task.runs:
            store.lock_path(key).unlink(missing_ok=True)
        return Ended(task.key, "failed")


def _stream(tasks: Sequence[Task], material: Material, store: Store, jobs: int, wait: bool = False) -> Iterator[Ended]:
    from joblib import Parallel, delayed

    if not tasks:
        return
    with worker_processes():
        # Arrays travel as memory maps, not as copies: those that are maps already by their path.
        parallel = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1, pre_dispatch="2 * n_jobs")
        stream = parallel(delayed(work)(task, material, store, wait) for task in tasks)
        try:
            # `yield from` would close the stream itself.
            for ended in stream:  # noqa: UP028
                yield ended
        finally:
            # After Ctrl-C joblib warns that fits are lost, which each worker has kept.
            with warnings.catch_warnings(action="ignore", category=UserWarning):
                stream.close()


@contextlib.contextmanager
def worker_processes() -> Iterator[None]:
    """What joblib computes inside is computed by workers: processes of one thread that keep their memory."""
    from joblib import parallel_config

    with (
        worker_memory(),
        parallel_config("loky", inner_max_num_threads=1, initializer=start_worker, temp_folder=_scratch()),
    ):
        yield


def _scratch() -> Path | None:
    """Where arrays lie that workers read; what calls left there that were killed on this machine is removed.

    None, joblib's own place, where it cannot use this one: Python cannot remove there, at the end, what has other than
    ASCII letters in its path, and on drives of Windows within WSL no permissions can be set.
    """
    folder = home("scratch", platform.node())
    if not str(folder).isascii():
        return None
    folder.mkdir(parents=True, exist_ok=True)
    try:
        folder.chmod(0o700)
    except PermissionError:
        return None
    for left in folder.glob("joblib_memmapping_folder_*"):
        try:
            os.kill(int(left.name.split("_")[3]), 0)
        except ProcessLookupError:
            shutil.rmtree(left, ignore_errors=True)
        except PermissionError:
            # Another user's process has the number by now.
            pass
    return folder


@contextlib.contextmanager
def worker_memory() -> Iterator[None]:
    """Workers started inside keep freed memory and use large pages: a tenth less time a training step on Linux.

    It is read when a process starts and changes no number; a setting of the user's own is left alone.
    """
    if "GLIBC_TUNABLES" in os.environ:
        yield
        return
    limits = {"hugetlb": 1, "mmap_threshold": 2**30, "trim_threshold": 2**30, "top_pad": 2**26}
    os.environ["GLIBC_TUNABLES"] = ":".join(f"glibc.malloc.{name}={value}" for name, value in limits.items())
    try:
        yield
    finally:
        del os.environ["GLIBC_TUNABLES"]


def start_worker() -> None:
    """What a worker process does first."""
    from joblib.externals.loky import process_executor

    collect_seldom()
    # joblib would end a worker that has grown by 300 MB since its first fit, as with its first network after a forest,
    # and warn the user of a leak.
    process_executor._MAX_MEMORY_LEAK_SIZE = MAY_GROW
    # Ctrl-C reaches the whole process group; only the parent answers it, and ends the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Not by SIG_IGN, which processes that a method starts would inherit: a pool ends its own by SIGTERM, and waits.
    signal.signal(signal.SIGTERM, lambda *_: None)
    Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process when its parent was killed, which cannot do it any more."""
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGKILL)


def _worker_died() -> type[Exception]:
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    return TerminatedWorkerError
