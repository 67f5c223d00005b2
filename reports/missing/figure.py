"""Pictures of missing modalities: curves over the share of patients, and bars of each modality's worth."""

from textwrap import fill

import numpy as np
from matplotlib.figure import Figure

from strokebench.reports.missing.table import (
    ALL_RATES,
    ANY,
    CHANCE,
    CURVES,
    ORDER,
    TRAINED_ANY,
    TRAINED_RATE,
    WAYS,
    Missing,
    rate_condition,
)
from strokebench.reports.results import Results
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.style import INK, LOOKS, SOFT, dots, head, legend_below, plain

HATCHES = ("", "///", "...")
SHIFT = 0.9
"""Points by which curves stand beside each other, so that their bars can be told apart."""


def draw_rates(results: Results, method: str, found: Missing) -> Figure:
    """AUC, of grades c, of one method while more and more test patients lack a modality."""
    figure = Figure(figsize=(7.2, 4.3), layout="constrained")
    axes = figure.add_subplot()
    for number, curve in enumerate((*CURVES, TRAINED_ANY)):
        points = []
        for rate in ALL_RATES:
            index = found.index(rate_condition(curve, rate))
            if index is not None:
                interval = found.drawn.interval(index)
                points.append((100 * rate, 100 * interval.value, 100 * interval.low, 100 * interval.high))
        if not points:
            continue
        rate, value, low, high = np.array(points).T
        trained = curve == TRAINED_ANY
        place = rate + SHIFT * (number - 2) * (rate > 0)
        dots(
            *(axes, place, value, LOOKS[min(number, len(CURVES) - 1)], trained),
            yerr=np.nan_to_num([value - low, high - value]).clip(0),
            linestyle="" if trained else "-",
            label=f"{curve} ({100 * TRAINED_RATE:.0f} %)" if trained else curve if curve == ANY else f"no {curve}",
        )
    axes.axhline(100 * CHANCE, color=SOFT, linestyle=":", linewidth=1.2, label="chance")
    # Named, so that what a pointer finds is told at its rate and not where it stands.
    axes.set_xticks([100 * rate for rate in ALL_RATES], [f"{100 * rate:g} %" for rate in ALL_RATES])
    axes.set_xlabel("Test patients who lack it", fontsize=9, color=INK)
    said = f"{results.endpoint.ranked_by} of {results.method(method).label}, %"
    axes.set_ylabel(fill(said, 45), fontsize=9, color=INK)
    legend_below(figure)
    plain(axes)
    head(figure, words.setting_line(results))
    return figure


def draw_shapley(results: Results, method: str, found: Missing) -> Figure:
    """Bars of each modality's Shapley value, one a way of taking it away, with intervals over patients."""
    figure = Figure(figsize=(7.2, 3.9), layout="constrained")
    axes = figure.add_subplot()
    ways = {way: shares for way in WAYS if (shares := found.contributions(way)) is not None}
    width = 0.8 / max(1, len(ways))
    for number, (way, shares) in enumerate(ways.items()):
        intervals = [shares.interval(place) for place in range(len(ORDER))]
        value = np.array([100 * interval.value for interval in intervals])
        bars = np.array([[100 * i.value - 100 * i.low, 100 * i.high - 100 * i.value] for i in intervals]).T
        places = np.arange(len(ORDER)) + width * (number - (len(ways) - 1) / 2)
        axes.bar(places, value, width * 0.92, color=LOOKS[number][0], edgecolor=INK, linewidth=0.7, alpha=0.8,
                 hatch=HATCHES[number], label=way)  # fmt: skip
        axes.errorbar(
            places, value, yerr=np.nan_to_num(bars).clip(0), fmt="none", ecolor=INK, elinewidth=1.1, capsize=3
        )
        for place, height, top in zip(places, value, value + np.nan_to_num(bars[1]), strict=True):
            axes.annotate(f"{height:.1f}", (place, max(top, 0)), (0, 3), textcoords="offset points", ha="center",
                          fontsize=8.5, color=INK)  # fmt: skip
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.margins(y=0.12)
    axes.set_xticks(range(len(ORDER)), ORDER)
    said = f"Points of {results.method(method).label}'s {results.endpoint.ranked_by}"
    axes.set_ylabel(fill(said, 40), fontsize=9, color=INK)
    # Below: numbers and whiskers stand above every bar.
    legend_below(figure)
    plain(axes, "y")
    head(figure, words.setting_line(results))
    return figure
