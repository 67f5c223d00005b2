"""`strokebench speed-scale`: measure every stage at every size, and write table and figure."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from strokebench.benchmarks.measuring.scale import SHARE, STAGES, Cost, expected, free_mb, measure_apart
from strokebench.benchmarks.measuring.scale_data import write_cohort
from strokebench.benchmarks.measuring.sizes import USUAL, CohortSizes
from strokebench.benchmarks.running.provenance import machine
from strokebench.errors import StrokebenchError, unknown_name
from strokebench.files import home
from strokebench.reports.measured.scale import Growth, draw_scale, scale_table
from strokebench.reports.tables.section import Panel, Section, publish

Costs = dict[str, dict[int, Cost]]
LeftOut = dict[str, dict[int, str]]


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
    chosen = [name for name in STAGES if name in stages or not stages]
    costs: Costs = {name: {} for name in chosen}
    left_out: LeftOut = {name: {} for name in chosen}
    for n in sorted(sizes):
        _measure(console, n, costs, left_out, widths)
    growths = [
        Growth(
            STAGES[name].label,
            {n: cost.seconds for n, cost in costs[name].items()},
            {n: cost.peak_mb for n, cost in costs[name].items()},
            left_out[name],
        )
        for name in chosen
    ]
    about = "; ".join(filter(None, [machine(), workload, f"{datetime.now(UTC):%Y-%m-%d}"]))
    panels = [
        Panel(
            "scale",
            scale_table(growths, sorted(sizes), about),
            shows="What each stage costs as patients grow, and by which power of their number.",
            does_not_show="Whether the methods become better with more patients: these are random numbers.",
        ),
        Panel(
            "scale_picture",
            draw_scale(growths, about),
            title="Time and memory by number of patients",
            shows="Lines that are steeper than the grey ones grow faster than the number of patients.",
            does_not_show="Speed on other machines.",
        ),
    ]
    folder = home("results", "scale")
    console.print(publish(Section("scale", "Scale", "made-up embeddings", panels), folder))
    console.print(f"Written to {folder}", soft_wrap=True, style="dim")


def _measure(console: Console, n: int, costs: Costs, left_out: LeftOut, widths: CohortSizes) -> None:
    folder = home("scale", str(n))
    _check_room(folder, n * widths.bytes_per_patient)
    try:
        with console.status(f"Writing {n:,} patients"):
            write_cohort(folder, n, widths)
        for name, known in costs.items():
            if (need := expected(known, n)) > SHARE * free_mb():
                left_out[name][n] = f"it would need about {need / 1e3:.0f} GB"
                continue
            with console.status(f"{n:,} patients: {STAGES[name].label}"):
                try:
                    known[n] = measure_apart(name, folder)
                except StrokebenchError as error:
                    left_out[name][n] = error.message
                    continue
            cost = known[n]
            seconds = f"{cost.seconds:.2f} s ({cost.wall_seconds:.2f} s on the clock)"
            console.print(f"{n:>9,}  {STAGES[name].label}: {seconds}, {cost.peak_mb:,.0f} MB")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_room(folder: Path, size: int) -> None:
    """Refuse what the disk cannot take: `size` bytes of embeddings, and twice that of a fold made of them."""
    home().mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(home()).free < (need := 3.2 * size):
        raise StrokebenchError(
            f"{folder}: {need / 1e9:.1f} GB of embeddings and a fold made of them do not fit on the disk.",
            "Set STROKEBENCH_HOME elsewhere.",
        )
