"""How the cost of each stage grows with the number of patients: a table and a figure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strokebench.reports.tables.style import INK, LOOKS, SOFT, look, plain
from strokebench.reports.tables.table import DASH, Cell, Column, Kind, Row, Table

LEAST_MB = 1.0
"""Memory below this is not told from none."""


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


@dataclass(frozen=True)
class Growth:
    """One stage at several sizes: what it cost, or why it was not measured, by number of patients."""

    label: str
    costs: dict[int, Cost] = field(default_factory=dict)
    left_out: dict[int, str] = field(default_factory=dict)

    def values(self, name: str, least: float = 0.0) -> dict[int, float]:
        """One of the costs by number of patients, ascending; those below `least` left out."""
        found = {n: getattr(cost, name) for n, cost in sorted(self.costs.items())}
        return {n: value for n, value in found.items() if value >= least}


def exponent(sizes: Mapping[int, float]) -> float:
    """b of `size ** b` between the two largest sizes: 1 is linear, 0 is constant. NaN where fewer are known."""
    known = sorted((n, value) for n, value in sizes.items() if value > 0)
    if len(known) < 2:
        return float("nan")
    (n, value), (more, larger) = known[-2:]
    return float(np.log(larger / value) / np.log(more / n))


def scale_table(stages: Sequence[Growth], sizes: Sequence[int], about: str) -> Table:
    """One row a stage: seconds and megabytes at each size, each with its exponent; machine and date."""
    columns = [Column(f"s_{n}", f"{n:,}: time", Kind.TEXT) for n in sizes]
    columns += [Column("s_growth", "Growth", Kind.TEXT)]
    columns += [Column(f"mb_{n}", f"{n:,}: memory", Kind.TEXT) for n in sizes]
    columns += [Column("mb_growth", "Growth", Kind.TEXT)]
    rows = [Row(f"stage{number}", stage.label, "", _cells(stage, sizes)) for number, stage in enumerate(stages)]
    skipped = [f"{stage.label}, {n:,} patients: {why}" for stage in stages for n, why in stage.left_out.items()]
    last = [f"{n:,}" for n in sorted(sizes)[-2:]]
    return Table(
        name="scale",
        title="Cost by number of patients",
        cohort="made-up embeddings",
        caption=f"One thread, one measurement each in a process of its own. {about}.",
        columns=columns,
        rows=rows,
        notes=[
            "Time: processor seconds, which other work on the machine hardly changes.",
            "Memory: the peak of the process's own memory above what it held before the stage; pages of the "
            "embeddings and of what is made of them, mapped from disk, come on top as far as memory is free.",
            f"Growth: exponent b of patients^b from {' to '.join(last)} patients; 1 is linear.",
            *(f"Not measured: {part}." for part in skipped),
        ],
        facts={"cohort": "made-up embeddings"},
        head="Stage",
        counts_runs=False,
    )


def draw_scale(stages: Sequence[Growth], about: str) -> Figure:
    """Time and memory against the number of patients, both axes logarithmic; the grey lines are linear growth."""
    figure = Figure(figsize=(12, 5.4), layout="constrained")
    axes = figure.subplots(1, 2)
    for place, name, title, unit in (
        (axes[0], "seconds", "Processor time", _seconds),
        (axes[1], "peak_mb", f"Memory above what was held before (from {LEAST_MB:.0f} MB)", _megabytes),
    ):
        for number, stage in enumerate(stages):
            values = stage.values(name, 0.0 if name == "seconds" else LEAST_MB)
            (colour, shape), inside = look(number)
            # Colours come round again, in other lines and within the marks.
            again = number // len(LOOKS) % 4
            place.plot(
                list(values), list(values.values()), ("-", "--", ":", "-.")[again], color=colour, marker=shape,
                markersize=6, markerfacecolor=inside, linewidth=1.4,
                label=stage.label.replace("`", ""),
            )  # fmt: skip
        place.set_title(title, loc="left", fontsize=10, color=INK)
        if any(len(line.get_xdata()) for line in place.lines):
            _linear_growth(place)
            _frame(place, sorted({n for stage in stages for n in stage.costs}), unit)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", frameon=False, fontsize=8.5)
    figure.suptitle(f"Cost by number of patients: made-up embeddings\n{about}", fontsize=10, color=INK)
    return figure


def _cells(stage: Growth, sizes: Sequence[int]) -> dict[str, Cell]:
    cells: dict[str, Cell] = {}
    last = sorted(sizes)[-2:]
    for key, name, least, unit in (("s", "seconds", 0.0, _seconds), ("mb", "peak_mb", LEAST_MB, _megabytes)):
        values = stage.values(name)
        cells |= {f"{key}_{n}": Cell(text=unit(values[n]) if n in values else DASH) for n in sizes}
        growth = exponent({n: value for n, value in values.items() if n in last and value >= least})
        cells[f"{key}_growth"] = Cell(text=DASH if np.isnan(growth) else f"{growth:.2f}")
    return cells


def _seconds(value: float) -> str:
    return f"{1000 * value:.0f} ms" if value < 1 else f"{value:.1f} s" if value < 100 else f"{value:,.0f} s"


def _megabytes(value: float) -> str:
    return (
        f"< {LEAST_MB:.0f} MB" if value < LEAST_MB else f"{value:,.0f} MB" if value < 1000 else f"{value / 1e3:.1f} GB"
    )


def _linear_growth(axes: Axes) -> None:
    """Grey lines of slope 1 behind what is drawn."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    left, right = axes.get_xlim()
    low, high = axes.get_ylim()
    starts = 10.0 ** np.arange(np.floor(np.log10(low / right * left)), np.ceil(np.log10(high)) + 1)
    for number, (start, _) in enumerate(pairwise(starts)):
        label = "" if number else "linear growth"
        axes.plot([left, right], [start, start * right / left], color="#d5d9dd", linewidth=0.8, zorder=0, label=label)
    axes.set_xlim(left, right)
    axes.set_ylim(low, high)


def _frame(axes: Axes, sizes: Sequence[int], unit: Callable[[float], str]) -> None:
    """Ticks at the sizes that were measured, and powers of ten in the units of the table."""
    axes.set_xlabel("patients", color=INK)
    axes.set_xticks(sizes, [f"{n:,}" for n in sizes])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(lambda value, _: unit(value).replace(".0 ", " "))
    plain(axes, None)
    axes.tick_params(labelcolor=SOFT)
