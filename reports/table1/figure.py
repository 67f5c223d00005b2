"""Table 1 as a picture."""

from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from strokebench.reports.statistics.intervals import Interval
from strokebench.reports.tables.hover import ON_HOVER
from strokebench.reports.tables.style import INK, LOOKS, ROWS, SOFT, dots, head, legend_below, plain, short_name
from strokebench.reports.tables.table import MEASURES, PAPER_LABEL, Column, Kind, Row, Table, show

CHANCE = 50.0
RANKING = ("AUC", "c")
"""Metrics that are `CHANCE` where nothing is known."""


def draw_table1(table: Table, metric: str = "", intervals: Mapping[str, Interval] | None = None) -> Figure:
    """A dot a method with its deviation over runs or its interval; the oracle dashed, the paper's number hollow.

    Args:
        table: from `strokebench.reports.table1.table.table1`, or any table with a measured column `metric`.
        metric: default: the first column. intervals: by key of a row, in place of the deviation.
    """
    intervals = intervals or {}
    groups = [(group, rows) for group, rows in table.groups if not all(row.reference for row in rows)]
    lines = sum(len(rows) + 1 for _, rows in groups)
    figure = Figure(figsize=(8.2, 1.75 + 0.29 * lines), layout="constrained")
    axes = figure.add_subplot()
    column = table.column(metric) if metric else table.columns[0]
    height = 0
    ticks: list[tuple[int, str]] = []
    for number, (group, rows) in enumerate(groups):
        axes.text(-0.012, height, group, transform=axes.get_yaxis_transform(), ha="right", va="center", color=SOFT,
                  fontsize=9, fontweight="bold")  # fmt: skip
        height += 1
        look = LOOKS[number % len(LOOKS)]
        for row in rows:
            label = short_name(row.label)
            ticks.append((height, label if row.complete else f"{label} ({row.done}/{row.planned} runs)"))
            lacking = "undefined in a test part" if row.done else "no finished run"
            draw_mean(axes, row, column, height, look, lacking, intervals.get(row.key))
            if (paper := row.cells[column.key].paper) is not None:
                axes.plot(paper.mean, height, look[1], markersize=8, color="white", markeredgecolor=INK, zorder=4,
                          label=PAPER_LABEL)  # fmt: skip
            height += 1
    handles: list[Line2D] = []
    for row in table.rows:
        if row.reference and (value := row.cells[column.key].value) is not None:
            label = f"{row.label}, {show(row.cells[column.key], column.kind).split(' (')[0]}"
            line = axes.axvline(column.scale * value, color=INK, linestyle="--", linewidth=1.2, zorder=0, label=label)
            handles.append(line)
    axes.set_yticks([place for place, _ in ticks], [label for _, label in ticks])
    axes.set_ylim(height - 0.4, -0.6)
    bar = "95 % interval" if intervals else "population standard deviation"
    axes.set_xlabel(f"{axis_title(column)}: mean over runs, bar = {bar}", color=INK)
    facts = [f"{name} {table.facts[name]}" for name in ("outcome", "protocol") if table.facts.get(name)]
    axes.set_title(fill(", ".join(facts), 55), loc="left", fontsize=9, color=SOFT)
    plain(axes, "x", ROWS)
    head(figure, f"{table.short_title}: {table.cohort}", 11, "bold", INK)
    shared_legend(figure, axes, handles, [table], column, f"hollow: {PAPER_LABEL}", "o")
    return figure


def draw_mean(
    axes: Axes,
    row: Row,
    column: Column,
    height: float,
    look: tuple[str, str],
    lacking: str,
    interval: Interval | None = None,
) -> None:
    """A mean with its interval, or without one its standard deviation, as a bar, pale where runs are missing; `lacking`
    where there is none."""
    cell = row.cells[column.key]
    if cell.value is None:
        axes.text(0.01, height, lacking, transform=axes.get_yaxis_transform(), va="center", color=SOFT, fontsize=8,
                  style="italic", bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip
    else:
        ends = [cell.std or 0] * 2 if interval is None else [cell.value - interval.low, interval.high - cell.value]
        bar, alpha = column.scale * np.nan_to_num(ends).clip(0)[:, None], 1 if row.complete else 0.45
        said = f"{row.label}: {interval.text(*MEASURES[column.kind]) if interval else show(cell, column.kind)}"
        dots(axes, column.scale * cell.value, height, look, xerr=bar, markersize=7, alpha=alpha, gid=ON_HOVER + said)


def axis_title(column: Column) -> str:
    """`AUC in percent`, or the title alone."""
    return f"{column.title} in percent" if column.kind is Kind.PERCENT else column.title


def shared_legend(
    figure: Figure, axes: Axes, handles: list[Line2D], tables: Sequence[Table], column: Column, paper: str, shape: str
) -> None:
    """The legend below a figure: what is drawn there besides, the paper's numbers, and chance, which gets its line."""
    if any(row.cells[column.key].paper for table in tables for row in table.rows):
        handles.append(Line2D([], [], marker=shape, linestyle="", color="white", markeredgecolor=INK, label=paper))
    if column.key in RANKING:
        handles.append(axes.axvline(CHANCE, color=SOFT, linestyle=":", linewidth=1, label="chance"))
    legend_below(figure, handles)
