"""The tables of the comparison: against the reference, how large the differences are, and every pair as numbers."""

from collections.abc import Sequence

import pandas as pd

from strokebench.errors import counted
from strokebench.reports.comparison.compare import MethodComparison, Pair
from strokebench.reports.comparison.words import intervals_in_words, p_value, tests_in_words
from strokebench.reports.results import Results
from strokebench.reports.statistics.decisions import POINTS, equivalent, non_inferior
from strokebench.reports.statistics.intervals import Interval
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.results_table import results_table
from strokebench.reports.tables.table import DASH, Cell, Column, Row, Table, text_columns


def comparison_table(results: Results, comparison: MethodComparison, refusal: str = "") -> Table:
    """AUC or c, difference to the reference, p values and non-inferiority, one row a method, the highest first.

    Args:
        refusal: why there is no critical-difference diagram, where there is none.
    """
    metric = comparison.metric
    titles = ("Difference [95 % CI]", "p", "p Holm", "Real?", "Non-inferior?", "Practically equal?")
    keys = ("difference", "p", "p_holm", "real", "non_inferior", "equal")
    columns = text_columns(**{metric.lower(): f"{metric} [95 % CI]"}, **dict(zip(keys, titles, strict=True)))
    rows = []
    for name in comparison.names:
        cells = {metric.lower(): comparison.values[name].text(decimals=2, ends=1)}
        if comparison.reference not in (None, name):
            cells |= _against(comparison.pair(name, str(comparison.reference)))
        rows.append(_row(comparison, name, cells))
    reference = comparison.labels[comparison.reference] if comparison.reference else DASH
    pairs = len(comparison.pairs)
    over = "hospitals" if comparison.corrects and results.provenance.get("protocol") == "loho" else "runs"
    notes = [
        f"{metric}: mean over {over}, in percent, as in Table 1 where all runs are there. Difference: method minus "
        f"{reference}, in points, over the runs that both have. Intervals: {intervals_in_words(comparison)}.",
        f"Real: {tests_in_words(comparison)}. Holm's adjustment is over "
        f"{f'all {pairs} pairs, those of the matrix too' if pairs > 1 else counted(pairs, 'pair')}.",
        f"Non-inferior: the interval of the difference lies above -{POINTS} (margin: our "
        "choice); otherwise in brackets how much worse the method may be. Practically equal: it lies within "
        f"{POINTS} on both sides; otherwise in brackets how far apart the two may be.",
    ]
    notes += [refusal] if refusal else []
    title = f"Methods against {reference} ({comparison.why_reference})"
    return _table(results, "comparison", title, columns, rows, notes)


def effects_table(results: Results, comparison: MethodComparison) -> Table:
    """How large each difference to the reference is, in three scales."""
    columns = text_columns(
        difference="Difference [95 % CI]",
        drawn="Test patients alone [95 % CI]",
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
            "difference": _points(pair.tested),
            "drawn": _points(pair.drawn),
            "p_bootstrap": p_value(pair.drawn.p),
            "hedges": DASH if pair.hedges != pair.hedges else f"{pair.hedges:+.2f}",
            "superiority": DASH if not pair.runs else f"{100 * pair.superiority:.0f} % of {counted(pair.runs, 'run')}",
        }
        rows.append(_row(comparison, name, cells))
    notes = [
        "Hedges' g: mean difference over runs, in units of its standard deviation from run to run. Runs share "
        "patients, so neither g nor the share of runs may be tested as if runs were independent. Test patients alone: "
        "patients drawn again with all their seeds, models as they are; too narrow on a few hundred patients."
    ]
    reference = comparison.labels[comparison.reference] if comparison.reference else DASH
    return _table(results, "comparison_effects", f"Size of the differences to {reference}", columns, rows, notes)


def pairs_frame(comparison: MethodComparison) -> pd.DataFrame:
    """Every pair with every number, unrounded; AUC or c as a fraction."""
    lines = []
    for pair in comparison.pairs.values():
        tested, drawn = pair.tested, pair.drawn
        line = {"first": pair.first, "second": pair.second, "common_runs": pair.runs, "difference": tested.value}
        line |= {"low": tested.low, "high": tested.high, "se": tested.se, "p": tested.p}
        line |= {"bootstrap_low": drawn.low, "bootstrap_high": drawn.high, "bootstrap_p": drawn.p}
        line |= {"p_holm": pair.p_holm, "real": pair.real}
        lines.append(line | {"hedges_g": pair.hedges, "superiority": pair.superiority})
    return pd.DataFrame(lines)


def _against(pair: Pair) -> dict[str, str]:
    if pair.p_holm != pair.p_holm:
        return {"difference": DASH, "non_inferior": DASH}
    tested, verdict = pair.tested, f"yes, {'better' if pair.better == pair.first else 'worse'}"
    worse, apart = (max(0.0, -100 * low) for low in (tested.low, min(tested.low, -tested.high)))
    return {
        "difference": _points(tested),
        "p": p_value(tested.p),
        "p_holm": p_value(pair.p_holm),
        "real": verdict if pair.real else "not shown",
        "non_inferior": "yes" if non_inferior(tested) else f"not shown ({worse:.1f})",
        "equal": "yes" if equivalent(tested) else f"not shown ({apart:.1f})",
    }


def _points(interval: Interval) -> str:
    return interval.text(decimals=2, ends=1, signed=True)


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
