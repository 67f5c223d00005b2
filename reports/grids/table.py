"""Grids: does any setting differ from the default by more than the noise of its runs?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from strokebench.reports.results import Results
from strokebench.reports.statistics.paired import LEVEL, Difference, paired_difference, test_share
from strokebench.reports.summary import SETTING, metrics_by_run, summarise
from strokebench.reports.table1.table import METRIC_COLUMNS, metric_cells
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.failures import failures
from strokebench.reports.tables.table import Cell, Column, Kind, Row, Table, mark_best


@dataclass(frozen=True)
class GridPoint:
    """One setting of a grid.

    Args:
        variant: its label in tables, `layers=2, heads=8`.
        values: axis of the grid -> value there; an axis of several parameters has values like `512:256`.
        settings: every parameter of the grid by its own name.
        chosen: equal to the method's defaults, which are the paper's choice.
    """

    variant: str
    values: Mapping[str, Any]
    settings: Mapping[str, Any]
    chosen: bool

    @property
    def params(self) -> dict[str, Any]:
        """What differs from the defaults; nothing at the chosen setting, whose runs other tables share."""
        return {} if self.chosen else dict(self.settings)


def metric_of(results: Results, method: str, variant: str, metric: str) -> pd.Series:
    """A metric by (seed, fold) of one setting's finished runs."""
    runs = metrics_by_run(results)
    runs = runs[(runs["method"] == method) & (runs["variant"] == variant)]
    return runs.set_index(["seed", "fold"])[metric]


def differences(results: Results, method: str, points: Sequence[GridPoint], metric: str) -> dict[str, Difference]:
    """Each setting against the chosen one, by variant; nothing where none is chosen."""
    chosen = next((point.variant for point in points if point.chosen), None)
    if chosen is None:
        return {}
    share = test_share(results)
    reference = metric_of(results, method, chosen, metric)
    return {
        point.variant: paired_difference(metric_of(results, method, point.variant, metric), reference, share)
        for point in points
        if not point.chosen
    }


def grid_lead(results: Results, method: str, points: Sequence[GridPoint], metric: str = "AUC") -> str:
    """What the numbers say: the best setting, the chosen one, and whether they can be told apart."""
    label = results.method(method).label
    summary = summarise(results)
    summary = summary[(summary["method"] == method) & summary[metric].notna()].set_index("variant")
    present = [point for point in points if point.variant in summary.index]
    if not present:
        return f"{label}: no finished run yet."
    complete = set(summary.index[summary["done"] == summary["planned"]])
    unfinished = sum(point.variant not in complete for point in points)
    waiting = f" {unfinished} of {len(points)} settings are incomplete." if unfinished else ""
    means = summary[metric].astype(float).to_dict()
    best = max(present, key=lambda point: means[point.variant])
    highest = f"{100 * means[best.variant]:.2f}"
    chosen = next((point for point in points if point.chosen), None)
    if chosen is None:
        return f"{label}: highest mean {metric} at {best.variant}, {highest}; its default is not on the grid.{waiting}"
    if best.chosen:
        alike = _alike(differences(results, method, present, metric).values())
        return f"{label}: the chosen setting ({best.variant}) has the highest mean {metric}, {highest}.{alike}{waiting}"
    difference = differences(results, method, points, metric)[best.variant]
    if difference.runs < 2:
        so_far = f"{label}: highest mean {metric} so far at {best.variant}, {highest}"
        return f"{so_far}; too few paired runs to compare.{waiting}"
    verdict = (
        f"p < {LEVEL} by the corrected t test; it was picked as the best of "
        f"{len(present)}, so this alone is no proof that it is better"
        if difference.distinguishable
        else "not distinguishable from it"
    )
    return (
        f"{label}: the highest mean {metric}, {highest} at {best.variant}, is {100 * difference.mean:.2f} points above "
        f"the chosen setting ({chosen.variant}) with a corrected standard error of {100 * difference.error:.2f} over "
        f"{difference.runs} paired runs: {verdict}.{waiting}"
    )


def grid_table(results: Results, name: str, title: str, points: Mapping[str, Sequence[GridPoint]]) -> Table:
    """All settings with the six metrics, and the AUC against the chosen setting.

    Args:
        points: method -> its settings, in the order of the grid.
    """
    columns = [*METRIC_COLUMNS, Column("difference", "AUC − chosen", Kind.TEXT)]
    summary = {tuple(row[key] for key in SETTING[:2]): row for row in _records(summarise(results))}
    rows, labels = [], {}
    for method, settings in points.items():
        against = differences(results, method, settings, "AUC")
        for point in settings:
            if (row := summary.get((method, point.variant))) is None:
                continue
            label = point.variant.replace("_", " ") + (" (chosen)" if point.chosen else "")
            labels[tuple(str(row[key]) for key in SETTING)] = f"{results.method(method).label}, {label}"
            told = "reference" if point.chosen else str(against.get(point.variant, ""))
            rows.append(
                Row(
                    key=f"{method}/{point.variant}",
                    label=label,
                    group=results.method(method).label,
                    cells={**metric_cells(row), "difference": Cell(text=told)},
                    done=row["done"],
                    planned=row["planned"],
                    failed=row["failed"],
                )
            )
    return Table(
        name=name,
        title=title,
        cohort=words.cohort_title(results),
        caption=words.caption(results),
        columns=columns,
        rows=mark_best(rows, columns),
        notes=_notes(rows, results),
        failures=failures(results, labels),
        facts=words.facts(results),
        head="Setting",
    )


def _records(summary: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in summary.to_dict("records")]


def _alike(differences: Iterable[Difference]) -> str:
    """How many settings cannot be told from the chosen one."""
    others = [difference for difference in differences if difference.runs > 1]
    if not others:
        return ""
    alike = sum(not difference.distinguishable for difference in others)
    return f" {alike} of {len(others)} other settings are not distinguishable from it (corrected t test)."


def _notes(rows: Sequence[Row], results: Results) -> list[str]:
    notes = [
        "AUC − chosen: mean difference over the runs that both finished, ± its standard error corrected for "
        "shared training patients (Nadeau and Bengio 2003), in percentage points. Distinguishable: p < "
        f"{LEVEL} by Student's t, which among many settings some pass by chance.",
        "Settings are compared on test patients to show how much they matter; nothing is chosen by this table. "
        "The command strokebench tune chooses on validation patients.",
    ]
    if any(not row.complete for row in rows):
        notes.append("Incomplete: a row with fewer runs than planned shows the mean of its finished runs only.")
    if said := words.identity(results):
        notes.append(said)
    return notes
