"""Ablations: what does a method lose when a part of it or of its input is taken away?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from strokebench.reports.results import SETTING, Results
from strokebench.reports.statistics.decisions import ALPHA, POINTS, equivalent, likeness
from strokebench.reports.statistics.headline import differences_of
from strokebench.reports.statistics.paired import UNTESTED, PairedTest, is_corrected
from strokebench.reports.summary import rows_by_setting
from strokebench.reports.table1.table import metric_cells, metric_columns, metric_row
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.results_table import results_table
from strokebench.reports.tables.table import Cell, Column, Kind, Row, Table, mark_best


@dataclass(frozen=True)
class Entry:
    """One row of an ablation.

    Args:
        method, variant, condition: its setting. label: as the table prints it.
        paper: the label under which the paper's table has it; empty where it has not.
        complete: nothing is taken away; the others of the method are compared with it.
    """

    method: str
    variant: str
    condition: str
    label: str
    paper: str = ""
    complete: bool = False

    @property
    def setting(self) -> tuple[str, str, str]:
        """Values of `SETTING`."""
        return self.method, self.variant, self.condition


def ablation_table(
    results: Results,
    name: str,
    title: str,
    entries: Sequence[Entry],
    source: str = "",
    head: str = "Input",
    notes: Sequence[str] = (),
    against: str = "complete",
) -> Table:
    """The metrics of each entry, and its leading one against the complete one on the same runs.

    Args:
        entries: in the order of rows; those that were never planned are left out.
        source: the paper's table whose numbers stand beside.
        head: what is taken away from.
        against: what the complete entry is called.
    """
    columns = [*metric_columns(results), Column("difference", f"{results.compared_by} − {against}", Kind.TEXT)]
    found, summary = differences(results, entries), rows_by_setting(results)
    rows: list[Row] = []
    labels: dict[tuple[str, ...], str] = {}
    for entry in entries:
        if (row := summary.get(entry.setting)) is None:
            continue
        method = results.method(entry.method).label
        labels[entry.setting] = f"{method}, {entry.label}"
        difference = "reference" if entry.complete else found[entry.setting].points if entry.setting in found else ""
        cells = metric_cells(results, row, source if entry.paper else "", entry.paper)
        key = "/".join(entry.setting)
        rows.append(metric_row(row, key, entry.label, method, {**cells, "difference": Cell(text=difference)}))
    note = (
        f"{results.compared_by} − {against}: mean difference over the runs that both finished, {test_in_words(results)}"
    )
    marked = mark_best(rows, columns)
    caption = words.caption(results)
    return results_table(results, name, title, columns, marked, caption, [*notes, note], labels, head=head)


def test_in_words(results: Results) -> str:
    """What stands behind ±, and by which test a difference is distinguishable from noise."""
    if is_corrected(results):
        return (
            "± its standard error, in points: of an AUC or c by the mean of DeLong's variance and that corrected for "
            "shared training patients (Nadeau and Bengio 2003), of another metric by the latter. Distinguishable from "
            f"noise: p < {ALPHA} by Student's t; among many settings some pass by chance."
        )
    return (
        "± its standard error by DeLong's method with the patient as cluster, in points. Distinguishable "
        f"from noise: p < {ALPHA} by DeLong's test, adjusted by Holm over the settings of a method in this table. "
        "The test takes the models as given; runs of this protocol share their test patients, so that no test "
        "over runs holds."
    )


def differences(results: Results, entries: Sequence[Entry]) -> dict[tuple[str, str, str], PairedTest]:
    """Each entry's `Results.compared_by` against the complete one, on the runs that both have finished."""
    pairs = {
        entry.setting: complete.setting
        for entry in entries
        if not entry.complete and (complete := complete_entry(entries, entry.method)) is not None
    }
    return differences_of(results, pairs)


def complete_entry(entries: Sequence[Entry], method: str) -> Entry | None:
    """The entry of a method that nothing is taken away from."""
    return next((entry for entry in entries if entry.method == method and entry.complete), None)


def means(results: Results, entries: Sequence[Entry]) -> dict[Entry, float]:
    """Mean `Results.compared_by` of the entries that have finished runs, in their order."""
    summary = rows_by_setting(results)
    known = {entry: summary[entry.setting][results.compared_by] for entry in entries if entry.setting in summary}
    return {entry: float(mean) for entry, mean in known.items() if not pd.isna(mean)}


def ablation_lead(results: Results, method: str, entries: Sequence[Entry]) -> str:
    """What the numbers say of one method: the complete one, the best of the rest, and what is within the noise."""
    label = results.method(method).label
    mine = [entry for entry in entries if entry.method == method]
    found = means(results, mine)
    complete = complete_entry(mine, method)
    if not found:
        return f"{label}: no finished run yet."
    if complete not in found or len(found) == 1:
        best = max(found, key=lambda entry: found[entry])
        highest = f"{label}: highest mean {results.compared_by} so far {_percent(found[best])} ({best.label})"
        return f"{highest}; nothing to compare yet."
    rest = {entry: mean for entry, mean in found.items() if entry != complete}
    best = max(rest, key=lambda entry: rest[entry])
    tested = differences(results, mine)
    against = {entry: difference for entry in rest if (difference := tested[entry.setting]).tested}
    sentence = f"{label}: mean {results.compared_by} {_percent(found[complete])} with {complete.label.lower()}."
    if best in against:
        apart = against[best]
        verdict = "distinguishable" if apart.distinguishable else f"not distinguishable from it, {likeness(apart)}"
        sentence += f" The best of the rest, {best.label.lower()}, lies {_points(against[best])}: {verdict}."
    sentence += f" {_below(against)}"
    waiting = incomplete(results, mine)
    return sentence + (f" {waiting} of {len(mine)} settings are incomplete." if waiting else "")


def below_complete(results: Results, method: str, entries: Sequence[Entry]) -> str:
    """One sentence: how many reduced settings of a method are below the complete one by more than noise."""
    found = differences(results, [entry for entry in entries if entry.method == method])
    return _below(
        {entry: found[entry.setting] for entry in entries if entry.setting in found and found[entry.setting].tested}
    )


def incomplete(results: Results, entries: Sequence[Entry]) -> int:
    """How many entries still lack planned runs."""
    wanted = {entry.setting for entry in entries}
    lacking = results.runs[results.runs["status"] != "done"]
    return len(wanted & set(lacking[list(SETTING)].astype(str).itertuples(index=False, name=None)))


def nothing_planned(results: Results) -> str:
    """The lead where no method could be run."""
    return "" if len(results.runs) else "Nothing was planned: no wanted method can be run on this cohort."


def _below(against: Mapping[Entry, PairedTest]) -> str:
    if not against:
        return f"Too few runs to tell differences from noise, or {UNTESTED}."
    below = [entry for entry, difference in against.items() if difference.distinguishable and difference.value < 0]
    which = f" ({', '.join(entry.label.lower() for entry in below)})" if below else ""
    alike = sum(equivalent(difference) for difference in against.values())
    return (
        f"{len(below)} of {len(against)} reduced settings are distinguishably below the complete one{which}; "
        f"{alike} {'is' if alike == 1 else 'are'} shown to lie within {POINTS} of it."
    )


def _percent(value: float) -> str:
    return f"{100 * value:.2f}"


def _points(difference: PairedTest) -> str:
    side = "above" if difference.value >= 0 else "below"
    return (
        f"{abs(100 * difference.value):.2f} points {side} it, with a standard error of "
        f"{100 * difference.se:.2f} over {difference.runs} paired runs"
    )


def by_method(results: Results, entries: Sequence[Entry]) -> Mapping[str, list[Entry]]:
    """The entries of each method of these results."""
    return {
        method.name: mine for method in results.methods if (mine := [e for e in entries if e.method == method.name])
    }
