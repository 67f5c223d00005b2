"""Pictures of grades: bars of their shares, as trials show the mRS (Grotta bars), and calibration at every cut."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from strokebench.reports.clinical.calibration import reliability
from strokebench.reports.clinical.pooled import label_of
from strokebench.reports.results import Results, setting_names
from strokebench.reports.statistics.prior import undo_balance
from strokebench.reports.statistics.scores import Scores
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.style import INK, LOOKS, SOFT, dots, head, legend_below, plain

THIRDS = ("lowest third", "middle third", "highest third")
"""By predicted grade; which end is the better one, a scale does not say."""


def thirds(results: Results, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shares of the grades, observed and predicted, (3, levels) each, in thirds by a method's mean predicted grade.

    Patients are put in order within each seed, and equal ones are in each third in the same shares; the balance of
    training is undone.
    """
    levels = np.arange(results.endpoint.levels)
    graded = undo_balance(results).loc[results.judged.index]
    own = graded[np.array(setting_names(graded, results.runs)) == name]
    p = results.endpoint.probabilities(own)
    means = own.assign(mean=results.endpoint.ranking(own)).groupby("seed")["mean"]
    # Equal patients stand from `low` to `high` among the seed's, of whom each third is a part.
    n_patients = means.transform("size").to_numpy()
    low, high = (means.rank(method="min") - 1).to_numpy() / n_patients, means.rank(method="max").to_numpy() / n_patients
    inside = [np.minimum(high, (n + 1) / 3) - np.maximum(low, n / 3) for n in range(3)]
    weights = np.stack([np.maximum(part, 0) / (high - low) for part in inside])
    weights /= weights.sum(axis=1, keepdims=True)
    return weights @ (own["y"].to_numpy()[:, None] == levels), weights @ p


def draw_grotta(results: Results, methods: Sequence[str]) -> Figure:
    """A panel a method: in each third of its patients two bars, the grades that came and the grades predicted."""
    figure = Figure(figsize=(8.2, 0.9 + 2.3 * len(methods)), layout="constrained")
    panels = figure.subplots(len(methods), 1, squeeze=False, sharex=True)[:, 0]
    colours = colormaps["YlOrBr"](np.linspace(0.05, 0.95, results.endpoint.levels))
    for axes, name in zip(panels, methods, strict=True):
        for number, (observed, predicted) in enumerate(zip(*thirds(results, name), strict=True)):
            _bar(axes, 3 * number, observed, colours)
            _bar(axes, 3 * number + 1, predicted, colours)
        places = [3 * number + row for number in range(3) for row in (0, 1)]
        axes.set_yticks(places, [f"{third}, {what}" for third in THIRDS for what in ("observed", "predicted")])
        axes.invert_yaxis()
        axes.set_xlim(0, 100)
        axes.set_title(label_of(results, name), fontsize=10, color=INK, loc="left")
        plain(axes, None, ("top", "right", "left", "bottom"))
    panels[-1].set_xlabel("Patients, %", fontsize=9, color=INK)
    handles = [
        Line2D([], [], linestyle="", marker="s", markersize=8, color=colour, markeredgecolor=INK) for colour in colours
    ]
    labels = [results.endpoint.describe(label) for label in range(results.endpoint.levels)]
    legend_below(figure, handles, labels)
    head(figure, words.setting_line(results))
    return figure


def _bar(axes: Axes, place: float, shares: NDArray[np.float64], colours: NDArray[np.float64]) -> None:
    left = 100 * np.concatenate([[0], shares.cumsum()[:-1]])
    axes.barh(place, 100 * shares, left=left, color=colours, edgecolor=INK, linewidth=0.5, height=0.9)
    for start, share, colour in zip(left, shares, colours, strict=True):
        # Narrower parts have no room for a number.
        if share >= 0.04:
            ink = INK if colour[:3] @ (0.299, 0.587, 0.114) > 0.5 else "white"
            axes.text(start + 50 * share, place, f"{100 * share:.0f}", ha="center", va="center", fontsize=8, color=ink)


def draw_calibration(results: Results, scores: Mapping[str, Scores | None], methods: Sequence[str]) -> Figure:
    """Observed share against mean probability of passing, a panel a cut and a line a method."""
    columns = 3
    rows = -(-len(scores) // columns)
    figure = Figure(figsize=(8.2, 0.9 + 2.7 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for axes in panels[len(scores) :]:
        axes.set_visible(False)
    for axes, (cut, part) in zip(panels, scores.items(), strict=False):
        axes.plot([0, 100], [0, 100], color=SOFT, linestyle="--", linewidth=1)
        for number, name in enumerate(methods):
            curve = reliability(part, name) if part else None
            if curve is not None:
                look, label = LOOKS[number], label_of(results, name)
                dots(axes, 100 * curve.predicted, 100 * curve.observed, look, linestyle="-", linewidth=1.2, label=label)
        axes.set(xlim=(-2, 102), ylim=(-2, 102))
        axes.set_title(cut, fontsize=10, color=INK, loc="left")
        plain(axes)
    for axes in panels[(rows - 1) * columns :]:
        axes.set_xlabel("Predicted to pass, %", fontsize=9, color=INK)
    for axes in panels[::columns]:
        axes.set_ylabel("Observed share, %", fontsize=9, color=INK)
    handles = [
        Line2D([], [], color=colour, marker=shape, markeredgecolor=INK, label=label_of(results, name))
        for (colour, shape), name in zip(LOOKS, methods, strict=False)
    ]
    legend_below(figure, handles)
    head(figure, words.setting_line(results))
    return figure
