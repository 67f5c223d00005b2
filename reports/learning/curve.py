"""The learning curve: how well methods do with fewer training patients, and what a doubling of them is worth."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from strokebench.reports.ablation.table import Entry
from strokebench.reports.choices.table import names_of
from strokebench.reports.results import Results
from strokebench.reports.statistics.decisions import POINTS, equivalent
from strokebench.reports.statistics.gains import auc_contrast
from strokebench.reports.statistics.headline import Headline
from strokebench.reports.statistics.paired import UNTESTED, PairedTest
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.style import INK, dots, head, legend_below, look, plain

FROM = 0.4
"""Share of the training patients from which on a doubling is measured: below, curves are steeper than they go on."""

Shares = Mapping[str, float]
"""Variant of a setting -> share of the training patients."""


def doubling(headline: Headline, names: Mapping[str, float]) -> PairedTest:
    """What a doubling of the training patients gains: the slope of the metric on the logarithm of the shares.

    A slope of each run, over the same test patients, so that it is tested as any other gain is
    (`strokebench.reports.statistics.gains.auc_contrast`).

    Args:
        names: of two or more settings in the headline -> their share.
    """
    x = np.log2(list(names.values()))
    weights = (x - x.mean()) / np.square(x - x.mean()).sum()
    places = [headline.names.index(name) for name in names]
    share = headline.share if headline.corrects else None
    return auc_contrast(headline.analytic, places, weights, share, headline.parts)


def slopes(
    results: Results, headline: Headline | None, entries: Sequence[Entry], shares: Shares
) -> dict[str, PairedTest]:
    """`doubling` of each method over its shares from `FROM` on, once all of them have enough runs in common."""
    names, found = names_of(results, headline, entries), {}
    for method in dict.fromkeys(entry.method for entry in entries):
        wanted = [entry for entry in entries if entry.method == method and shares[entry.variant] >= FROM]
        if headline is None or len(wanted) < 2 or not names.keys() >= set(wanted):
            continue
        slope = doubling(headline, {names[entry]: shares[entry.variant] for entry in wanted})
        if slope.tested and slope.runs >= headline.fewest:
            found[method] = slope
    return found


def curve_lead(results: Results, found: Mapping[str, PairedTest]) -> str:
    """Whether more patients would help, a sentence a method."""
    if not found:
        return f"Too few runs are finished to tell whether more patients would help, or {UNTESTED}."
    metric = results.compared_by
    said = []
    for method, slope in found.items():
        worth = f"a doubling of the training patients is worth {slope.text(signed=True)} points of {metric}"
        if slope.low > 0:
            verdict = "more patients like these would help" + (f", by less than {POINTS}" if equivalent(slope) else "")
        elif slope.high < 0:
            verdict = "it does worse with more patients"
        elif equivalent(slope):
            verdict = f"twice as many would move it by less than {POINTS}"
        else:
            verdict = "whether more patients would help is not shown"
        said.append(f"{results.method(method).label}: {worth}, so {verdict}.")
    return " ".join([*said, f"Measured from {100 * FROM:g} % of them on; that the curve goes on so is an assumption."])


def draw_curve(results: Results, headline: Headline | None, entries: Sequence[Entry], shares: Shares) -> Figure:
    """The metric of each method by the share of its training patients, with the headline's intervals."""
    names = names_of(results, headline, entries)
    figure = Figure(figsize=(8.2, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for number, method in enumerate(results.methods):
        known = [entry for entry in entries if entry.method == method.name and entry in names]
        if headline is None or not known:
            continue
        values = [headline.auc(names[entry]) for entry in known]
        # Side by side, so that bars do not hide each other.
        x = np.array([100 * shares[entry.variant] for entry in known]) + number - (len(results.methods) - 1) / 2
        middle = 100 * np.array([value.value for value in values])
        ends = np.array([[100 * value.low, 100 * value.high] for value in values]).T
        # Of no width, an end may lie a last digit on the wrong side.
        bars = np.nan_to_num([middle - ends[0], ends[1] - middle]).clip(0)
        mark, fill = look(number)
        dots(axes, x, middle, mark, yerr=bars, linestyle="-", linewidth=1.2, label=method.label, markerfacecolor=fill)
    axes.set_xticks([100 * share for share in shares.values()], [f"{100 * share:g} %" for share in shares.values()])
    axes.set_xlabel("Share of the training patients", color=INK)
    axes.set_ylabel(f"{results.compared_by} in percent, with 95 % interval", color=INK)
    plain(axes)
    legend_below(figure)
    head(figure, words.setting_line(results), 10, colour=INK)
    return figure
