"""Table 1: how well each method tells who will have the outcome."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import count, product
from string import ascii_lowercase
from typing import Any

import pandas as pd

from strokebench.errors import StrokebenchError
from strokebench.reports.paper.numbers import is_papers_outcome, paper_number, paper_order
from strokebench.reports.results import MethodInfo, Results, variant_id
from strokebench.reports.statistics.decisions import POINTS, equivalent, likeness
from strokebench.reports.statistics.headline import FEWEST_RUNS, Headline, differences_of, headline_of
from strokebench.reports.statistics.paired import UNTESTED, PairedTest
from strokebench.reports.summary import rows_by_setting, summarise_oracle
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.results_table import OTHER_PATIENTS, results_table
from strokebench.reports.tables.table import Cell, Column, Footnote, Kind, Row, Table, mark_best
from strokebench.tasks.paper_setup import REFERENCE, SIZES

FAMILIES: tuple[str, ...] = ("Traditional", "Deep", "Multimodal", "Proposed")
"""The paper's categories, in its order."""

ORACLE = "oracle"
COST_COLUMNS = (
    Column("parameters", "Params", Kind.COUNT),
    Column("fit_seconds", "Fit", Kind.SECONDS),
    Column("predict_seconds", "Predict", Kind.SECONDS),
    Column("peak_mb", "Memory", Kind.MEGABYTES),
)


def table1(results: Results, cost: bool = False) -> Table:
    """The paper's Table 1 on these results: the metrics of each method, by category.

    Args:
        results: predictions of any methods, finished or not.
        cost: beside the first metric alone parameter count, fit and predict seconds and peak memory, each the mean a
            run.

    Returns:
        One row a method (one a variant or condition where there are several), in the paper's order where it
        has one; the oracle below where the cohort knows the true probabilities.
    """
    columns = metric_columns(results)
    if cost:
        columns = [*columns[:1], *COST_COLUMNS]
    summary = rows_by_setting(results)
    footnotes = adapted_footnotes(results)
    letters = {footnote.label: footnote.letter for footnote in footnotes}
    rows: list[Row] = []
    labels: dict[tuple[str, ...], str] = {}
    for setting in sorted(results.settings.values(), key=lambda setting: _place(setting.method, results)):
        row, method = summary[setting.key], setting.method
        labels[setting.key] = setting.label
        # Of a method at several sizes the paper's numbers are those at its own.
        like = setting.plain or setting.variant == variant_id(SIZES["paper"])
        cells = metric_cells(results, row, "table1", method.name if like else "")
        cells |= {column.key: Cell(_known(row[column.key])) for column in columns if not column.measured}
        cells = {column.key: cells[column.key] for column in columns}
        letter = letters.get(method.label, "")
        rows.append(metric_row(row, setting.name, setting.label, method.family, cells, letter))
    competing = [row for row in rows if row.group != REFERENCE]
    rows = [*mark_best(competing, columns), *rows[len(competing) :]]
    oracle = summarise_oracle(results)
    if oracle is not None:
        rows.append(_oracle_row(results, oracle))
    title = "Table 1. Prognosis by method" + (", and its cost" if cost else "")
    notes = [*_notes(results, rows, columns, oracle is not None, cost), words.counted_not_inputs(results)]
    paper = (
        f"{OTHER_PATIENTS} Of its Table 1 only what its text and other tables repeat is known to us; its rows on one "
        "modality were probably made in another way, since its MLP's recall fits no 4 runs on the same test patients."
    )
    caption = words.caption(results)
    name = "table1_cost" if cost else "table1"
    return results_table(results, name, title, columns, rows, caption, notes, labels, paper=paper, footnotes=footnotes)


def adapted_footnotes(results: Results) -> list[Footnote]:
    """One footnote for each adapted method of these results, lettered in the order of the rows."""
    present = set(results.runs["method"])
    adapted = [method for method in results.methods if method.adapted and method.name in present]
    adapted.sort(key=lambda method: _place(method, results))
    return [
        Footnote(letter, method.label, {**method.notes, "Source": method.source or "not stated"})
        for letter, method in zip(_letters(), adapted, strict=False)
    ]


def metric_columns(results: Results) -> list[Column]:
    """A column for each metric that applies."""
    return [
        Column(name, name, Kind.PERCENT if metric.unit == "%" else Kind.NUMBER, metric.higher_is_better)
        for name, metric in results.judged_by.items()
    ]


def metric_cells(results: Results, summary: Mapping[str, Any], source: str = "", label: str = "") -> dict[str, Cell]:
    """The metrics of a row of `summarise`, each with the paper's number for it where there is one of this outcome.

    A single run has no deviation: a printed 0.00 would be read as certainty.
    """
    return {
        metric: Cell(
            _known(summary[metric]),
            _known(summary[f"{metric}_std"]) if summary["done"] > 1 else None,
            paper=paper_number(source, label, metric) if source and is_papers_outcome(results) else None,
        )
        for metric in results.judged_by
    }


def metric_row(
    summary: Mapping[str, Any], key: str, label: str, group: str, cells: Mapping[str, Cell], footnote: str = ""
) -> Row:
    """A row of a table for a row of `summarise`, with its counts of runs."""
    counts = {name: summary[name] for name in ("done", "planned", "failed")}
    return Row(key=key, label=label, group=group, cells=cells, footnote=footnote, **counts)


def _oracle_row(results: Results, oracle: dict[str, float]) -> Row:
    return Row(
        key=ORACLE,
        label="Oracle (true probability)",
        group="Ceiling",
        cells=metric_cells(results, oracle),
        done=int(oracle["done"]),
        planned=int(oracle["planned"]),
        reference=True,
    )


def _letters() -> Iterator[str]:
    """a, b, ..., z, aa, ab, ..."""
    for length in count(1):
        yield from map("".join, product(ascii_lowercase, repeat=length))


def family_place(method: MethodInfo) -> int:
    """Where a method's category stands among `FAMILIES`; below them where it is none of them, references last."""
    order = (*FAMILIES, method.family, REFERENCE)
    return len(order) - 1 if method.family == REFERENCE else order.index(method.family)


def _place(method: MethodInfo, results: Results) -> tuple[int, int, int]:
    """Family, then the paper's row, then the order in which methods were given."""
    paper = paper_order("table1")
    return (
        family_place(method),
        paper.index(method.name) if method.name in paper else len(paper),
        results.methods.index(method),
    )


def _notes(results: Results, rows: list[Row], columns: Sequence[Column], oracle: bool, cost: bool) -> list[str]:
    notes = []
    if any(row.group == REFERENCE for row in rows):
        notes.append(
            "Reference rows are not in the paper. They are trained and judged as the others, on the same folds, and "
            "are never ranked or marked among them: what a new method should beat."
        )
    measured = [column.key for column in columns if column.measured]
    if any(row.done and row.cells[key].value is None for row in rows for key in measured):
        notes.append("A dash in a row with finished runs: the metric is undefined in one of its test parts.")
    if oracle:
        notes.append(
            "Oracle: the probabilities that the generator drew the outcomes from, scored on the same test "
            "parts. No method can be expected to pass its AUC or ACC; at a fixed threshold, methods trained "
            "on balanced classes may trade specificity for a higher recall or F1. It is never marked."
        )
        if attainable := results.provenance.get("attainable"):
            notes[-1] += f" Part of it shows in no image and no column. The best attainable was {attainable}."
    if cost:
        notes.append("Parameters, seconds and peak memory: mean of the finished runs.")
    return notes


def _known(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def table1_lead(results: Results, headline: Headline | None = None) -> str:
    """The best of the methods that have all their runs, how far the next and the best reference row are from it, and
    which methods are shown to be practically as good.

    Returns:
        Empty where no method is complete, or no metric compares them.
    """
    try:
        metric, summary = results.compared_by, rows_by_setting(results)
    except StrokebenchError:
        return ""
    complete = [
        setting
        for setting in results.settings.values()
        if (row := summary[setting.key])["done"] == row["planned"] and not math.isnan(row[metric])
    ]
    ranked = sorted(complete, key=lambda setting: -summary[setting.key][metric])
    methods = [setting for setting in ranked if setting.method.family != REFERENCE]
    if not methods:
        return ""
    best = methods[0]
    mean = f"{100 * summary[best.key][metric]:.2f}"
    if len(methods) == 1:
        said = [f"{best.label}: mean {metric} {mean}."]
    else:
        # One method may stand there at several sizes.
        n = len({setting.method.name for setting in methods})
        said = [f"{best.label} has the highest mean {metric} of {f'{n} methods' if n > 1 else 'its settings'}, {mean}."]
    others = {"The next": methods[1:2], "The best reference row": [s for s in ranked if s.method.family == REFERENCE]}
    compared = {role: settings[0] for role, settings in others.items() if settings}
    headline = headline or headline_of(results)
    found = differences_of(results, {setting.key: best.key for setting in compared.values()}, headline)
    fewest = headline.fewest if headline else FEWEST_RUNS
    said += [
        f"{role}, {setting.label}, lies {_distance(found[setting.key], fewest)}." for role, setting in compared.items()
    ]
    if len(methods) > 2:
        apart = differences_of(results, {setting.key: best.key for setting in methods[1:]}, headline)
        alike = [s.label for s in methods[1:] if apart[s.key].runs >= fewest and equivalent(apart[s.key])]
        within = f"shown to lie within {POINTS} of it, by the whole interval of the difference"
        count = f"{len(alike) or 'none'} {'are' if len(alike) > 1 else 'is'}"
        said.append(f"Of all others {count} {within}{_listed(alike)}")
    if len(methods) > 1:
        said.append("The best of several is picked on these test patients, which flatters it.")
    return " ".join(said)


def _listed(labels: Sequence[str]) -> str:
    return f": {', '.join(labels)}." if labels else "."


def _distance(difference: PairedTest, fewest: int = FEWEST_RUNS) -> str:
    """`1.20 points below it (95 % interval -0.30 to 2.70): not shown to be more than chance`"""
    sign = 100 if difference.value > 0 else -100
    apart = f"{abs(100 * difference.value):.2f} points {'above' if difference.value > 0 else 'below'} it"
    apart = "level with it" if apart.startswith("0.00 ") else apart
    if not difference.tested and difference.runs > min(fewest, 1):
        return f"{apart}; {UNTESTED}"
    if not difference.tested or difference.runs < fewest:
        return f"{apart}, in too few runs to tell that from chance"
    low, high = sorted((sign * difference.low, sign * difference.high))
    verdict = (
        "more than chance, by this one test"
        if difference.distinguishable
        else f"not shown to be more than chance, {likeness(difference)}"
    )
    return f"{apart} (95 % interval {low:.2f} to {high:.2f}): {verdict}"
