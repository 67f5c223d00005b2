"""Worker processes live as long as the call."""

import os
import platform
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from joblib import Parallel, delayed
from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.process_executor import TerminatedWorkerError
from small_context import make_context

from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.benchmarks.running.backends import processes
from strokebench.benchmarks.running.backends.processes import Processes, start_worker, worker_processes
from strokebench.benchmarks.running.plans import fits
from strokebench.benchmarks.running.store import Store
from strokebench.benchmarks.running.task import Ended


def look_always() -> int:
    from joblib.externals.loky import process_executor

    process_executor._MEMORY_LEAK_CHECK_DELAY = 0
    return os.getpid()


def grow() -> int:
    import builtins

    builtins.kept = bytearray(b"1") * (400 * 2**20)
    return os.getpid()


def test_a_worker_whose_later_fit_needs_more_goes_on():
    with ProcessPoolExecutor(1, initializer=start_worker) as workers:
        assert len({workers.submit(task).result() for task in (look_always, grow, grow, os.getpid)}) == 1


def test_a_home_may_have_any_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "Jörg's 100% #1"))
    with worker_processes():
        assert Parallel(n_jobs=2)([delayed(np.sum)(np.ones(200_000)) for _ in range(2)]) == [200_000] * 2


def test_arrays_lie_elsewhere_where_no_permissions_can_be_set(home: Path, monkeypatch: pytest.MonkeyPatch):
    """As on a drive of Windows within WSL: joblib ends by it."""

    def refuse(*_):
        raise PermissionError

    assert processes._scratch() == home / "scratch" / platform.node()
    monkeypatch.setattr(Path, "chmod", refuse)
    assert processes._scratch() is None


def pool_of_a_method() -> list[int]:
    from multiprocessing import Pool

    with Pool(1) as pool:
        return pool.map(abs, [-1])


def test_a_method_may_start_a_pool_of_its_own():
    with ProcessPoolExecutor(1, initializer=start_worker) as workers:
        assert workers.submit(pool_of_a_method).result(timeout=30) == [1]


@pytest.mark.parametrize("begun", [True, False])
def test_a_run_that_another_call_computes_as_a_worker_dies_is_waited_for(tmp_path, monkeypatch, begun: bool):
    """Its lock looks like that of the run whose worker died; where there is no lock at all, an end is found too."""
    context, store, looks = make_context(methods=("svm",)), Store(tmp_path), []
    tasks = fits({context.key(run): (run, context) for run in Table1().plan(context).runs})

    def stream(tasks, material, store, jobs, wait=False):
        looks.append(([task.key for task in tasks], wait))
        if len(looks) == 1 or (not begun and not wait):
            raise TerminatedWorkerError
        for task in tasks:
            yield Ended(task.key, "done" if wait else "busy")

    monkeypatch.setattr(processes, "_stream", stream)
    with store.lock(tasks[0].key) if begun else nullcontext():
        ended = [(task.key, each.status) for task, each in Processes(2).compute(tasks, context.material, store)]
    keys = [task.key for task in tasks]
    assert ended == [(key, "done" if begun else "failed") for key in keys]
    assert not begun or looks[-1] == (keys, True)


def test_a_worker_that_dies_while_it_waits_for_another_call_ends_nothing(tmp_path: Path, monkeypatch):
    context, store, waited = make_context(methods=("svm",)), Store(tmp_path), []
    tasks = fits({context.key(run): (run, context) for run in Table1().plan(context).runs})

    def stream(tasks, material, store, jobs, wait=False):
        if not wait:
            yield from (Ended(task.key, "busy") for task in tasks)
            return
        waited.append(len(tasks))
        if len(waited) == 1:
            raise TerminatedWorkerError
        yield from (Ended(task.key, "done") for task in tasks)

    monkeypatch.setattr(processes, "_stream", stream)
    ended = {task.key: each.status for task, each in Processes(2).compute(tasks, context.material, store)}
    assert ended == {task.key: "done" for task in tasks} and waited[:2] == [len(tasks), 1]


def test_a_stop_midway_does_not_warn_that_fits_are_lost(tmp_path: Path, recwarn: pytest.WarningsRecorder):
    context = make_context(methods=("logistic_regression",), folds=5)
    tasks = fits({context.key(run): (run, context) for run in Table1().plan(context).runs})
    stream = Processes(2).compute(tasks, context.material, Store(tmp_path))
    next(stream)
    stream.close()
    assert not [warning.message for warning in recwarn if "cancelled" in str(warning.message)]
