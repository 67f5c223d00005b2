"""Does a method work for everybody? Hospitals, age bands and sexes within the out-of-fold predictions."""

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
from strokebench.reports.statistics.intervals import Interval
from strokebench.reports.statistics.scores import Scores

FEW_PATIENTS, FEW_EVENTS = 30, 10
"""Below either, a subgroup's numbers carry a warning (our choice; 10 events are a common least)."""

HOSPITAL = "hospital"


@dataclass(frozen=True)
class Subgroup:
    """Patients who share something.

    Args:
        grouping: `age`, `sex`, `hospital`. name: which of them, `70-79`.
        n, events: patients, and those of label 1.
        auc: by method; NaN with one class only.
        predicted: mean probability by method.
    """

    grouping: str
    name: str
    n: int
    events: int
    auc: dict[str, Interval]
    predicted: dict[str, float]

    @property
    def warning(self) -> str:
        """Why its numbers say little; empty where they are enough."""
        if not 0 < self.events < self.n:
            return "one class only"
        reasons = [f"n < {FEW_PATIENTS}"] if self.n < FEW_PATIENTS else []
        if min(self.events, self.n - self.events) < FEW_EVENTS:
            which = "events" if self.events <= self.n - self.events else "without event"
            reasons.append(f"< {FEW_EVENTS} {which}")
        return ", ".join(reasons)


def all_subgroups(results: Results, scores: Scores) -> list[Subgroup]:
    """Every grouping that the results know: those of `Results.groups`, then hospitals where there are several."""
    found: list[Subgroup] = []
    if results.groups is not None:
        groups = results.groups.set_index(results.groups["patient_id"].astype(str)).drop(columns="patient_id")
        for grouping in groups:
            values = groups[grouping]
            order = values.cat.categories if isinstance(values.dtype, pd.CategoricalDtype) else sorted(values.unique())
            found += subgroups(scores, str(grouping), aligned(values, scores.patients), [str(name) for name in order])
    sites = results.predictions.drop_duplicates("patient_id").set_index("patient_id")["site"]
    if len(sites.dropna().unique()) > 1:
        sites.index = sites.index.astype(str)
        found += subgroups(scores, HOSPITAL, aligned(sites, scores.patients))
    return found


def subgroups(
    scores: Scores, grouping: str, membership: NDArray[Any], order: Sequence[str] = (), n_resamples: int = RESAMPLES
) -> list[Subgroup]:
    """AUC of each method within each group, over patients drawn again within the group and label.

    Args:
        membership: group of each patient, (n,).
        order: of the groups; those that it lacks follow by name. An empty group is left out.
    """
    there = {str(name) for name in membership}
    names = [name for name in order if name in there] + sorted(there - set(order), key=natural_order)
    found = []
    for name in names:
        part = of_patients(scores, membership.astype(str) == name)
        drawn = bootstrap(part, n_resamples=n_resamples)
        found.append(
            Subgroup(
                grouping,
                name,
                n=len(part.y),
                events=int(part.y.sum()),
                auc={method: drawn.interval(number) for number, method in enumerate(part.names)},
                predicted={method: _mean(part.p[number]) for number, method in enumerate(part.names)},
            )
        )
    return found


def worst(found: Sequence[Subgroup], method: str, grouping: str = HOSPITAL) -> Subgroup | None:
    """Where the method's AUC is lowest, among groups without a warning; None where there is none."""
    enough = [g for g in found if g.grouping == grouping and not g.warning and method in g.auc]
    enough = [g for g in enough if not np.isnan(g.auc[method].value)]
    return min(enough, key=lambda group: group.auc[method].value, default=None)


def _mean(p: NDArray[np.float64]) -> float:
    known = p[~np.isnan(p)]
    return float(known.mean()) if len(known) else float("nan")
