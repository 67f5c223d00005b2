"""Figure 5: a panel a hospital, every metric that is a percentage of every method."""

import math
from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from strokebench.reports.hospitals.chance import Chance, by_hospital
from strokebench.reports.hospitals.pooled import pooled
from strokebench.reports.hospitals.table import Hospital, summaries, worst_hospital
from strokebench.reports.results import Results
from strokebench.reports.statistics.random_effects import Pooled
from strokebench.reports.table1.figure import CHANCE
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.hover import ON_HOVER
from strokebench.reports.tables.style import (
    INK,
    LOOKS,
    PALE,
    ROWS,
    SOFT,
    dots,
    head,
    legend_below,
    look,
    plain,
    short_name,
)

WIDTH = 0.7
"""Of the room between two metrics, taken by the methods."""
PANELS = 8
"""More hospitals than this have no panel each: they would fill pages."""
TOGETHER = ("all, pooled", "a further one")
"""The rows below the hospitals of a forest plot."""
ACROSS, PAGE = 4, 10.5
"""Methods beside each other in a forest plot, and the inches of its height at most."""


def draw_hospitals(results: Results) -> Figure:
    """Dots with their deviation over seeds, by metric and method; shape and colour tell the method."""
    found = summaries(results)
    worst = worst_hospital(results)
    lines = max(1, -(-len(found) // 2))
    figure = Figure(figsize=(9, 2.45 * lines + 0.9), layout="constrained")
    grid = list(figure.subplots(lines, 2, squeeze=False).flat)
    for axes, (hospital, rows) in zip(grid, found, strict=False):
        _panel(axes, results, hospital, rows)
        lowest = f" (lowest {results.endpoint.ranked_by})" if hospital == worst else ""
        title = f"{hospital.name}: {hospital.facts}{lowest}"
        axes.set_title(fill(title, 52), loc="left", fontsize=9.5, fontweight="bold", color=INK)
    for axes in grid[len(found) :]:
        axes.remove()
    head(figure, f"{words.setting_line(results)}. Percent, mean over seeds, bar = population standard deviation.")
    _legend(figure, results)
    return figure


def draw_forest(results: Results) -> list[Figure]:
    """AUC, or c, by hospital with the interval of its patients' chance, a panel a method, `ACROSS` of them a page.

    Below them what random effects make of all.
    """
    judged = [(hospital, rows) for hospital, rows in summaries(results) if hospital.judged]
    over, chance, metric = pooled(results), by_hospital(results), results.endpoint.ranked_by
    counts, events = ("{0.events}/{0.n}", "events/") if results.endpoint.binary else ("{0.n}", "")
    labels = [f"{short_name(hospital.name)} ({counts.format(hospital)})" for hospital, _ in judged]
    # The panels are what the labels leave of the width.
    room = max(2.6, 0.6 + 0.065 * max(map(len, labels), default=0))
    figures = []
    for first in range(0, len(results.methods), ACROSS):
        methods = results.methods[first : first + ACROSS]
        height = min(1.8 + 0.24 * len(judged), PAGE)
        figure = Figure(figsize=(room + 1.45 * len(methods), height), layout="constrained")
        grid = figure.subplots(1, len(methods), sharey=True, squeeze=False)[0]
        for axes, method in zip(grid, methods, strict=True):
            _forest(axes, method.name, metric, judged, chance)
            _together(axes, over.get(method.name), len(judged))
            axes.set_title(fill(method.label, 17), loc="left", fontsize=9.5, fontweight="bold", color=INK)
        # As large as a row is high.
        grid[0].set_yticks(range(len(judged) + 2), [*labels, *TOGETHER], fontsize=min(8, 560 / (len(judged) + 2)))
        grid[0].set_ylim(len(judged) + 1.6, -0.6)
        said = f"{metric} in percent; bar = 95 % by the patients' chance; dotted: chance; {events}patients"
        head(figure, f"{words.setting_line(results)}\n{said}")
        figures.append(figure)
    return figures


def _forest(
    axes: Axes,
    method: str,
    metric: str,
    judged: Sequence[tuple[Hospital, Sequence[Mapping[str, Any]]]],
    chance: Mapping[int, Chance],
) -> None:
    """A dot as large as the hospital's share of information, with its interval."""
    for place, (hospital, rows) in enumerate(judged):
        value = next((row[metric] for row in rows if row["method"] == method), math.nan)
        if math.isnan(value):
            continue
        interval = chance[hospital.fold].interval(value, [method])
        axes.plot([100 * interval.low, 100 * interval.high], [place, place], color=SOFT, linewidth=1.3)
        axes.plot(100 * value, place, "s", color=LOOKS[0][0], markersize=3 + min(5.0, math.sqrt(hospital.rarer) / 2),
                  clip_on=False, gid=f"{ON_HOVER}{hospital.name}: {interval.text()}")  # fmt: skip
    axes.axvline(CHANCE, color=SOFT, linestyle=":", linewidth=1.2)
    axes.set_xlim(0, 100)
    axes.set_xticks(range(0, 101, 25))
    axes.tick_params(axis="x", labelsize=8)
    plain(axes, "x", ROWS)


def _together(axes: Axes, over: Pooled | None, place: int) -> None:
    """The pooled AUC as a diamond as wide as its interval, and the prediction interval as a bar, in two rows."""
    if over is None:
        return
    low, mid, high = 100 * over.mean.low, 100 * over.mean.value, 100 * over.mean.high
    axes.axhline(place - 0.5, color=PALE, linewidth=0.8)
    if not math.isnan(low):
        axes.fill([low, mid, high, mid], [place, place - 0.3, place, place + 0.3], color=INK)
    axes.plot([100 * over.new.low, 100 * over.new.high], [place + 1] * 2, color=LOOKS[0][0], linewidth=4)


def _panel(axes: Axes, results: Results, hospital: Hospital, rows: Sequence[Mapping[str, Any]]) -> None:
    names = [method.name for method in results.methods]
    metrics = [name for name, metric in results.judged_by.items() if metric.unit == "%"]
    for row in rows:
        number = names.index(row["method"])
        shift = WIDTH * ((number + 0.5) / len(names) - 0.5)
        mark, inside = look(number)
        dots(
            axes,
            [place + shift for place in range(len(metrics))],
            [100 * row[metric] for metric in metrics],
            mark,
            markerfacecolor=inside,
            yerr=[100 * row[f"{metric}_std"] for metric in metrics],
            alpha=1 if row["done"] == row["planned"] else 0.45,
            label=results.methods[number].label,
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
        (_, shape), inside = look(number)
        handles.append(
            Line2D([], [], linestyle="", marker=shape, color=inside, markeredgecolor=INK, label=method.label)
        )
    handles.append(Line2D([], [], color=SOFT, linestyle=":", linewidth=1.2, label="chance (AUC)"))
    legend_below(figure, handles)
