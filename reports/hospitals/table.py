"""Leave one hospital out: how well does each method do where it has never been, and where is it worst?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd

from strokebench.errors import counted
from strokebench.files import natural_order
from strokebench.reports.hospitals.chance import by_hospital
from strokebench.reports.results import SETTING, MethodInfo, Results
from strokebench.reports.statistics.intervals import UNDEFINED, Z, auc_standard_error, independent_difference
from strokebench.reports.summary import once, rows_by_setting, run_counts
from strokebench.reports.table1.table import adapted_footnotes, metric_cells, metric_columns, metric_row
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.results_table import results_table
from strokebench.reports.tables.table import DASH, Cell, Column, Kind, Row, Table, mark_best
from strokebench.tasks.metrics.evaluate import THRESHOLD

FEW = 10
"""Of a hospital with fewer patients of either class a warning says that its numbers are mostly chance (our choice)."""

MEAN = "mean"
WIDTH = 36
"""Letters of methods' names that a table of hospitals holds beside everything else in 80 columns."""


@dataclass(frozen=True)
class Hospital:
    """One test part.

    Args:
        fold: its number. counts: its test patients by label; all 0 where no run is finished.
        typical: `21.6 % positive`, of grades `median mrs 3`.
        left_out: how it is named where it is in no number, empty where it is in them; see `Results.too_small`.
    """

    fold: int
    name: str
    counts: tuple[int, ...]
    typical: str = ""
    left_out: str = ""

    @property
    def n(self) -> int:
        """Test patients."""
        return sum(self.counts)

    @property
    def events(self) -> int | None:
        """Those of label 1; None where grades are predicted."""
        return self.counts[1] if len(self.counts) == 2 else None

    @property
    def facts(self) -> str:
        """`n = 167, 21.6 % positive`."""
        if not self.n:
            return "no finished run"
        return f"n = {self.n}, {self.typical}"

    @property
    def rarer(self) -> int:
        """Patients outside the commonest class; the AUC, or c, is undefined at 0."""
        return self.n - max(self.counts)

    @property
    def judged(self) -> bool:
        """Its numbers are in means and comparisons."""
        return bool(self.n) and not self.left_out


@once
def hospitals(results: Results) -> list[Hospital]:
    """The hospitals of results of protocol `loho`, in the order of their names."""
    found = []
    for fold in sorted(results.runs["fold"].unique()):
        part = results.predictions[results.predictions["fold"] == fold].drop_duplicates("patient_id")
        sites = part["site"].dropna().astype(str).unique()
        name = " and ".join(sites) if len(sites) else f"Hospital {fold + 1}"
        counts = np.bincount(part["y"].astype(int), minlength=results.endpoint.levels)
        left_out = results.too_small.get(int(fold), "")
        found.append(Hospital(int(fold), name, tuple(map(int, counts)), _typical(results, part["y"]), left_out))
    return sorted(found, key=lambda hospital: natural_order(hospital.name))


def _typical(results: Results, y: pd.Series) -> str:
    if y.empty:
        return ""
    if results.endpoint.binary:
        return f"{100 * y.mean():.1f} % positive"
    return f"median {results.endpoint.describe(int(y.median()))}"


@once
def summaries(results: Results) -> list[tuple[Hospital, list[dict[str, Any]]]]:
    """Each hospital with the rows of `summarise` there, one a method in the order of `results.methods`."""
    order = [method.name for method in results.methods]
    found = []
    for hospital in hospitals(results):
        rows = rows_by_setting(results, hospital.fold).values()
        found.append((hospital, sorted(rows, key=lambda row: order.index(row["method"]))))
    return found


def hospital_aucs(results: Results) -> pd.DataFrame:
    """Mean AUC, or c, by method (rows) and fold (columns); NaN without a finished run or with one class only."""
    metric = results.endpoint.ranked_by
    found = {hospital.fold: {row["method"]: row[metric] for row in rows} for hospital, rows in summaries(results)}
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


def auc_tables(results: Results) -> list[Table]:
    """AUC, or c, by hospital, a row each, and the plain mean; each table has as many methods as 80 columns hold."""
    groups: list[list[MethodInfo]] = [[]]
    for method in results.methods:
        if sum(len(other.label) + 1 for other in [*groups[-1], method]) > WIDTH and groups[-1]:
            groups.append([])
        groups[-1].append(method)
    return [_auc_table(results, methods, number) for number, methods in enumerate(groups, 1)]


def _auc_table(results: Results, methods: Sequence[MethodInfo], number: int) -> Table:
    events, metric = " (events)" if results.endpoint.binary else "", results.endpoint.ranked_by
    columns = [Column("patients", f"n{events}", Kind.TEXT), *(Column(m.name, m.label) for m in methods)]
    names = [method.name for method in methods]
    planned = results.runs[results.runs["method"].isin(names)]
    rows = []
    values: dict[str, list[float | None]] = {name: [] for name in names}
    for hospital, settings in summaries(results):
        here = {row["method"]: row for row in settings if row["method"] in names}
        aucs = {name: metric_cells(results, row)[metric].value for name, row in here.items()}
        if hospital.judged or not hospital.n:
            for name in names:
                values[name].append(aucs.get(name))
        cells = {name: Cell(auc) for name, auc in aucs.items()}
        patients = f"{hospital.n} ({hospital.events})" if results.endpoint.binary else f"{hospital.n}"
        cells["patients"] = Cell(text=patients if hospital.n else DASH)
        rows.append(
            Row(str(hospital.fold), hospital.name, "", cells, **run_counts(planned[planned["fold"] == hospital.fold]))
        )
    # The mean over some hospitals only would not compare with others.
    means = {
        name: Cell(fmean(known) if len(known := [v for v in all if v is not None]) == len(all) > 0 else None)
        for name, all in values.items()
    }
    rows.append(Row(MEAN, "Mean over hospitals", "", means, **run_counts(planned), reference=True))
    name = "figure5_auc" + (f"_{number}" if number > 1 else "")
    return _table(results, name, f"{metric} by hospital left out", columns, rows, marks=False, head="Hospital")


def hospital_frame(results: Results) -> pd.DataFrame:
    """One line a hospital and method: patients, what it is left out for, runs, metrics with deviations, all unrounded.

    `AUC_low` and `AUC_high` (of grades `c_low`, `c_high`) are the 95 % limits of the patients' chance alone. A single
    run has no deviation.
    """
    lines, metric, chance = [], results.endpoint.ranked_by, by_hospital(results)
    for hospital, settings in summaries(results):
        for row in settings:
            limits = (
                chance[hospital.fold].interval(row[metric], [row["method"]])
                if hospital.judged and row["done"]
                else UNDEFINED
            )
            if row["done"] < 2:
                row = row | {f"{name}_std": math.nan for name in results.judged_by}
            lines.append(
                {
                    **{"hospital": hospital.name, "patients": hospital.n},
                    **({"events": hospital.events} if results.endpoint.binary else {}),
                    **{"left_out": "too small" if hospital.left_out else "" if hospital.n else "no finished run"},
                    **{"method": row["method"], "runs_done": row["done"], "runs_planned": row["planned"]},
                    **{column: row[column] for name in results.judged_by for column in (name, f"{name}_std")},
                    **{f"{metric}_low": limits.low, f"{metric}_high": limits.high},
                }
            )
    return pd.DataFrame(lines)


def few_patients(results: Results) -> list[str]:
    """One warning of hospitals whose numbers mean little."""
    few = [h for h in hospitals(results) if h.judged and h.rarer < FEW]
    if not few:
        return []
    which = "of the rarer class" if results.endpoint.binary else "outside their commonest grade"
    named = ", ".join(f"{h.name} ({h.n} patients, {h.rarer} of them {which})" for h in few)
    return [f"Few patients of one class, so that every number there is mostly chance: {named}."]


def worst_hospital(results: Results) -> Hospital | None:
    """The hospital with the lowest mean AUC, or c, over the methods that are finished at every hospital.

    None where fewer than two can be compared.
    """
    means = _means(results)
    if len(means) < 2:
        return None
    return next(hospital for hospital in hospitals(results) if hospital.fold == means.idxmin())


def hospital_lead(results: Results) -> str:
    """The worst hospital against the best with what chance explains of it, and who leads where."""
    if not len(results.runs):
        return "Nothing was planned: no wanted method can be run on this cohort."
    worst = worst_hospital(results)
    if worst is None:
        return "No two hospitals can be compared: none, or one, has results and is large enough to be in any number."
    means = _means(results)
    best = next(hospital for hospital in hospitals(results) if hospital.fold == means.idxmax())
    low, high = means.min(), means.max()
    compared, chance, metric = list(_compared(results).index), by_hospital(results), results.endpoint.ranked_by
    ends = (chance[hospital.fold].interval(mean, compared) for hospital, mean in ((best, high), (worst, low)))
    gap = independent_difference(*ends)
    verdict = "more than chance" if gap.low > 0 else "chance may be all of it"
    many = f", and the extremes of {len(means)} hospitals always lie apart" if len(means) > 2 else ""
    small = sum(bool(hospital.left_out) for hospital in hospitals(results))
    beside = f" Not among these: {small} too small to be in any number." if small else ""
    return (
        f"Worst hospital: {worst.name} ({worst.facts}), mean {metric} {100 * low:.2f} over "
        f"{counted(len(compared), 'method')}; best: {best.name} ({best.facts}), {100 * high:.2f}. The difference "
        f"in points, with its 95 % interval by the chance of patients alone: {gap.text()}, so {verdict}{many}."
        f"{beside} {_leader(results)}"
    ).strip()


def _leader(results: Results) -> str:
    """Who has the highest mean AUC, or c, at most hospitals, and where that is more than the spread over seeds."""
    wins: dict[str, list[bool]] = {}
    compared, metric = 0, results.endpoint.ranked_by
    for hospital, rows in summaries(results):
        known = sorted((row for row in rows if not math.isnan(row[metric])), key=lambda row: -row[metric])
        if not hospital.judged or len(known) < 2:
            continue
        compared += 1
        first, second = known[:2]
        clear = first[metric] - second[metric] > max(first[f"{metric}_std"], second[f"{metric}_std"])
        wins.setdefault(first["method"], []).append(clear)
    if not wins:
        return ""
    leader = max(wins, key=lambda name: len(wins[name]))
    sentence = (
        f"{results.method(leader).label} has the highest mean {metric} at {len(wins[leader])} of {compared} hospitals"
    )
    if results.runs["seed"].nunique() < 2:
        return f"{sentence}; one seed alone does not tell by how much training moves it."
    return f"{sentence}, at {sum(wins[leader])} of them by more than the deviation over seeds."


def _compared(results: Results) -> pd.DataFrame:
    """AUCs, or c, of the methods that are finished at every hospital where one is, by fold."""
    aucs = hospital_aucs(results).dropna(axis="columns", how="all")
    return aucs.dropna(axis="index", how="any")


def _means(results: Results) -> pd.Series:
    enough = [hospital.fold for hospital in hospitals(results) if hospital.judged]
    return _compared(results).mean().dropna().filter(enough)


def _at_70(hospital: Hospital) -> float:
    """Standard error of an AUC of 0.7 on these patients; 0 where they are not judged or grades are predicted."""
    if not hospital.judged or hospital.events is None:
        return 0.0
    return auc_standard_error(0.7, hospital.events, hospital.n - hospital.events)


def _over(seeds: int) -> str:
    if seeds == 1:
        return "In percent, of one seed"
    return f"Mean (population standard deviation) in percent over {seeds} seeds, which share the hospital's patients"


def _table(
    results: Results,
    name: str,
    title: str,
    columns: Sequence[Column],
    rows: list[Row],
    marks: bool = True,
    head: str = "Method",
) -> Table:
    caption = (
        f"{words.outcome_in_words(results)} Each hospital in turn is the test part; training and validation see the "
        f"others only. {_over(results.runs['seed'].nunique())}. {results.endpoint.how_called(THRESHOLD)}"
    ) + (f"{words.units_in_words(results)} Best bold, second best underlined." if marks else "")
    notes = [
        "Mean: over hospitals, each counted once, those that are left out of every number excepted. The deviation "
        "over seeds tells of training, not of the chance that other patients had come."
    ]
    if errors := [f"{h.name} ± {100 * Z * error:.0f}" for h in hospitals(results) if (error := _at_70(h))]:
        notes.append(
            "What chance alone does to an AUC of 70 at each hospital (95 % limits in points, Hanley and McNeil 1982): "
            f"{', '.join(errors)}."
        )
    labels = {
        tuple(str(row[key]) for key in SETTING): results.method(row["method"]).label
        for row in results.runs[list(SETTING)].drop_duplicates().to_dict("records")
    }
    return results_table(
        results, name, title, columns, rows, caption, notes, labels, footnotes=adapted_footnotes(results), head=head
    )
