"""How do time and memory of each stage grow with the number of patients? One process a stage and size."""

import ctypes
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from math import isnan
from pathlib import Path

from rich.console import Console

from strokebench.benchmarks.measuring.peers import THREADS
from strokebench.benchmarks.measuring.scale_data import write_cohort
from strokebench.benchmarks.measuring.scale_stages import STAGES
from strokebench.benchmarks.measuring.sizes import USUAL, CohortSizes
from strokebench.benchmarks.running.memory import PeakMemory, held
from strokebench.benchmarks.running.provenance import machine
from strokebench.benchmarks.running.task import one_thread
from strokebench.errors import StrokebenchError, unknown_name
from strokebench.files import home
from strokebench.reports.measured.scale import Cost, Growth, draw_scale, exponent, scale_table
from strokebench.reports.tables.section import Panel, Section, publish_and_show

SHARE = 0.8
"""Of the memory that is free just now; a stage that must need more is not begun."""
LONGEST = 300.0
"""Seconds; a stage that must take longer is not begun either."""


def bench(
    console: Console, sizes: Sequence[int], stages: Sequence[str], workload: str = "", widths: CohortSizes = USUAL
) -> None:
    """Measure these stages at these sizes, show the table and write it below `results/scale`.

    Args:
        workload: what else the machine was doing, for the caption.
        widths: of the embeddings.

    Raises:
        StrokebenchError: an unknown stage, too few patients, or not enough room on disk.
    """
    if unknown := set(stages) - set(STAGES):
        raise unknown_name("stage", min(unknown), STAGES)
    growths = {name: Growth(stage.label) for name, stage in STAGES.items() if name in stages or not stages}
    for n in sorted(sizes):
        _measure_all(console, n, growths, widths)
    table = f"a table of {widths.columns:,} columns" if widths.columns > USUAL.columns else ""
    about = "; ".join(filter(None, [machine(), table, workload, f"{datetime.now(UTC):%Y-%m-%d}"]))
    panels = [
        Panel(
            "scale",
            scale_table(list(growths.values()), sorted(sizes), about),
            shows="What each stage costs as patients grow, and by which power of their number.",
            does_not_show="Whether the methods become better with more patients: these are random numbers.",
        ),
        Panel(
            "scale_picture",
            draw_scale(list(growths.values()), about),
            title="Time and memory by number of patients",
            shows="Lines that are steeper than the grey ones grow faster than the number of patients.",
            does_not_show="Speed on other machines.",
        ),
    ]
    publish_and_show(Section("scale", "Scale", "made-up embeddings", panels), home("results", "scale"), console)


def _measure_all(console: Console, n: int, growths: Mapping[str, Growth], widths: CohortSizes) -> None:
    folder = home("scale", str(n))
    home().mkdir(parents=True, exist_ok=True)
    # The embeddings, and twice as much of a fold made of them.
    if shutil.disk_usage(home()).free < (need := 3.2 * n * widths.bytes_per_patient):
        raise StrokebenchError(
            f"{folder}: {need / 1e9:.1f} GB of embeddings and a fold made of them do not fit on the disk.",
            "Set STROKEBENCH_HOME elsewhere.",
        )
    try:
        with console.status(f"Writing {n:,} patients"):
            write_cohort(folder, n, widths)
        for name, growth in growths.items():
            if (need := expected(growth.costs, n)) > SHARE * free_mb():
                growth.left_out[n] = f"it would need about {need / 1e3:.0f} GB"
                continue
            if (long := foreseen(growth.values("seconds"), n)) > LONGEST:
                growth.left_out[n] = f"it would take about {long / 60:.0f} minutes"
                continue
            with console.status(f"{n:,} patients: {growth.label}"):
                try:
                    cost = growth.costs[n] = measure_apart(name, folder)
                except StrokebenchError as error:
                    growth.left_out[n] = error.message
                    continue
            seconds = f"{cost.seconds:.2f} s ({cost.wall_seconds:.2f} s on the clock)"
            console.print(f"{n:>9,}  {growth.label}: {seconds}, {cost.peak_mb:,.0f} MB")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(stage: str, folder: Path) -> Cost:
    """Measure one stage in this process, on one thread."""
    with one_thread():
        given = STAGES[stage].before(folder)
        # What the preparation freed would be used again, and counted as none. Other systems have no such call.
        with suppress(AttributeError, OSError, TypeError):
            ctypes.CDLL(None).malloc_trim(0)
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
    # Temporary results of a stage go with it; beside the cohort, for the usual place may be in memory.
    with tempfile.TemporaryDirectory(dir=folder) as written:
        environment = {**os.environ, **dict.fromkeys(THREADS, "1"), "STROKEBENCH_HOME": written}
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


def foreseen(sizes: Mapping[int, float], n: int) -> float:
    """Seconds that n patients will take if they grow on as between the two largest sizes; 0 where fewer are known."""
    growth = exponent(sizes)
    return 0.0 if isnan(growth) else sizes[max(sizes)] * (n / max(sizes)) ** growth


def free_mb() -> float:
    """Memory that can be had without swapping; infinite where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return float("inf")
    return next(int(line.split()[1]) * 1.024e-3 for line in lines if line.startswith("MemAvailable"))


if __name__ == "__main__":
    print(json.dumps(asdict(measure(sys.argv[1], Path(sys.argv[2])))))  # noqa: T201
