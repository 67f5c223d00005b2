"""Fits on a Dask cluster, and thereby on SLURM or Kubernetes: results come back, and no disk need be shared."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from strokebench.benchmarks.keys.code import code_fingerprint, package_versions
from strokebench.benchmarks.running.fit import Material
from strokebench.benchmarks.running.store import Store
from strokebench.benchmarks.running.task import Computed, Ended, Task, compute
from strokebench.errors import StrokebenchError
from strokebench.methods.registry import find_method

if TYPE_CHECKING:
    from distributed import Client


def compute_on_cluster(
    tasks: Sequence[Task], material: Material, store: Store, jobs: int, scheduler: str | None
) -> Iterator[tuple[Task, Ended]]:
    """Compute tasks on the workers of a Dask scheduler; give each as it ends, in any order.

    What a lost worker was computing is computed again by another, which is Dask's own doing. A task that takes
    down its workers, also when it is alone, is recorded as failed. (Dask's futures and not joblib's Dask backend:
    that one ends as a whole when a worker dies, and does not say of which task.)

    Args:
        jobs: workers of the cluster of this machine, where there is no `scheduler`.
        scheduler: address, `tcp://host:8786`.

    Raises:
        StrokebenchError: Dask is not installed, or the scheduler cannot be reached.
    """
    with _client(jobs, scheduler) as client:
        suspects: list[Task] = []
        for task, outcome in _outcomes(client, tasks, material):
            if outcome is None:
                suspects.append(task)
            else:
                yield task, Ended(task.key, outcome.commit(store))
        # A task can be blamed for a neighbour that took its worker down; alone, it can show that it is innocent.
        for task in suspects:
            [(_, outcome)] = _outcomes(client, [task], material)
            outcome = outcome or _failed(task, "Every worker that computed it died, perhaps for lack of memory.")
            yield task, Ended(task.key, outcome.commit(store))


def _outcomes(client: Client, tasks: Sequence[Task], material: Material) -> Iterator[tuple[Task, Computed | None]]:
    """What came of each task as it ends; None where its workers died."""
    from distributed import as_completed
    from distributed.scheduler import KilledWorker

    # As the result of a task of its own, it goes to each worker once, and is there again when a worker is lost.
    held = client.submit(_material, material, pure=False)
    futures = {client.submit(_remote, task, held, pure=False): task for task in tasks}
    try:
        for future in as_completed(futures):
            try:
                yield futures[future], future.result()
            except KilledWorker:
                yield futures[future], None
    finally:
        client.cancel([held, *futures])


def _material(material: Material) -> Material:
    return material


def _remote(task: Task, material: Material) -> Computed:
    """On a worker: refuse to compute with other code than the one that planned the run."""
    method = task.first.method
    here = code_fingerprint(find_method(method).__module__), package_versions()
    if here != (task.about.get("code_sha256", here[0]), task.about.get("versions", here[1])):
        return _failed(task, "This worker has another version of strokebench or of a library than the rest.")
    return compute(task, material)


def _failed(task: Task, told: str) -> Computed:
    # Not the records of its start: nobody knows where and when that was.
    return Computed.failed(told, {key: {"key": key, **run.names()} for key, run in task.runs.items()})


@contextlib.contextmanager
def _client(jobs: int, scheduler: str | None) -> Iterator[Client]:
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise StrokebenchError("Dask is not installed.", "pip install 'strokebench[cluster]'.") from None
    if scheduler is None:
        with (
            LocalCluster(n_workers=jobs, threads_per_worker=1, dashboard_address=None) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = Client(scheduler, timeout="10s")
    except (OSError, ValueError) as error:
        raise StrokebenchError(
            f"The Dask scheduler at {scheduler} cannot be reached: {error}",
            "Start one with `dask scheduler`, and workers with `dask worker ADDRESS --nthreads 1`.",
        ) from None
    with client:
        yield client
