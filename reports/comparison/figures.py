"""Pictures of the comparison: intervals of each method, every pair as a matrix, mean ranks over hospitals."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from strokebench.reports.comparison.compare import MethodComparison
from strokebench.reports.comparison.words import p_value
from strokebench.reports.statistics.critical_difference import CriticalDifference
from strokebench.reports.table1.figure import CHANCE
from strokebench.reports.tables.hover import ON_HOVER, name_cell
from strokebench.reports.tables.style import INK, LOOKS, PALE, ROWS, SOFT, head, legend_below, plain, short_name

BETTER, WORSE = "#9cc9e8", "#f2b48a"
"""Fill of a real difference: light enough for black text, and of unlike darkness in print."""


def draw_forest(comparison: MethodComparison, cohort: str) -> Figure:
    """AUC, or c, of each method: thin bar, the headline's interval; thick bar, other test patients alone."""
    names = comparison.names
    figure = Figure(figsize=(8.2, 1.5 + 0.34 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    colour, shape = LOOKS[0]
    for height, name in enumerate(names):
        interval, narrow = comparison.values[name], comparison.narrow[name]
        said = f"{ON_HOVER}{comparison.labels[name]}: {interval.text()}"
        fill = colour if name == comparison.reference else "white"
        if interval.low == interval.low:
            ends = [100 * interval.low, 100 * interval.high]
            axes.plot(ends, [height] * 2, color=INK, linewidth=1, marker="|", markersize=8, zorder=3, gid=said)
        ends = [100 * narrow.low, 100 * narrow.high]
        axes.plot(ends, [height] * 2, color=colour, linewidth=4.5, alpha=0.75, solid_capstyle="butt", zorder=2)
        axes.plot(100 * interval.value, height, shape, color=fill, markeredgecolor=INK, markersize=7.5, zorder=4,
                  gid=said)  # fmt: skip
        axes.annotate(
            interval.text(),
            (1.01, height),
            xycoords=axes.get_yaxis_transform(),
            va="center",
            color=INK,
            fontsize=9,
        )
    if comparison.reference is not None:
        axes.axvline(
            100 * comparison.values[comparison.reference].value, color=INK, linestyle="--", linewidth=1, zorder=0
        )
    axes.set_yticks(range(len(names)), [_ticked(comparison, name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlabel(f"{comparison.metric} in percent", color=INK)
    plain(axes, "x", ROWS)
    whom = "other training and test patients" if comparison.corrects else "other test patients"
    handles = [
        Line2D([], [], color=INK, linewidth=1, marker="|", label=f"95 % interval: {whom}"),
        Line2D([], [], color=colour, linewidth=4.5, alpha=0.75, label="95 % interval: other test patients alone"),
    ]
    if comparison.reference is not None:
        label = f"{comparison.labels[comparison.reference]} (reference)"
        handles.append(Line2D([], [], color=INK, linestyle="--", linewidth=1, label=label))
    if axes.get_xlim()[0] < CHANCE:
        handles.append(axes.axvline(CHANCE, color=SOFT, linestyle=":", linewidth=1, zorder=0, label="chance"))
    legend_below(figure, handles)
    head(figure, cohort, 10, colour=INK)
    return figure


def draw_matrix(comparison: MethodComparison, cohort: str) -> Figure:
    """Row minus column in points; real differences filled, framed and bold, the others plain grey."""
    names = comparison.names
    k = len(names)
    figure = Figure(figsize=(2.6 + 0.56 * k, 2.6 + 0.4 * k), layout="constrained")
    axes = figure.add_subplot()
    for row, first in enumerate(names):
        for column, second in enumerate(names):
            if row == column:
                axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=PALE, edgecolor="white"))
                continue
            pair = comparison.pair(first, second)
            known = pair.tested.value == pair.tested.value
            if pair.real:
                fill, hatch = (BETTER, "") if pair.better == first else (WORSE, "//")
                # The hatch is drawn in the colour of the edge: pale, so that the number stays legible.
                edge = "#fbe3d3" if hatch else fill
                corner = (column - 0.47, row - 0.47)
                axes.add_patch(Rectangle(corner, 0.94, 0.94, linewidth=0, facecolor=fill, edgecolor=edge, hatch=hatch))
                axes.add_patch(Rectangle((column - 0.47, row - 0.47), 0.94, 0.94, fill=False, edgecolor=INK))
            axes.text(
                column,
                row,
                f"{100 * pair.tested.value:+.1f}" if known else "–",
                ha="center",
                va="center",
                fontsize=9,
                color=INK if pair.real else SOFT,
                fontweight="bold" if pair.real else "normal",
            )
            apart = pair.tested.text(signed=True)
            verdict = "more than chance" if pair.real else "not shown to be more than chance"
            words = f"{comparison.labels[first]} minus {comparison.labels[second]}: {apart} points, {verdict}"
            name_cell(axes, column, row, words)
    axes.set_xlim(-0.5, k - 0.5)
    axes.set_ylim(k - 0.5, -0.5)
    labels = [short_name(comparison.labels[name]) for name in names]
    axes.set_yticks(range(k), labels)
    axes.set_xticks(range(k), labels, rotation=40, ha="right")
    axes.tick_params(axis="x", length=0)
    plain(axes, None, (*ROWS, "bottom"))
    handles = [
        Patch(facecolor=BETTER, edgecolor=INK, label="row really better"),
        Patch(facecolor=WORSE, edgecolor=INK, hatch="//", label="row really worse"),
        Patch(facecolor="white", edgecolor=PALE, label="grey number: cannot be told apart"),
    ]
    legend_below(figure, handles)
    head(figure, f"{cohort}\n{comparison.metric}, points: row minus column", 10, colour=INK)
    return figure


def draw_ranks(found: CriticalDifference, comparison: MethodComparison, cohort: str) -> Figure:
    """Demsar's diagram, laid on its side: mean rank of each method; a bar joins those that cannot be told apart."""
    names = list(found.ranks.index)
    figure = Figure(figsize=(8.2, 1.3 + 0.3 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(found.ranks, range(len(names)), LOOKS[0][1], color=LOOKS[0][0], markeredgecolor=INK, markersize=7.5)
    right = max(len(names), float(found.ranks.max()))
    for number, group in enumerate(found.groups):
        heights = [names.index(name) for name in group]
        place = right + 0.25 + 0.25 * number
        axes.plot([place] * 2, [heights[0] - 0.25, heights[-1] + 0.25], color=INK, linewidth=3, solid_capstyle="butt")
    distance = f"critical difference {found.distance:.2f}"
    ends = [1, 1 + found.distance]
    axes.plot(ends, [-0.9] * 2, color=INK, linewidth=1.4, marker="|", gid=ON_HOVER + distance)
    axes.set_yticks(
        range(len(names)), [f"{short_name(comparison.labels[name])}  {found.ranks[name]:.2f}" for name in names]
    )
    axes.set_ylim(len(names) - 0.4, -1.4)
    axes.set_xlim(0.8, max(ends[1] + 0.1, right + 0.3 + 0.25 * max(1, len(found.groups))))
    axes.set_xticks(np.arange(1, len(names) + 1))
    # Beside the bar there is no room for words: it may be as long as the axis.
    of_all = f"bar on top: {distance}; no difference at all: Friedman's p {p_value(found.p)}"
    ranked = f"mean rank by {comparison.metric} over {found.n_blocks} hospitals (1 is best)"
    axes.set_xlabel(f"{ranked}\n{of_all}", color=INK)
    plain(axes, "x", ROWS)
    head(figure, cohort, 10, colour=INK)
    return figure


def _ticked(comparison: MethodComparison, name: str) -> str:
    done, planned = comparison.done[name], comparison.planned[name]
    return short_name(comparison.labels[name]) + ("" if done == planned else f" ({done}/{planned} runs)")
