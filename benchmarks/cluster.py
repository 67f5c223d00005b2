"""Fits on a Dask cluster, and thereby on SLURM or Kubernetes: results come back, and no disk need be shared."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from strokebench.benchmarks.fingerprint import code_fingerprint, package_versions
from strokebench.benchmarks.fit import Material
from strokebench.benchmarks.store import Store
from strokebench.benchmarks.workers import Ended, Outcome, Task, compute
from strokebench.datasets.files import StrokebenchError
from strokebench.methods.registry import find_method

if TYPE_CHECKING:
    from distributed import Client


def compute_on_cluster(
    tasks: Sequence[Task], material: Material, store: Store, jobs: int, scheduler: str | None
) -> Iterator[tuple[Task, Ended]]:
    """Compute tasks on the workers of a Dask scheduler; give each as it ends, in any order.

    What a lost worker was computing is computed again by another, which is Dask's own doing. A task whose
    workers die three times is recorded as failed.

    Args:
        jobs: workers of the cluster of this machine, where there is no `scheduler`.
        scheduler: address, `tcp://host:8786`.

    Raises:
        StrokebenchError: Dask is not installed, or the scheduler cannot be reached.
    """
    from joblib import Parallel, delayed, parallel_config

    with _client(jobs, scheduler) as client:
        from distributed.scheduler import KilledWorker

        pending = {task.key: task for task in tasks if store.status(task.key) != "done"}
        for task in tasks:
            if task.key not in pending:
                yield task, Ended(task.key, "done")
        together = True
        while pending:
            group = list(pending.values()) if together else [next(iter(pending.values()))]
            # The material goes to each worker once.
            with parallel_config("dask", scatter=[material], client=client):
                stream = Parallel(n_jobs=-1, return_as="generator_unordered", batch_size=1)(
                    delayed(_remote)(task, material) for task in group
                )
                try:
                    for key, outcome in stream:
                        yield pending.pop(key), Ended(key, outcome.commit(store))
                except KilledWorker as error:
                    if together:
                        # Which task it was is not said: one after the other tells.
                        together = False
                        continue
                    [task] = group
                    del pending[task.key]
                    told = f"Every worker that computed it died, perhaps for lack of memory.\n{error}"
                    yield task, Ended(task.key, _failed(task, told).commit(store))
                finally:
                    stream.close()


def _remote(task: Task, material: Material) -> tuple[str, Outcome]:
    """On a worker: refuse to compute with other code than the one that planned the run."""
    method = next(iter(task.runs.values())).method
    here = code_fingerprint(find_method(method).__module__), package_versions()
    if here != (task.about.get("code_sha256", here[0]), task.about.get("versions", here[1])):
        return task.key, _failed(task, "This worker has another version of strokebench or of a library than the rest.")
    return task.key, compute(task, material)


def _failed(task: Task, told: str) -> Outcome:
    return Outcome({key: {"key": key, **run.names(), "error": told} for key, run in task.runs.items()}, {})


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
