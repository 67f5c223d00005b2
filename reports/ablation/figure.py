"""A picture of an ablation: what is left, down the side; the AUC of each way of taking away, side by side."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from strokebench.reports.results import Results
from strokebench.reports.table1.figure import axis_title, draw_mean, shared_legend
from strokebench.reports.table1.table import metric_columns
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.style import INK, LOOKS, PALE, ROWS, SOFT, head, plain
from strokebench.reports.tables.table import PAPER_LABEL, Column, Row, Table

STEP = 0.36
"""Distance of two ways of taking away within a line; lines are 1 apart."""


def draw_ablation(results: Results, series: Sequence[tuple[str, Table]]) -> Figure:
    """A dot of `Results.compared_by` with its deviation over runs a row and way, and the paper's number hollow.

    Args:
        series: a name and a table of rows of one method each. Rows of one label share a line.
    """
    labels = list(dict.fromkeys(row.label for _, table in series for row in table.rows))
    figure = Figure(figsize=(8.2, 1.9 + 0.46 * len(labels)), layout="constrained")
    axes = figure.add_subplot()
    column = next(column for column in metric_columns(results) if column.key == results.compared_by)
    for number, (_, table) in enumerate(series):
        shift = STEP * (number - (len(series) - 1) / 2)
        for row in table.rows:
            _point(axes, row, column, labels.index(row.label) + shift, LOOKS[number % len(LOOKS)])
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(max(len(labels), 1) - 0.45, -0.55)
    for line in range(1, len(labels)):
        axes.axhline(line - 0.5, color=PALE, linewidth=0.8)
    axes.set_xlabel(f"{axis_title(column)}: mean over runs, bar = population standard deviation", color=INK)
    head(figure, words.setting_line(results))
    plain(axes, "x", ROWS)
    handles = []
    for number, (name, _) in enumerate(series if len(series) > 1 else ()):
        colour, shape = LOOKS[number % len(LOOKS)]
        handles.append(Line2D([], [], marker=shape, linestyle="-", color=colour, markeredgecolor=INK, label=name))
    shared_legend(figure, axes, handles, [table for _, table in series], column, PAPER_LABEL, "D")
    return figure


def _point(axes: Axes, row: Row, column: Column, height: float, look: tuple[str, str]) -> None:
    cell = row.cells[column.key]
    draw_mean(
        axes, row, column, height, look, "undefined" if row.done else f"no finished run ({row.done}/{row.planned})"
    )
    if cell.value is not None and not row.complete:
        end = column.scale * (cell.value + (cell.std or 0))
        axes.annotate(f"{row.done}/{row.planned} runs", (end, height), (6, 0), textcoords="offset points", va="center",
                      fontsize=8, color=SOFT)  # fmt: skip
    if cell.paper is not None:
        axes.plot(cell.paper.mean, height, "D", markersize=6, markerfacecolor="none", markeredgecolor=INK, zorder=4,
                  label=PAPER_LABEL)  # fmt: skip
