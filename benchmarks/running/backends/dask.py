"""Fits on a Dask cluster, and thereby on SLURM or Kubernetes: results come back, and no disk need be shared."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from threading import Lock
from typing import TYPE_CHECKING
from weakref import finalize

from strokebench.benchmarks.keys.code import fit_code
from strokebench.benchmarks.running.run import Material
from strokebench.benchmarks.running.store import Store
from strokebench.benchmarks.running.task import Computed, Ended, Task, compute
from strokebench.errors import StrokebenchError, named

if TYPE_CHECKING:
    from distributed import Client

_CONNECTING = 10
"""Seconds in which a scheduler must answer."""
_CLOSING = 2
"""Seconds that a scheduler gets to say goodbye; one that was lost never does."""
_alone = Lock()
"""Held by a fit: those of one process share PyTorch's global generator and its number of threads."""
_log = logging.getLogger(__name__)


class Cluster:
    """The workers of a Dask scheduler, reached as long as this object lives.

    What a lost worker was computing is computed again by another, which is Dask's own doing. A task that takes
    down its workers, also when it is alone, is recorded as failed. (Dask's futures and not joblib's Dask backend:
    that one ends as a whole when a worker dies, and does not say of which task.)

    Args:
        jobs: workers of a cluster of this machine, which is started where there is no `scheduler`.
        scheduler: address, `tcp://host:8786`.

    Raises:
        StrokebenchError: Dask is not installed, or the scheduler cannot be reached.
    """

    at_once = None

    def __init__(self, jobs: int, scheduler: str | None) -> None:
        if find_spec("distributed") is None:
            raise StrokebenchError("Dask is not installed.", "pip install 'strokebench[cluster]'.")
        self._jobs, self._scheduler = jobs, scheduler
        self._client = _connect(scheduler) if scheduler else None
        self._open = ExitStack()
        if self._client:
            self._open.callback(self._client.close, timeout=_CLOSING)
        finalize(self, self._open.close)

    def compute(self, tasks: Sequence[Task], material: Material, store: Store) -> Iterator[tuple[Task, Ended]]:
        """Compute tasks; give each as it ends, in any order.

        Raises:
            StrokebenchError: a worker has no strokebench, or the scheduler is lost; what ended before is in the store.
        """
        self._look_at_workers()
        suspects: list[Task] = []
        for task, outcome in self._outcomes(tasks, material):
            if outcome is None:
                suspects.append(task)
            else:
                yield task, Ended(task.key, outcome.commit(store))
        # A task can be blamed for a neighbour that took its worker down; alone, it can show that it is innocent.
        for task in suspects:
            [(_, outcome)] = self._outcomes([task], material)
            outcome = outcome or _failed(task, "Every worker that computed it died, perhaps for lack of memory.")
            yield task, Ended(task.key, outcome.commit(store))

    def _look_at_workers(self) -> None:
        """A worker that cannot read a task ends, and whoever waits for it is not told."""
        found = self._reached().run(version, "strokebench", on_error="return")
        if without := [address for address, answer in found.items() if isinstance(answer, Exception)]:
            hint = "Install there what is installed here, `pip install 'strokebench[cluster]'`."
            raise StrokebenchError(f"strokebench is not installed for the workers {named(without)}.", hint)
        if not found:
            _log.warning("No worker has joined the scheduler yet: runs are computed when one has.")

    def _outcomes(self, tasks: Sequence[Task], material: Material) -> Iterator[tuple[Task, Computed | None]]:
        """What came of each task as it ends; None where its workers died."""
        from distributed import as_completed
        from distributed.client import FutureCancelledError
        from distributed.comm import CommClosedError
        from distributed.scheduler import KilledWorker

        client = self._reached()
        # As the result of a task of its own, it goes to each worker once, and is there again when one is lost.
        held = client.submit(_material, material, pure=False)
        futures = {client.submit(_remote, task, held, pure=False): task for task in tasks}
        try:
            for future in as_completed(futures):
                try:
                    yield futures[future], future.result()
                except KilledWorker:
                    yield futures[future], None
        except (FutureCancelledError, CommClosedError):
            raise StrokebenchError(
                f"The Dask scheduler{f' at {self._scheduler}' if self._scheduler else ''} was lost.",
                "What was finished is kept; the same command goes on.",
            ) from None
        finally:
            if client.status == "running":
                client.cancel([held, *futures])

    def _reached(self) -> Client:
        if self._client is None:
            import dask
            from distributed import Client, LocalCluster

            # Dask has its workers give freed memory back at once; to ask for it again takes a quarter of a fit.
            with dask.config.set({"distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None}):
                local = LocalCluster(n_workers=self._jobs, threads_per_worker=1, dashboard_address=None)
            self._client = self._open.enter_context(Client(self._open.enter_context(local)))
        return self._client


def _connect(scheduler: str) -> Client:
    from distributed import Client

    try:
        return Client(scheduler, timeout=_CONNECTING)
    except (OSError, ValueError) as error:
        raise StrokebenchError(
            f"The Dask scheduler at {scheduler} cannot be reached: {error}",
            "Start one with `dask scheduler`, and workers with `dask worker ADDRESS --nthreads 1`.",
        ) from None


def _material(material: Material) -> Material:
    return material


def _remote(task: Task, material: Material) -> Computed:
    """On a worker: refuse to compute with other code than the one that planned the run."""
    try:
        if task.module:
            import_module(task.module)
        here = fit_code(task.first.method, task.first.balance, type(material.endpoint))
    except Exception as error:
        # The file of a method lies here under another name, or not at all: its runs alone fail.
        return _failed(task, "".join(traceback.format_exception(error)))
    about = {"code_sha256": here.sha256, "versions": here.versions}
    if about != {name: task.about.get(name, value) for name, value in about.items()}:
        return _failed(task, "This worker has another version of strokebench or of a library than the rest.")
    with _alone:
        return compute(task, material)


def _failed(task: Task, error: str) -> Computed:
    # Not the records of its start: nobody knows where and when that was.
    return Computed.failed(error, {key: {"key": key, **run.names()} for key, run in task.runs.items()})
