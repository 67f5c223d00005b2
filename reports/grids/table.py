"""Grids: does any setting differ from the default by more than the noise of its runs?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from strokebench.reports.ablation.table import (
    Entry,
    ablation_table,
    complete_entry,
    differences,
    incomplete,
    means,
)
from strokebench.reports.results import Results, variant_id
from strokebench.reports.statistics.decisions import ALPHA, POINTS, equivalent, likeness
from strokebench.reports.statistics.paired import UNTESTED, is_corrected
from strokebench.reports.tables.table import Table
from strokebench.tasks.conditions import COMPLETE


@dataclass(frozen=True)
class GridPoint:
    """One setting of a grid.

    Args:
        label: in tables, `layers=2, heads=8`.
        values: axis of the grid -> value there; an axis of several parameters has values like `512:256`.
        params: what its runs are planned with; nothing at the chosen setting, whose runs other tables share.
        chosen: equal to the method's defaults at the paper's sizes, which are the paper's choice.
    """

    label: str
    values: Mapping[str, Any]
    params: Mapping[str, Any]
    chosen: bool

    @property
    def variant(self) -> str:
        """The id of its runs."""
        return variant_id(self.params)


def grid_entries(method: str, points: Sequence[GridPoint]) -> list[Entry]:
    """The settings as rows that are compared with the chosen one."""
    return [
        Entry(
            method,
            point.variant,
            COMPLETE.id,
            point.label.replace("_", " ") + (" (chosen)" if point.chosen else ""),
            complete=point.chosen,
        )
        for point in points
    ]


def grid_lead(results: Results, method: str, points: Sequence[GridPoint]) -> str:
    """What the numbers say: the best setting, the chosen one, and whether they can be told apart."""
    label, metric = results.method(method).label, results.compared_by
    entries = grid_entries(method, points)
    labels = {point.variant: point.label for point in points}
    found = means(results, entries)
    if not found:
        return f"{label}: no finished run yet."
    unfinished = incomplete(results, entries)
    waiting = f" {unfinished} of {len(points)} settings are incomplete." if unfinished else ""
    # Of equals the chosen one.
    best = max(found, key=lambda entry: (found[entry], entry.complete))
    highest, chosen = f"{100 * found[best]:.2f}", complete_entry(entries, method)
    at = labels[best.variant]
    if chosen is None:
        return f"{label}: highest mean {metric} at {at}, {highest}; its default is not on the grid.{waiting}"
    against = differences(results, entries)
    test = "Student's t" if is_corrected(results) else "DeLong's test with Holm's adjustment"
    if best == chosen:
        others = [difference for difference in against.values() if difference.tested]
        alike = sum(not difference.distinguishable for difference in others)
        same = sum(equivalent(difference) for difference in others)
        sentence = f"{label}: the chosen setting ({at}) has the highest mean {metric}, {highest}."
        if others:
            sentence += f" {alike} of {len(others)} other settings are not distinguishable from it ({test}), "
            sentence += f"{same} of the {len(others)} shown to lie within {POINTS}."
        return sentence + waiting
    difference = against[best.setting]
    if not difference.tested:
        so_far = f"{label}: highest mean {metric} so far at {at}, {highest}"
        return f"{so_far}; too few paired runs to compare, or {UNTESTED}.{waiting}"
    above = difference.value > 0
    verdict = f"p < {ALPHA} by {test}"
    if not difference.distinguishable:
        verdict = f"not distinguishable from it, {likeness(difference)}"
    elif above:
        verdict += f"; it was picked as the best of {len(found)}, so this alone is no proof that it is better"
    # The means are over all runs of each, of which the other may lack some.
    return (
        f"{label}: the highest mean {metric}, {highest} at {at}, is on the runs of both "
        f"{abs(100 * difference.value):.2f} points {'above' if above else 'below'} the chosen setting "
        f"({labels[chosen.variant]}) with a standard error of "
        f"{100 * difference.se:.2f} over {difference.runs} paired runs: {verdict}.{waiting}"
    )


def grid_table(results: Results, name: str, title: str, points: Mapping[str, Sequence[GridPoint]]) -> Table:
    """All settings with the six metrics, and the AUC against the chosen setting.

    Args:
        points: method -> its settings, in the order of the grid.
    """
    entries = [entry for method, settings in points.items() for entry in grid_entries(method, settings)]
    note = (
        "Settings are compared on test patients to show how much they matter; nothing is chosen by this table. "
        "The command strokebench tune chooses on validation patients."
    )
    return ablation_table(results, name, title, entries, head="Setting", notes=[note], against="chosen")
