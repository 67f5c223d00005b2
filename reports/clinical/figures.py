"""Pictures of calibration, decisions and subgroups: shapes and line styles say what colours say."""

from collections.abc import Sequence
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from strokebench.reports.clinical.calibration import recalibrate, reliability
from strokebench.reports.clinical.decision import decision_curve, thresholds, treat_all
from strokebench.reports.clinical.instability import instability, tested_by_all
from strokebench.reports.clinical.pooled import label_of, seeds_of
from strokebench.reports.clinical.subgroups import Subgroup
from strokebench.reports.clinical.tables import prevalence
from strokebench.reports.results import Results
from strokebench.reports.statistics.intervals import Interval
from strokebench.reports.statistics.scores import Scores
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.hover import ON_HOVER
from strokebench.reports.tables.style import INK, LOOKS, ROWS, SOFT, dots, head, legend_below, plain, short_name

DASHES: tuple[tuple[int, tuple[int, ...]], ...] = ((0, ()), (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)))  # type: ignore[assignment]
HIST_BINS = np.linspace(0, 1, 26)
MOST_DRAWN = 10_000
"""Points of a panel up to which each is drawn as one; more become a picture within the drawing."""


def draw_reliability(results: Results, scores: Scores, methods: Sequence[str]) -> Figure:
    """Observed share against mean probability, a panel a method; below each how the probabilities lie."""
    figure = Figure(figsize=(0.6 + 2.6 * max(2, len(methods)), 4.9), layout="constrained")
    # One scale in each row: the shares of patients can be compared between methods.
    grid = figure.subplots(2, len(methods), sharex=True, sharey="row", squeeze=False, height_ratios=(4, 1))
    for number, name in enumerate(methods):
        upper, lower = grid[0][number], grid[1][number]
        curve = reliability(scores, name)
        assert curve is not None
        upper.plot([0, 100], [0, 100], color=SOFT, linestyle="--", linewidth=1)
        upper.plot(100 * curve.predicted, 100 * curve.observed, color=LOOKS[number][0], linewidth=1.2)
        # One by one: below the panel stands no title of its axis that a pointer could tell.
        for p, share, *ends in 100 * np.stack([curve.predicted, curve.observed, curve.low, curve.high], axis=1):
            said = f"{label_of(results, name)}: {share:.1f} % observed, {p:.1f} % predicted"
            dots(upper, p, share, LOOKS[number], yerr=np.abs(np.array(ends) - share)[:, None], gid=ON_HOVER + said)
        found = recalibrate(scores, name)
        numbers = f"slope {found.slope.text(1, 2)}\nin the large {found.in_the_large.text(1, 2)}"
        # Below the panel: no curve runs there.
        upper.set_xlabel(numbers, x=1, ha="right", multialignment="right", fontsize=8, color=INK)
        upper.set_title(fill(label_of(results, name), 28), fontsize=10, color=INK, loc="left")
        upper.set(xlim=(-2, 102), ylim=(-2, 102))
        upper.set_box_aspect(1)
        # A square is narrower than what stands below it where there is one method: each has numbers of its own.
        upper.tick_params(labelbottom=True)
        _probabilities(lower, scores, name)
        plain(upper)
        plain(lower)
        lower.set_xlabel("Predicted probability, %", fontsize=9, color=INK)
    grid[0][0].set_ylabel("Observed share, %", fontsize=9, color=INK)
    grid[1][0].set_ylabel("Share of\npatients", fontsize=9, color=INK)
    legend_below(figure, grid[1][0].get_legend_handles_labels()[0], [results.endpoint.describe(y) for y in (0, 1)])
    head(figure, words.setting_line(results))
    return figure


def _probabilities(axes: Axes, scores: Scores, name: str) -> None:
    y, p = (np.concatenate([seed[part] for seed in seeds_of(scores, name)]) for part in (0, 1))
    for label, members, hatch, colour in ((0, ~y, "", "#c9d1d9"), (1, y, "/////", "none")):
        axes.hist(
            100 * p[members],
            list(100 * HIST_BINS),
            weights=np.full(members.sum(), 1 / len(y)),
            facecolor=colour,
            edgecolor=INK if label else "none",
            linewidth=0.5,
            hatch=hatch,
            label=f"label {label}",
        )
    axes.set_yticks([])


def draw_instability(results: Results, scores: Scores, methods: Sequence[str]) -> Figure:
    """Each seed's probability of a patient against the patient's mean, a panel a method; on the line none moves."""
    figure = Figure(figsize=(0.6 + 2.6 * max(2, len(methods)), 3.7), layout="constrained")
    for number, (axes, name) in enumerate(
        zip(figure.subplots(1, len(methods), sharey=True, squeeze=False)[0], methods, strict=True)
    ):
        p = tested_by_all(scores, name)
        mean = np.broadcast_to(p.mean(axis=0), p.shape)
        # Else the drawing has an element a point: 40 MB of them at 100,000 patients.
        axes.plot(
            100 * mean.ravel(), 100 * p.ravel(), ".", color=LOOKS[number][0], alpha=0.35, markersize=3,
            rasterized=p.size > MOST_DRAWN,
        )  # fmt: skip
        axes.plot([0, 100], [0, 100], color=INK, linestyle="--", linewidth=1)
        text = f"apart: {instability(scores, name).difference.text()} points"
        axes.set_title(f"{fill(label_of(results, name), 28)}\n{text}", fontsize=9, color=INK, loc="left")
        axes.set(xlim=(0, 100), ylim=(0, 100))
        axes.set_xlabel("Mean probability over seeds, %", fontsize=9, color=INK)
        axes.set_box_aspect(1)
        plain(axes)
    figure.axes[0].set_ylabel("Probability by one seed, %", fontsize=9, color=INK)
    head(figure, words.setting_line(results))
    return figure


def draw_decision_curves(
    results: Results, scores: Scores, methods: Sequence[str], weights: NDArray[np.int16]
) -> Figure:
    """Net benefit over the threshold, against acting on everybody and on nobody; `weights` (draws, patients)."""
    share = prevalence(scores)
    at = thresholds(share)
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(100 * at, 100 * treat_all(share, at), color=SOFT, linestyle="--", linewidth=1.4, label="act on everybody")
    axes.axhline(0, color=SOFT, linewidth=1.4, label="act on nobody")
    for number, name in enumerate(methods):
        colour, shape = LOOKS[number]
        curve = decision_curve(scores, name, at, weights)
        if number == 0:
            band = f"95 % interval of {label_of(results, name)}"
            axes.fill_between(
                100 * at, 100 * curve.low, 100 * curve.high, color=colour, alpha=0.15, linewidth=0, label=band
            )
        axes.plot(
            100 * at,
            100 * curve.net_benefit,
            color=colour,
            linestyle=DASHES[number],
            marker=shape,
            markevery=(2 * number, 10),
            markersize=5.5,
            markeredgecolor=INK,
            markeredgewidth=0.5,
            linewidth=1.6,
            label=label_of(results, name),
        )
    axes.set(xlim=(100 * at[0], 100 * at[-1]), ylim=(-35 * share, 108 * share))
    threshold = f"Threshold: the probability of {results.endpoint.describe(1)} from which one would act, %"
    axes.set_xlabel(fill(threshold, 90), fontsize=9, color=INK)
    axes.set_ylabel("Net benefit per 100 patients", fontsize=9, color=INK)
    legend_below(figure)
    plain(axes)
    head(figure, words.setting_line(results))
    return figure


def draw_forest(
    results: Results, scores: Scores, methods: Sequence[str], found: Sequence[Subgroup], overall: dict[str, Interval]
) -> Figure:
    """AUC with its interval in each group, a mark a method; all patients on top, hollow where a group is small."""
    lines: list[tuple[str, str, dict[str, Interval], bool]] = [
        ("All patients", f"{scores.y.sum()} / {len(scores.y)}", overall, False)
    ]
    for grouping in dict.fromkeys(group.grouping for group in found):
        lines.append((grouping.capitalize(), "heading", {}, False))
        lines += [
            (f"  {short_name(g.name)}", f"{g.events} / {g.n}", g.auc, bool(g.warning))
            for g in found
            if g.grouping == grouping
        ]
    step = 0.19
    height = 0.42 + step * max(0, len(methods) - 2)
    figure = Figure(figsize=(7.6, 1.3 + height * len(lines)), layout="constrained")
    axes = figure.add_subplot()
    # A heading stands close to its first group.
    places = np.cumsum([0.0] + [0.7 if line[1] == "heading" else 1.0 for line in lines[:-1]])
    for place, (name, count, values, small) in zip(places, lines, strict=True):
        bold = "bold" if place == 0 or count == "heading" else "normal"
        axes.text(-0.02, place, name, transform=axes.get_yaxis_transform(), ha="right", va="center", fontsize=9,
                  color=INK, fontweight=bold)  # fmt: skip
        if count != "heading":
            axes.text(1.02, place, count + (" !" if small else ""), transform=axes.get_yaxis_transform(), va="center",
                      fontsize=8.5, color=SOFT)  # fmt: skip
        for number, method in enumerate(methods):
            if method not in values or np.isnan(values[method].value):
                continue
            said = f"{ON_HOVER}{name.strip()}, {label_of(results, method)}: {values[method].text()}"
            _mark(axes, values[method], place + 0.22 * (number - (len(methods) - 1) / 2), number, small, said)
    for number, method in enumerate(methods):
        if method in overall and not np.isnan(overall[method].value):
            axes.axvline(100 * overall[method].value, color=LOOKS[number][0], linewidth=0.9, linestyle=":", zorder=0)
    axes.text(1.02, -0.75, "events / patients", transform=axes.get_yaxis_transform(), fontsize=8, color=SOFT)
    axes.axvline(50, color=SOFT, linewidth=1)
    axes.set_yticks([])
    axes.set_ylim(places[-1] + 0.6, -1)
    axes.set_xlabel("AUC, % (95 % interval over patients; dotted: all patients; solid: chance)", fontsize=9, color=INK)
    plain(axes, sides=ROWS)
    handles = [
        Line2D([], [], color=LOOKS[i][0], marker=LOOKS[i][1], markeredgecolor=INK, label=label_of(results, method))
        for i, method in enumerate(methods)
    ]
    if any(small for *_, small in lines):
        hollow = Line2D([], [], linestyle="", marker="o", markerfacecolor="white", markeredgecolor=INK)
        hollow.set_label("hollow, !: too few patients or events")
        handles.append(hollow)
    legend_below(figure, handles)
    head(figure, words.setting_line(results))
    return figure


def _mark(axes: Axes, interval: Interval, place: float, number: int, small: bool, said: str) -> None:
    error = None
    if not np.isnan(interval.low):
        error = 100 * np.array([[max(0, interval.value - interval.low)], [max(0, interval.high - interval.value)]])
    dots(axes, 100 * interval.value, place, LOOKS[number], small, xerr=error, gid=said)
