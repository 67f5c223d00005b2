"""Worker processes live as long as the call."""

import os
from pathlib import Path

import pytest
from joblib.externals.loky import ProcessPoolExecutor
from small_context import make_context

from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.benchmarks.running.backends.processes import Processes, start_worker
from strokebench.benchmarks.running.plans import fits
from strokebench.benchmarks.running.store import Store


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


def test_a_stop_midway_does_not_warn_that_fits_are_lost(tmp_path: Path, recwarn: pytest.WarningsRecorder):
    context = make_context(methods=("logistic_regression",), folds=5)
    tasks = fits({context.key(run): (run, context) for run in Table1().plan(context).runs})
    stream = Processes(2).compute(tasks, context.material, Store(tmp_path))
    next(stream)
    stream.close()
    assert not [warning.message for warning in recwarn if "cancelled" in str(warning.message)]
