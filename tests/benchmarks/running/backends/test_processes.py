"""Worker processes live as long as the call."""

import os

from joblib.externals.loky import ProcessPoolExecutor

from strokebench.benchmarks.running.backends.processes import start_worker


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
