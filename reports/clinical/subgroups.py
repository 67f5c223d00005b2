"""Does a method work for everybody? Hospitals, age bands, sexes and races within the out-of-fold predictions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.files import natural_order
from strokebench.reports.clinical.pooled import RESAMPLES, aligned, of_patients
from strokebench.reports.results import Results
from strokebench.reports.statistics.bootstrap import bootstrap
from strokebench.reports.statistics.intervals import Interval, at_its_ends
from strokebench.reports.statistics.scores import Scores

FEW_PATIENTS, FEW_EVENTS = 30, 10
"""Below either, a subgroup's numbers carry a warning (our choice; 10 events are a common least)."""

HOSPITAL = "hospital"

Grouping = tuple[str, NDArray[Any], Sequence[str]]
"""Its name, the group of each patient (n,), and the groups in their order."""


@dataclass(frozen=True)
class Subgroup:
    """Patients who share something.

    Args:
        grouping: `age`, `sex`, `hospital`. name: which of them, `70-79`.
        n, events: patients, and those of label 1.
        auc: by method; NaN with one class only.
    """

    grouping: str
    name: str
    n: int
    events: int
    auc: dict[str, Interval]

    @property
    def warning(self) -> str:
        """Why its numbers say little; empty where they are enough."""
        return small(self.n, self.events)


def small(n: int, events: int) -> str:
    """Why so few patients, and those of label 1 among them, say little; empty where they are enough."""
    if not 0 < events < n:
        return "one class only"
    reasons = [f"n < {FEW_PATIENTS}"] if n < FEW_PATIENTS else []
    if min(events, n - events) < FEW_EVENTS:
        which = "events" if events <= n - events else "without event"
        reasons.append(f"< {FEW_EVENTS} {which}")
    return "; ".join(reasons)


def all_groupings(results: Results, scores: Scores) -> list[Grouping]:
    """Every grouping that the results know: those of `Results.groups`, then hospitals where there are several."""
    found: list[Grouping] = []
    if results.groups is not None:
        groups = results.groups.set_index(results.groups["patient_id"].astype(str)).drop(columns="patient_id")
        for grouping in groups:
            values = groups[grouping]
            order = values.cat.categories if isinstance(values.dtype, pd.CategoricalDtype) else sorted(values.unique())
            found.append(_grouping(str(grouping), aligned(values, scores.patients), [str(name) for name in order]))
    sites = results.predictions.drop_duplicates("patient_id").set_index("patient_id")["site"]
    if len(sites.dropna().unique()) > 1:
        sites.index = sites.index.astype(str)
        found.append(_grouping(HOSPITAL, aligned(sites, scores.patients), []))
    return found


def _grouping(name: str, membership: NDArray[Any], order: Sequence[str]) -> Grouping:
    """Groups that the order lacks follow by name; an empty one is left out."""
    members = membership.astype(str)
    there = set(members)
    return name, members, [group for group in order if group in there] + sorted(there - set(order), key=natural_order)


def all_subgroups(groupings: Sequence[Grouping], scores: Scores) -> list[Subgroup]:
    """The groups of all groupings."""
    return [group for grouping in groupings for group in subgroups(scores, *grouping)]


def subgroups(
    scores: Scores, grouping: str, membership: NDArray[Any], names: Sequence[str], n_resamples: int = RESAMPLES
) -> list[Subgroup]:
    """AUC of each method within each group, over patients drawn again within the group and label.

    Args:
        membership: group of each patient, (n,). names: the groups.
    """
    found = []
    for name in names:
        part = of_patients(scores, membership == name)
        found.append(
            Subgroup(
                grouping,
                name,
                n=len(part.y),
                events=int(part.y.sum()),
                auc=pooled_aucs(part, n_resamples),
            )
        )
    return found


def pooled_aucs(scores: Scores, n_resamples: int = RESAMPLES) -> dict[str, Interval]:
    """AUC of each method over patients drawn again within the label."""
    drawn, events = bootstrap(scores, n_resamples=n_resamples), int(scores.y.sum())
    return {
        name: at_its_ends(drawn.interval(number), events, len(scores.y) - events)
        for number, name in enumerate(scores.names)
    }


def worst(found: Sequence[Subgroup], method: str, grouping: str = HOSPITAL) -> Subgroup | None:
    """Where the method's AUC is lowest, among groups without a warning; None where fewer than two can be compared."""
    enough = [g for g in found if g.grouping == grouping and not g.warning and method in g.auc]
    enough = [g for g in enough if not np.isnan(g.auc[method].value)]
    return min(enough, key=lambda group: group.auc[method].value) if len(enough) > 1 else None
