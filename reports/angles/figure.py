"""Angles before and after joint encoding: two outlines a variant, one above the other."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from strokebench.reports.angles.table import AFTER, BEFORE, CHANGE, angles, bootstrap_mean
from strokebench.reports.results import Results
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.style import INK, LOOKS, SOFT, head, legend_below, plain

UNRELATED = 90
BINS = 45


def draw_angles(results: Results, method: str, variants: Mapping[str, str]) -> Figure:
    """A panel a variant: how many patients have which angle, before (dashed outline) and after (filled).

    Args:
        variants: variant -> its label, from top to bottom.
    """
    found = {variant: angles(results, method, variant) for variant in variants}
    figure = Figure(figsize=(8.2, 1.85 * len(variants) + 1.1), layout="constrained")
    panels = figure.subplots(len(variants), 1, sharex=True, squeeze=False)[:, 0]
    every = pd.concat([mine[[BEFORE, AFTER]] for mine in found.values()])
    low, high = (0.0, 180.0) if every.empty else (float(every.min().min()), float(every.max().max()))
    # Some room on both sides, and the right angle always in sight.
    low, high = max(0.0, min(low, UNRELATED) - 4), min(180.0, max(high, UNRELATED) + 4)
    for axes, (variant, label) in zip(panels, variants.items(), strict=True):
        _panel(axes, found[variant], label, np.linspace(low, high, BINS + 1).tolist())
    panels[-1].set_xlabel("Angle between image and text of a test patient, in degrees", color=INK)
    head(figure, f"{words.setting_line(results)}; in brackets: 95 % interval over patients")
    _legend(figure)
    return figure


def _panel(axes: Axes, mine: pd.DataFrame, label: str, bins: list[float]) -> None:
    before, after = LOOKS[1][0], LOOKS[0][0]
    title = label
    if mine.empty:
        axes.text(0.5, 0.5, "no finished run", transform=axes.transAxes, ha="center", fontsize=9, color=SOFT)
    else:
        axes.hist(mine[AFTER], bins, histtype="stepfilled", facecolor=after, alpha=0.45)
        axes.hist(mine[AFTER], bins, histtype="step", color=after, linewidth=1.4)
        axes.hist(mine[BEFORE], bins, histtype="step", color=before, linewidth=1.8, linestyle="--")
        axes.axvline(mine[AFTER].mean(), color=INK, linewidth=1.4)
        axes.axvline(mine[BEFORE].mean(), color=INK, linewidth=1.4, linestyle="--")
        title += f": {mine[BEFORE].mean():.1f}° to {mine[AFTER].mean():.1f}°"
        title += f", change in degrees {bootstrap_mean(mine[CHANGE])}"
    axes.axvline(UNRELATED, color=SOFT, linestyle=":", linewidth=1.1)
    axes.set_title(title, loc="left", fontsize=9.5, fontweight="bold", color=INK)
    axes.set_ylabel("Patients", fontsize=8.5, color=INK)
    axes.set_xlim(bins[0], bins[-1])
    axes.tick_params(labelsize=8.5)
    plain(axes, None)


def _legend(figure: Figure) -> None:
    before, after = LOOKS[1][0], LOOKS[0][0]
    handles = [
        Line2D([], [], color=before, linestyle="--", linewidth=1.8, label="before joint encoding"),
        Patch(facecolor=after, edgecolor=after, alpha=0.45, label="after"),
        Line2D([], [], color=INK, linewidth=1.4, label="means (dashed: before)"),
        Line2D([], [], color=SOFT, linestyle=":", linewidth=1.1, label="90°: unrelated"),
    ]
    legend_below(figure, handles)
