"""How do time and memory of each stage grow with the number of patients? One process a stage and size."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from strokebench.benchmarks.measuring.scale_stages import STAGES
from strokebench.benchmarks.running.memory import PeakMemory, held
from strokebench.benchmarks.running.task import one_thread
from strokebench.errors import StrokebenchError

SHARE = 0.8
"""Of the memory that is free just now; a stage that must need more is not begun."""


@dataclass(frozen=True)
class Cost:
    """What one stage cost; MB of 10^6 bytes.

    Args:
        seconds: processor time, which other work on the machine hardly changes; all stages run on one thread.
        wall_seconds: what a clock on the wall says.
        peak_mb: the peak of the process's own memory (Linux: anonymous pages) above what it held before. Pages of
            mapped embeddings are not in it: the system takes them back when it needs them.
        total_mb: the peak of the process's own memory altogether, its preparations and libraries included.
    """

    seconds: float
    wall_seconds: float
    peak_mb: float
    total_mb: float


def measure(stage: str, folder: Path) -> Cost:
    """Measure one stage in this process, on one thread."""
    with one_thread():
        given = STAGES[stage].before(folder)
        with PeakMemory(partial(held, "RssAnon"), longest=0.005) as own:
            start, wall = time.process_time(), time.perf_counter()
            STAGES[stage].work(given)
            seconds, wall = time.process_time() - start, time.perf_counter() - wall
    return Cost(seconds, wall, own.megabytes, own.peak / 1e6)


def measure_apart(stage: str, folder: Path) -> Cost:
    """The same in a process of its own.

    Raises:
        StrokebenchError: it ended without a result; says how.
    """
    command = [sys.executable, "-m", "strokebench.benchmarks.measuring.scale", stage, str(folder)]
    one = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    # Temporary results of a stage go with it; beside the cohort, for the usual place may be in memory.
    with tempfile.TemporaryDirectory(dir=folder) as written:
        environment = {**os.environ, **one, "STROKEBENCH_HOME": written}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise StrokebenchError(f"{stage} ended with status {done.returncode}: {last}")
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def expected(sizes: Mapping[int, Cost], n: int) -> float:
    """Megabytes of the whole process that n patients will take at least, from the largest size measured."""
    if not sizes:
        return 0.0
    largest = max(sizes)
    return sizes[largest].peak_mb * n / largest + sizes[largest].total_mb - sizes[largest].peak_mb


def free_mb() -> float:
    """Memory that can be had without swapping; infinite where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return float("inf")
    return next(int(line.split()[1]) * 1.024e-3 for line in lines if line.startswith("MemAvailable"))


if __name__ == "__main__":
    print(json.dumps(asdict(measure(sys.argv[1], Path(sys.argv[2])))))  # noqa: T201
