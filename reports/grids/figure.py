"""Pictures of grids: lines with bars, or heat maps with numbers, so that noise is not read as a peak."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from strokebench.reports.grids.table import GridPoint
from strokebench.reports.results import Results
from strokebench.reports.summary import summarise
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.hover import name_cell
from strokebench.reports.tables.style import INK, LOOKS, SOFT, dots, head, legend_below, plain
from strokebench.tasks.metrics.registry import Metric

LINES = ("-", "--", ":", "-.")
LONG_AXIS = 4
"""Two axes of so many values each are drawn as a heat map, fewer as lines."""

SummaryRow = Mapping[str, Any]
"""A setting's row of `summarise`."""


def draw_grid(results: Results, method: str, points: Sequence[GridPoint], metrics: Sequence[str]) -> Figure:
    """A panel a metric: mean and standard deviation over runs of every setting, the chosen one marked.

    Grids of one axis, or with a short one, become lines; two long axes a heat map.

    Args:
        points: all of one grid. metrics: two or three a row.
    """
    summary = summarise(results)
    rows = summary[summary["method"] == method].to_dict("records")
    found: dict[str, SummaryRow] = {row["variant"]: {str(name): value for name, value in row.items()} for row in rows}
    sizes = [len(values) for values in _axes_of(points).values()]
    heat = len(sizes) == 2 and min(sizes) >= LONG_AXIS
    # No wider than two columns of a journal, where letters stay legible.
    columns = min(2 if heat or len(metrics) > 3 else 3, len(metrics))
    lines = -(-len(metrics) // columns)
    figure = Figure(figsize=(8.2 if columns > 1 else 4.1, (3.2 if heat else 2.7) * lines + 0.9))
    figure.set_layout_engine("constrained", hspace=0.06, wspace=0.05)
    grid = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes, metric in zip(grid, metrics, strict=False):
        (_heat if heat else _lines)(axes, points, found, results.judged_by[metric])
        axes.set_title(metric, loc="left", fontsize=10.5, fontweight="bold", color=INK)
        axes.tick_params(labelsize=8.5, labelcolor=INK)
    for axes in grid[len(metrics) :]:
        axes.remove()
    _words(figure, results, points, heat, [name for name in metrics if not results.judged_by[name].unit])
    return figure


def _axes_of(points: Sequence[GridPoint]) -> dict[str, list[Any]]:
    """Axis -> its values in order."""
    axes: dict[str, list[Any]] = {}
    for point in points:
        for name, value in point.values.items():
            if value not in axes.setdefault(name, []):
                axes[name].append(value)
    return axes


def _lines(axes: Axes, points: Sequence[GridPoint], found: Mapping[str, SummaryRow], metric: Metric) -> None:
    """One line a value of the first axis (of the only one: one line), over the values of the last."""
    grid = _axes_of(points)
    across = list(grid)[-1]
    of = next(iter(grid)) if len(grid) == 2 else None
    series = grid[of] if of else [None]
    for number, value in enumerate(series):
        # Side by side, so that bars do not cover each other.
        shift = 0.13 * (number - (len(series) - 1) / 2)
        line = [point for point in points if of is None or point.values[of] == value]
        at = np.array([grid[across].index(point.values[across]) for point in line]) + shift
        rows = [found.get(point.variant) for point in line]
        mean = np.array([np.nan if row is None else metric.scale * row[metric.name] for row in rows])
        std = np.array([np.nan if row is None else metric.scale * row[f"{metric.name}_std"] for row in rows])
        label = "" if of is None else f"{of.replace('_', ' ')} {value}"
        dots(axes, at, mean, LOOKS[number % len(LOOKS)], yerr=std, linestyle=LINES[number % len(LINES)], label=label)
        for x, y, point, row in zip(at, mean, line, rows, strict=True):
            if point.chosen and np.isfinite(y):
                axes.plot(x, y, "o", markersize=13, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.4)
            if row is not None and row["done"] < row["planned"]:
                height = y if np.isfinite(y) else 0.03
                where = axes.transData if np.isfinite(y) else axes.get_xaxis_transform()
                runs = f"{row['done']}/{row['planned']}"
                axes.annotate(runs, (x, height), (5, 3), where, "offset points", fontsize=8, color=SOFT)
    axes.set_xticks(range(len(grid[across])), [str(value).replace(" (", "\n(") for value in grid[across]])
    axes.set_xlim(-0.5, len(grid[across]) - 0.5)
    axes.set_xlabel(across.replace("_", " "), fontsize=9, color=INK)
    plain(axes, "y")


def _heat(axes: Axes, points: Sequence[GridPoint], found: Mapping[str, SummaryRow], metric: Metric) -> None:
    """The first axis upwards, the last to the right; mean and ± standard deviation in each cell."""
    grid = _axes_of(points)
    upwards, across = grid
    decimals = 1 if metric.unit else 2
    values, spread = np.full((len(grid[upwards]), len(grid[across])), np.nan), []
    places = [(grid[upwards].index(one.values[upwards]), grid[across].index(one.values[across])) for one in points]
    for place, point in zip(places, points, strict=True):
        if (row := found.get(point.variant)) is not None:
            values[place] = metric.scale * row[metric.name]
            spread.append(metric.scale * row[f"{metric.name}_std"])
    colours = Normalize(*_range(values, spread, 0.005 * metric.scale))
    axes.imshow(values, cmap="Blues", norm=colours, origin="lower", aspect="auto")
    for (y, x), point in zip(places, points, strict=True):
        if point.chosen:
            for colour, width in (("white", 4.5), (INK, 2.2)):
                corner = (x - 0.47, y - 0.47)
                axes.add_patch(Rectangle(corner, 0.94, 0.94, fill=False, edgecolor=colour, linewidth=width, zorder=2))
        row = found.get(point.variant)
        if row is None or not row["done"] or np.isnan(values[y, x]):
            axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor="#f2f3f5", edgecolor="#c5cad1", hatch="///"))
            axes.text(x, y, "–", ha="center", va="center", fontsize=9, color=SOFT, backgroundcolor="#f2f3f5")
            continue
        axes.text(x, y + 0.2, f"{values[y, x]:.{decimals}f}", ha="center", va="center", fontsize=9.5, color=INK)
        # One run has no spread, which is not a spread of 0.
        deviation = f"±{metric.scale * row[f'{metric.name}_std']:.{decimals}f}" if row["done"] > 1 else "one run"
        axes.text(x, y - 0.16, deviation, ha="center", va="center", fontsize=8, color=INK)
        where = ", ".join(f"{name.replace('_', ' ')} {point.values[name]}" for name in grid)
        name_cell(axes, x, y, f"{where}: {metric.name} {values[y, x]:.{decimals}f} {deviation}")
        if row["done"] < row["planned"]:
            axes.text(x, y - 0.4, f"{row['done']}/{row['planned']}", ha="center", va="center", fontsize=8, color=INK)
    axes.set_xticks(range(len(grid[across])), [f"{value:g}" for value in grid[across]])
    axes.set_yticks(range(len(grid[upwards])), [f"{value:g}" for value in grid[upwards]])
    axes.set_xlabel(across.replace("_", " "), fontsize=9, color=INK)
    axes.set_ylabel(upwards.replace("_", " "), fontsize=9, color=INK)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)


def _range(values: np.ndarray, spread: Sequence[float], least: float) -> tuple[float, float]:
    """Ends of the colours: at least two standard deviations apart, so that noise stays pale."""
    if not np.isfinite(values).any():
        return 0.0, 1.0
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    middle, half = (low + high) / 2, max((high - low) / 2, float(np.nanmean(spread)), least)
    # The darker two fifths of the colours are left out: dark numbers stay legible.
    return middle - half, middle + half + 4 / 3 * half


def _words(figure: Figure, results: Results, points: Sequence[GridPoint], heat: bool, unitless: Sequence[str]) -> None:
    what = "darker: higher, each metric for itself; ± in the cell" if heat else "bar"
    but = f" (but {', '.join(unitless)})" if unitless else ""
    units = f"percent{but}, mean over runs; {what} = standard deviation over runs"
    head(figure, f"{words.setting_line(results)}\n{units}")
    handles: list[Any] = []
    if not heat:
        handles, _ = figure.axes[0].get_legend_handles_labels()
    if chosen := next((point.label for point in points if point.chosen), None):
        label = f"chosen setting: {chosen.replace('_', ' ')}"
        mark = (
            Patch(facecolor="none", edgecolor=INK, linewidth=2.2, label=label)
            if heat
            else Line2D([], [], marker="o", linestyle="", markersize=11, markerfacecolor="none", color=INK, label=label)
        )
        handles = [*handles, mark]
    legend_below(figure, handles)
