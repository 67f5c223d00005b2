"""Pictures of a search for hyper-parameters."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strokebench.reports.tables.style import INK, LOOKS, SOFT, head, legend_below, plain
from strokebench.reports.tuning.records import TrialRecord

FEW = 8
"""Up to so many different values stand at equal distances, each labelled."""
WIDE = 50.0
"""Positive values of a wider ratio stand on a logarithmic axis."""


def draw_parallel(trials: Sequence[TrialRecord], setting: str, metric: str, outside: float | None = None) -> Figure:
    """Parallel coordinates: an axis a parameter, the metric on validation patients last, a line a trial.

    Args:
        trials: complete ones with values of the search space.
        outside: value of a default that the search space does not hold; only its number is shown.
    """
    names = list(dict.fromkeys(name for trial in trials for name in trial.values))
    auc = np.array([100 * (trial.value or 0) for trial in trials])
    heights = np.column_stack([*(_heights(trials, name)[0] for name in names), _scaled(auc)])
    figure = Figure(figsize=(max(5.5, 1.45 * (len(names) + 1)), 4.2), layout="constrained")
    axes = figure.add_subplot()
    places = np.arange(len(names) + 1)
    best, best_of = int(np.argmax(auc)), "best" if outside is None else "best on these axes"
    # Worst first, so that good trials lie on top; dark is good.
    for i in np.argsort(auc):
        shade = colormaps["viridis_r"](0.1 + 0.85 * float(_scaled(auc)[i]))
        axes.plot(places, heights[i], color=shade, linewidth=1.1, alpha=0.8, zorder=2)
    axes.plot(places, heights[best], color=INK, linewidth=2.8, zorder=4, label=f"{best_of}: {auc[best]:.2f}")
    for trial, line in zip(trials, heights, strict=True):
        if trial.default:
            label = f"default: {100 * (trial.value or 0):.2f}"
            axes.plot(places, line, color=LOOKS[1][0], linewidth=2.2, linestyle="--", zorder=5, label=label)
            break
    if outside is not None:
        axes.plot([], [], " ", label=f"default (not on these axes): {100 * outside:.2f}")
    for place, name in enumerate(names):
        _scale(axes, place, _heights(trials, name)[1])
    low, high = float(auc.min()), float(auc.max())
    ticks = [low, (low + high) / 2, high] if high > low else [high]
    _scale(
        axes, len(names), [(float(y), f"{v:.1f}") for v, y in zip(ticks, np.linspace(0, 1, len(ticks)), strict=True)]
    )
    axes.set_xticks(places, [*(name.replace("_", "\n") for name in names), f"validation\n{metric}"], fontsize=9)
    axes.set_yticks([])
    axes.set_xlim(-0.15, len(names) + 0.4)
    axes.set_ylim(-0.06, 1.06)
    axes.tick_params(length=0, labelcolor=INK)
    for side in axes.spines.values():
        side.set_visible(False)
    head(
        figure, f"{setting}\n{len(trials)} complete trials, {metric} in percent, mean over folds; strong lines are good"
    )
    legend_below(figure)
    return figure


def draw_importance(importances: Mapping[str, float], setting: str) -> Figure:
    """A bar a parameter, the longest on top, with its share printed."""
    ordered = sorted(importances.items(), key=lambda item: item[1])
    figure = Figure(figsize=(5.5, 1.3 + 0.34 * len(ordered)), layout="constrained")
    axes = figure.add_subplot()
    shares = [100 * share for _, share in ordered]
    axes.barh([name.replace("_", " ") for name, _ in ordered], shares, color=LOOKS[0][0], height=0.6)
    for height, share in enumerate(shares):
        axes.text(share + 1, height, f"{share:.0f}", va="center", fontsize=9, color=INK)
    axes.set_xlim(0, max(10.0, 1.12 * max(shares)))
    axes.set_xlabel("percent of the variance between complete trials (fANOVA)", fontsize=9, color=INK)
    axes.tick_params(axis="y", length=0, labelsize=9)
    plain(axes, None)
    head(figure, setting)
    return figure


def _heights(trials: Sequence[TrialRecord], name: str) -> tuple[np.ndarray, list[tuple[float, str]]]:
    """Where each trial crosses an axis, in [0, 1] (NaN where it has no value), and the axis's labels."""
    values = [trial.values.get(name) for trial in trials]
    known = sorted({value for value in values if value is not None}, key=_order)
    if len(known) <= FEW or not all(isinstance(value, int | float) for value in known):
        spread = np.linspace(0, 1, len(known)) if len(known) > 1 else np.array([0.5])
        at = dict(zip(known, spread.tolist(), strict=True))
        labels = [(height, _short(value)) for value, height in at.items()]
        return np.array([at.get(value, np.nan) for value in values]), labels
    numbers = np.array([np.nan if value is None else float(value) for value in values])
    low, high = float(np.nanmin(numbers)), float(np.nanmax(numbers))
    wide = low > 0 and high / low > WIDE
    ends = np.log([low, high]) if wide else np.array([low, high])
    inside = np.linspace(ends[0], ends[1], 4)
    labels = [
        (float(height), _short(float(np.exp(v) if wide else v)))
        for v, height in zip(inside, np.linspace(0, 1, 4), strict=True)
    ]
    return _scaled(np.log(numbers) if wide else numbers), labels


def _scaled(values: np.ndarray) -> np.ndarray:
    low, high = np.nanmin(values), np.nanmax(values)
    return (values - low) / (high - low) if high > low else np.full(len(values), 0.5)


def _scale(axes: Axes, place: float, labels: Sequence[tuple[float, str]]) -> None:
    axes.plot([place, place], [0, 1], color=SOFT, linewidth=1, zorder=3)
    for height, label in labels:
        axes.plot([place - 0.03, place + 0.03], [height, height], color=SOFT, linewidth=1, zorder=3)
        axes.text(
            *(place + 0.06, height, label),
            va="center",
            fontsize=8.5,
            color=INK,
            zorder=6,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.8},
        )


def _order(value: Any) -> tuple[int, Any]:
    if isinstance(value, int | float):
        return (0, float(value))
    # `128:64` before `1024:64`.
    digits = [int(part) for part in str(value).split(":") if part.isdigit()]
    return (1, (digits, str(value)))


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
