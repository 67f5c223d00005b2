"""The tables of the comparison: against the reference, how large the differences are, and every pair as numbers."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from strokebench.reports.comparison.compare import MethodComparison, Pair
from strokebench.reports.comparison.words import p_value, tests_in_words
from strokebench.reports.results import Results
from strokebench.reports.statistics.intervals import Interval
from strokebench.reports.statistics.paired import is_corrected
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.results_table import results_table
from strokebench.reports.tables.table import DASH, Cell, Column, Kind, Row, Table, text_columns


def comparison_table(results: Results, comparison: MethodComparison, refusal: str = "") -> Table:
    """AUC, difference to the reference, p values and non-inferiority, one row a method, the highest AUC first.

    Args:
        refusal: why there is no critical-difference diagram, where there is none.
    """
    titles = ("AUC [95 % CI]", "Difference [95 % CI]", "p DeLong", "p Holm", "p corrected t", "Real?", "Non-inferior?")
    keys = ("auc", "difference", "p_delong", "p_holm", "p_corrected", "real", "non_inferior")
    columns = [Column(key, title, Kind.TEXT) for key, title in zip(keys, titles, strict=True)]
    rows = []
    for name in comparison.names:
        cells = {"auc": comparison.aucs[name].text(decimals=2, ends=1)}
        if comparison.reference not in (None, name):
            cells |= _against(comparison.pair(name, str(comparison.reference)), comparison.margin)
        rows.append(_row(comparison, name, cells))
    reference = comparison.labels[comparison.reference] if comparison.reference else DASH
    pairs = len(comparison.pairs)
    notes = [
        f"AUC: mean over runs, in percent, as in Table 1. Difference: method minus {reference}, in points, over the "
        "runs that both have. Intervals: patients drawn again (stratified by label; a patient's predictions of all "
        "seeds together), models as they are: with other training patients they would be wider.",
        f"Real: {tests_in_words(comparison)}. Holm's adjustment is over all {pairs} pairs, those of the matrix too.",
        f"Non-inferior: every interval of the difference lies above -{100 * comparison.margin:g} points (margin: our "
        "choice); otherwise in brackets how much worse the method may be.",
    ]
    if not is_corrected(results) and pairs:
        notes.append(
            "No corrected t: it needs runs with test parts drawn at random from the same patients (protocol cv5)."
        )
    notes += [refusal] if refusal else []
    title = f"Methods against {reference} ({comparison.why_reference})"
    return _table(results, "comparison", title, columns, rows, notes)


def effects_table(results: Results, comparison: MethodComparison) -> Table:
    """How large each difference to the reference is, in three scales."""
    columns = text_columns(
        difference="Difference [95 % CI]",
        wide="Corrected t [95 % CI]",
        p_bootstrap="p bootstrap",
        hedges="Hedges' g",
        superiority="Better in",
    )
    rows = []
    for name in comparison.names:
        if comparison.reference in (None, name):
            continue
        pair = comparison.pair(name, str(comparison.reference))
        cells = {
            "difference": _points(pair.drawn),
            "wide": DASH if pair.corrected is None else _points(pair.corrected),
            "p_bootstrap": p_value(pair.drawn.p),
            "hedges": DASH if pair.hedges != pair.hedges else f"{pair.hedges:+.2f}",
            "superiority": DASH if not pair.runs else f"{100 * pair.superiority:.0f} % of {pair.runs} runs",
        }
        rows.append(_row(comparison, name, cells))
    notes = [
        "Hedges' g: mean difference over runs, in units of its standard deviation from run to run. Runs share "
        "patients, so neither g nor the share of runs may be tested as if runs were independent; the corrected t "
        "allows for it."
    ]
    reference = comparison.labels[comparison.reference] if comparison.reference else DASH
    return _table(results, "comparison_effects", f"Size of the differences to {reference}", columns, rows, notes)


def pairs_frame(comparison: MethodComparison) -> pd.DataFrame:
    """Every pair with every number, unrounded; AUC as a fraction."""
    lines = []
    for pair in comparison.pairs.values():
        line = {"first": pair.first, "second": pair.second, "common_runs": pair.runs, "difference": pair.drawn.value}
        line |= {"bootstrap_low": pair.drawn.low, "bootstrap_high": pair.drawn.high, "bootstrap_p": pair.drawn.p}
        line |= {"delong_se": pair.delong.se, "delong_p": pair.delong.p}
        if pair.corrected is not None:
            line |= {"corrected_low": pair.corrected.low, "corrected_high": pair.corrected.high}
            line["corrected_p"] = pair.corrected.p
        line |= {"p_holm": pair.p_holm, "real": pair.real}
        lines.append(line | {"hedges_g": pair.hedges, "superiority": pair.superiority})
    return pd.DataFrame(lines)


def _against(pair: Pair, margin: float) -> dict[str, str]:
    lows = [pair.drawn.low, pair.delong.low, *([] if pair.corrected is None else [pair.corrected.low])]
    worse = max(0.0, -100 * min(lows))
    if pair.p_holm != pair.p_holm:
        return {"difference": DASH, "non_inferior": DASH}
    verdict = f"yes, {'better' if pair.better == pair.first else 'worse'}" if pair.real else "not shown"
    return {
        "difference": _points(pair.drawn),
        "p_delong": p_value(pair.delong.p),
        "p_corrected": DASH if pair.corrected is None else p_value(pair.corrected.p),
        "p_holm": p_value(pair.p_holm),
        "real": verdict,
        "non_inferior": "yes" if pair.non_inferior(margin) else f"not shown ({worse:.1f})",
    }


def _points(interval: Interval) -> str:
    return interval.text(decimals=2, ends=1, sign="+", end_sign="+")


def _row(comparison: MethodComparison, name: str, cells: dict[str, str]) -> Row:
    is_reference = name == comparison.reference
    return Row(
        key=name,
        label=comparison.labels[name] + (" (reference)" if is_reference else ""),
        group="",
        cells={key: Cell(text=text) for key, text in cells.items()},
        done=comparison.done[name],
        planned=comparison.planned[name],
    )


def _table(
    results: Results, name: str, title: str, columns: Sequence[Column], rows: Sequence[Row], notes: Sequence[str]
) -> Table:
    return results_table(results, name, title, columns, rows, words.outcome_in_words(results), notes, incomplete="")
