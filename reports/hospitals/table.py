"""Leave one hospital out: how well does each method do where it has never been, and where is it worst?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from strokebench.reports.results import SETTING, Results
from strokebench.reports.statistics.intervals import auc_standard_error, z_value
from strokebench.reports.summary import rows_by_setting
from strokebench.reports.table1.table import adapted_footnotes, metric_cells, metric_columns, metric_row
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.results_table import results_table
from strokebench.reports.tables.table import Cell, Column, Row, Table, mark_best
from strokebench.tasks.metrics.evaluate import THRESHOLD

FEW = 10
"""A hospital with fewer patients of either class is warned of (our choice)."""

MEAN = Column("mean", "Mean")


@dataclass(frozen=True)
class Hospital:
    """One test part.

    Args:
        fold: its number. n, positives: test patients, and those of label 1; 0 where no run is finished.
    """

    fold: int
    name: str
    n: int
    positives: int

    @property
    def facts(self) -> str:
        """`n = 167, 21.6 % positive`."""
        if not self.n:
            return "no finished run"
        return f"n = {self.n}, {100 * self.positives / self.n:.1f} % positive"

    @property
    def rarer(self) -> int:
        """Patients of the rarer class; the AUC is undefined at 0."""
        return min(self.positives, self.n - self.positives)

    def standard_error(self, auc: float) -> float:
        """Of an AUC measured on these patients; NaN on one class."""
        return auc_standard_error(auc, self.positives, self.n - self.positives)


def hospitals(results: Results) -> list[Hospital]:
    """The hospitals of results of protocol `loho`, in the order of folds."""
    found = []
    for fold in sorted(results.runs["fold"].unique()):
        part = results.predictions[results.predictions["fold"] == fold].drop_duplicates("patient_id")
        sites = part["site"].dropna().astype(str).unique()
        name = " and ".join(sites) if len(sites) else f"Hospital {fold + 1}"
        found.append(Hospital(int(fold), name, len(part), int(results.endpoint.events(part["y"]).sum())))
    return found


def at_hospital(results: Results, hospital: Hospital) -> Results:
    """The runs that were tested at one hospital."""
    return replace(
        results,
        predictions=results.predictions[results.predictions["fold"] == hospital.fold],
        runs=results.runs[results.runs["fold"] == hospital.fold],
        patient_facts=None,
        oracle=None,
    )


def summaries(results: Results) -> list[tuple[Hospital, list[dict[str, Any]]]]:
    """Each hospital with the rows of `summarise` there, one a method in the order of `results.methods`."""
    order = [method.name for method in results.methods]
    found = []
    for hospital in hospitals(results):
        rows = rows_by_setting(at_hospital(results, hospital)).values()
        found.append((hospital, sorted(rows, key=lambda row: order.index(row["method"]))))
    return found


def hospital_aucs(results: Results) -> pd.DataFrame:
    """Mean AUC by method (rows) and fold (columns); NaN without a finished run or with one class only."""
    found = {hospital.fold: {row["method"]: row["AUC"] for row in rows} for hospital, rows in summaries(results)}
    return pd.DataFrame(found, index=[method.name for method in results.methods], dtype=float)


def hospital_table(results: Results) -> Table:
    """The metrics of each method at each hospital."""
    columns, rows = metric_columns(results), []
    letters = {note.label: note.letter for note in adapted_footnotes(results)}
    for hospital, settings in summaries(results):
        label = f"{hospital.name} ({hospital.facts})"
        here = [
            metric_row(
                row,
                f"{hospital.fold}/{method.name}",
                method.label,
                label,
                metric_cells(results, row),
                letters.get(method.label, ""),
            )
            for row in settings
            for method in [results.method(row["method"])]
        ]
        rows += mark_best(here, columns)
    return _table(results, "figure5_table", "Prognosis at each hospital left out", columns, rows)


def auc_table(results: Results) -> Table:
    """AUC of each method at each hospital, and the plain mean over hospitals where it is defined."""
    found = summaries(results)
    columns = [*(Column(f"AUC at {hospital.name}", hospital.name) for hospital, _ in found), MEAN]
    letters = {note.label: note.letter for note in adapted_footnotes(results)}
    rows = []
    for method in results.methods:
        cells: dict[str, Cell] = {}
        settings = {hospital: row for hospital, at in found for row in at if row["method"] == method.name}
        for hospital, row in settings.items():
            cells[f"AUC at {hospital.name}"] = metric_cells(results, row)["AUC"]
        values = [cells[f"AUC at {hospital.name}"].value for hospital in settings if hospital.rarer or not hospital.n]
        known = [value for value in values if value is not None]
        # The mean over some hospitals only would not compare with others.
        cells[MEAN.key] = Cell(sum(known) / len(known) if known and len(known) == len(values) else None)
        rows.append(
            Row(
                key=method.name,
                label=method.label,
                group=method.family,
                cells=cells,
                done=sum(row["done"] for row in settings.values()),
                planned=sum(row["planned"] for row in settings.values()),
                failed=sum(row["failed"] for row in settings.values()),
                footnote=letters.get(method.label, ""),
            )
        )
    return _table(results, "figure5_auc", "AUC by method and hospital left out", columns, mark_best(rows, columns))


def few_patients(results: Results) -> list[str]:
    """A warning a hospital whose numbers mean little, or nothing."""
    warnings = []
    for hospital in hospitals(results):
        if not hospital.n or hospital.rarer >= FEW:
            continue
        warning = f"{hospital.name} has {hospital.n} patients, {hospital.positives} of them positive: "
        warning += "few" if hospital.rarer else "one class only, so its AUC is undefined and left out of means"
        warnings.append(warning + (", so every number there is mostly chance." if hospital.rarer else "."))
    return warnings


def worst_hospital(results: Results) -> Hospital | None:
    """The hospital with the lowest mean AUC over the methods that are finished at every hospital.

    None where fewer than two hospitals can be compared.
    """
    means = _means(results)
    if len(means) < 2:
        return None
    return next(hospital for hospital in hospitals(results) if hospital.fold == means.idxmin())


def hospital_lead(results: Results) -> str:
    """The worst hospital against the best with the standard error to expect, and who leads where."""
    if not len(results.runs):
        return "Nothing was planned: no wanted method can be run on this cohort."
    worst = worst_hospital(results)
    if worst is None:
        return "No hospitals can be compared yet: no method is finished at two of them with both classes."
    means = _means(results)
    best = next(hospital for hospital in hospitals(results) if hospital.fold == means.idxmax())
    low, high = means.min(), means.max()
    error = math.hypot(worst.standard_error(low), best.standard_error(high))
    verdict = "more than two of them" if high - low > 2 * error else "within two of them, so chance may be all of it"
    many = f", and the extremes of {len(means)} hospitals always lie apart" if len(means) > 2 else ""
    over = len(_compared(results).index)
    return (
        f"Worst hospital: {worst.name} ({worst.facts}), mean AUC {100 * low:.2f} over {over} "
        f"{'method' if over == 1 else 'methods'}; best: {best.name} ({best.facts}), {100 * high:.2f}. The difference "
        f"of {100 * (high - low):.2f} points stands against a standard error of about {100 * error:.2f} from the "
        f"patients alone: {verdict}{many}. {_leader(results)}"
    ).strip()


def _leader(results: Results) -> str:
    """Who has the highest mean AUC at most hospitals, and where that is more than the spread over seeds."""
    wins: dict[str, list[bool]] = {}
    compared = 0
    for hospital, rows in summaries(results):
        known = sorted((row for row in rows if not math.isnan(row["AUC"])), key=lambda row: -row["AUC"])
        if not hospital.rarer or len(known) < 2:
            continue
        compared += 1
        first, second = known[:2]
        clear = first["AUC"] - second["AUC"] > max(first["AUC_std"], second["AUC_std"])
        wins.setdefault(first["method"], []).append(clear)
    if not wins:
        return ""
    leader = max(wins, key=lambda name: len(wins[name]))
    sentence = f"{results.method(leader).label} has the highest mean AUC at {len(wins[leader])} of {compared} hospitals"
    if results.runs["seed"].nunique() < 2:
        return f"{sentence}; one seed alone does not tell by how much training moves it."
    return f"{sentence}, at {sum(wins[leader])} of them by more than the deviation over seeds."


def _compared(results: Results) -> pd.DataFrame:
    """AUCs of the methods that are finished at every hospital where one is, by fold."""
    aucs = hospital_aucs(results).dropna(axis="columns", how="all")
    return aucs.dropna(axis="index", how="any")


def _means(results: Results) -> pd.Series:
    return _compared(results).mean().dropna()


def _over(seeds: int) -> str:
    if seeds == 1:
        return "In percent, of one seed"
    return f"Mean (population standard deviation) in percent over {seeds} seeds, which share the hospital's patients"


def _table(results: Results, name: str, title: str, columns: Sequence[Column], rows: list[Row]) -> Table:
    caption = (
        f"{words.outcome_in_words(results)} Each hospital in turn is the test part; training and validation see the "
        f"others only. {_over(results.runs['seed'].nunique())}. Label 1 is the "
        f"positive class, called from a probability of {THRESHOLD:g} on. Best bold, second best underlined."
    )
    notes = [
        "Mean: over hospitals, each counted once; a hospital with one class only is left out of it. The deviation "
        "over seeds tells of training, not of the chance that other patients had come."
    ]
    if errors := [
        f"{h.name} ± {100 * z_value() * h.standard_error(0.7):.0f}" for h in hospitals(results) if h.n and h.rarer
    ]:
        notes.append(
            "What chance alone does to an AUC of 70 at each hospital (95 % limits in points, Hanley and McNeil 1982): "
            f"{', '.join(errors)}."
        )
    labels = {
        tuple(str(row[key]) for key in SETTING): results.method(row["method"]).label
        for row in results.runs[list(SETTING)].drop_duplicates().to_dict("records")
    }
    return results_table(
        results, name, title, columns, rows, caption, notes, labels, footnotes=adapted_footnotes(results)
    )
