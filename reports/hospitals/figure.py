"""Figure 5: a panel a hospital, every metric that is a percentage of every method."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from strokebench.reports.hospitals.table import Hospital, summaries, worst_hospital
from strokebench.reports.results import Results
from strokebench.reports.table1.figure import CHANCE
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.style import INK, LOOKS, PALE, SOFT, dots, head, plain

WIDTH = 0.7
"""Of the room between two metrics, taken by the methods."""


def draw_hospitals(results: Results) -> Figure:
    """Dots with their deviation over seeds, by metric and method; shape and colour tell the method."""
    found = summaries(results)
    worst = worst_hospital(results)
    lines = max(1, -(-len(found) // 2))
    figure = Figure(figsize=(9, 2.45 * lines + 0.9), layout="constrained")
    grid = list(figure.subplots(lines, 2, squeeze=False).flat)
    for axes, (hospital, rows) in zip(grid, found, strict=False):
        _panel(axes, results, hospital, rows)
        title = f"{hospital.name}: {hospital.facts}" + (" (lowest AUC)" if hospital == worst else "")
        axes.set_title(title, loc="left", fontsize=9.5, fontweight="bold", color=INK)
    for axes in grid[len(found) :]:
        axes.remove()
    head(figure, f"{words.setting_line(results)}. Percent, mean over seeds, bar = population standard deviation.")
    _legend(figure, results)
    return figure


def look(number: int) -> tuple[tuple[str, str], bool]:
    """Colour and shape of the method of this number, and whether it is hollow, which it is from the seventh on."""
    return LOOKS[number % len(LOOKS)], number >= len(LOOKS)


def _panel(axes: Axes, results: Results, hospital: Hospital, rows: Sequence[Mapping[str, Any]]) -> None:
    names = [method.name for method in results.methods]
    metrics = [name for name, metric in results.judged_by.items() if metric.unit == "%"]
    for row in rows:
        number = names.index(row["method"])
        shift = WIDTH * ((number + 0.5) / len(names) - 0.5)
        dots(
            axes,
            [place + shift for place in range(len(metrics))],
            [100 * row[metric] for metric in metrics],
            *look(number),
            yerr=[100 * row[f"{metric}_std"] for metric in metrics],
            alpha=1 if row["done"] == row["planned"] else 0.45,
        )
    for place, metric in enumerate(metrics):
        if hospital.n and all(math.isnan(row[metric]) for row in rows if row["done"]):
            axes.text(place, 50, "undefined", rotation=90, ha="center", va="center", fontsize=8, color=SOFT)
    if not hospital.n:
        axes.text(0.5, 0.5, "no finished run", transform=axes.transAxes, ha="center", fontsize=9, color=SOFT)
    axes.plot([-0.5, 0.5], [CHANCE, CHANCE], color=SOFT, linestyle=":", linewidth=1.2)
    for place in range(1, len(metrics)):
        axes.axvline(place - 0.5, color=PALE, linewidth=0.8)
    axes.set_xticks(range(len(metrics)), metrics, fontsize=8.5)
    axes.set_xlim(-0.5, len(metrics) - 0.5)
    axes.set_ylim(0, 100)
    axes.set_yticks(range(0, 101, 25))
    axes.tick_params(axis="x", length=0)
    axes.tick_params(axis="y", labelsize=8.5)
    plain(axes, "y")


def _legend(figure: Figure, results: Results) -> None:
    handles = []
    for number, method in enumerate(results.methods):
        (colour, shape), hollow = look(number)
        fill = "white" if hollow else colour
        handles.append(Line2D([], [], linestyle="", marker=shape, color=fill, markeredgecolor=INK, label=method.label))
    handles.append(Line2D([], [], color=SOFT, linestyle=":", linewidth=1.2, label="chance (AUC)"))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(6, len(handles)), frameon=False, fontsize=8.5)
