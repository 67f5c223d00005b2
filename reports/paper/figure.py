"""The paper's means against ours, a point a row."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from strokebench.reports.paper.compare import PaperComparison, Verdict
from strokebench.reports.tables.style import INK, LOOKS, SOFT, dots, head, legend_below, plain

LOOK = {
    "table1": ("Table 1, methods", LOOKS[0]),
    "table2": ("Table 2, VDAFM by modalities", LOOKS[1]),
    "table3": ("Table 3, VDAFM by losses", LOOKS[2]),
}
"""Sources that are drawn. Those of figure 2 all lie within two points of each other: the table holds them."""


METRICS = ("AUC", "F1")


def draw_comparison(comparisons: Sequence[PaperComparison], setting: str) -> Figure:
    """A panel a metric, one below the other: paper across, ours upwards, each row named in the margin.

    Hollow: not comparable.

    Args:
        setting: cohort, outcome and protocol of ours.
    """
    figure = Figure(figsize=(6.9, 4.6 * len(METRICS) + 0.9), layout="constrained")
    panels = figure.subplots(len(METRICS), 1)
    for axes, metric in zip(panels, METRICS, strict=True):
        _panel(axes, [item for item in comparisons if item.metric == metric and item.source in LOOK], metric)
    said = "The paper's mean (other patients), percent; bars: population standard deviation over runs"
    panels[-1].set_xlabel(said, fontsize=9, color=INK)
    figure.supylabel("Our mean, percent", fontsize=9, color=INK)
    head(figure, f"Ours: {setting}")
    _legend(figure)
    return figure


def _panel(axes: Axes, items: Sequence[PaperComparison], metric: str) -> None:
    # The full model stands in all three tables: one point is enough.
    distinct: dict[tuple[float, float], PaperComparison] = {}
    for item in items:
        if item.paper is not None and item.ours is not None:
            distinct.setdefault((item.paper.mean, item.ours.mean), item)
    points = sorted(distinct.values(), key=lambda item: item.ours.mean if item.ours else 0)
    axes.set_title(metric, loc="left", fontsize=11, fontweight="bold", color=INK)
    axes.tick_params(labelsize=8)
    plain(axes)
    if not points:
        axes.text(0.5, 0.5, "no finished run", transform=axes.transAxes, ha="center", color=SOFT, style="italic")
        return
    ends: list[float] = []
    for item in points:
        if item.paper is None or item.ours is None:
            continue
        x, y = item.paper.mean, 100 * item.ours.mean
        hollow = item.verdict is Verdict.NOT_COMPARABLE
        bars = {"xerr": item.paper.std or None, "yerr": 100 * item.ours.std, "elinewidth": 0.8}
        dots(axes, x, y, LOOK[item.source][1], hollow, label=f"{item.name}, {item.metric}", **bars)
        ends += [x, y]
    low, high = min(ends) - 5, max(ends) + 5
    axes.plot([low, high], [low, high], color=SOFT, linestyle=":", linewidth=1, zorder=0)
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.set_box_aspect(1)
    _names(axes, points, low, high)


def _names(axes: Axes, points: Sequence[PaperComparison], low: float, high: float) -> None:
    """Names in the right margin, apart from each other, each led to its point by a thin line."""
    step = (high - low) * 0.043
    heights = [100 * item.ours.mean for item in points if item.ours]
    places = _apart(heights, step, low, high)
    edge = high + (high - low) * 0.03
    for item, height, place in zip(points, heights, places, strict=True):
        if item.paper is None:
            continue
        line = [item.paper.mean, high, edge], [height, place, place]
        axes.plot(*line, color="#aab2ba", linewidth=0.6, clip_on=False, zorder=1)
        axes.text(edge + (high - low) * 0.01, place, item.name, fontsize=8, va="center", color=INK, clip_on=False)


def _apart(heights: Sequence[float], step: float, low: float, high: float) -> list[float]:
    """Ascending places at least `step` apart, within the axes, groups of neighbours centred on their heights."""
    groups: list[list[float]] = []
    for height in heights:
        groups.append([height])
        while len(groups) > 1 and _ends(groups[-1], step)[0] - _ends(groups[-2], step)[1] < step:
            last = groups.pop()
            groups[-1] += last
    places = []
    for group in groups:
        start = min(max(_ends(group, step)[0], low + step / 2), high - step / 2 - (len(group) - 1) * step)
        places += [start + i * step for i in range(len(group))]
    return places


def _ends(group: Sequence[float], step: float) -> tuple[float, float]:
    middle, reach = sum(group) / len(group), (len(group) - 1) * step / 2
    return middle - reach, middle + reach


def _legend(figure: Figure) -> None:
    handles = [
        Line2D([], [], linestyle="", marker=shape, color=colour, markeredgecolor=INK, markersize=7, label=label)
        for label, (colour, shape) in LOOK.values()
    ]
    handles.append(Line2D([], [], color=SOFT, linestyle=":", linewidth=1, label="equal"))
    legend_below(figure, handles)
