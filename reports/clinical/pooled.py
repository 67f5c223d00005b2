"""One out-of-fold prediction a patient and seed; patients are what is drawn, seeds are averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.reports.results import MethodInfo, Results
from strokebench.reports.statistics.bootstrap import resample
from strokebench.reports.statistics.intervals import Interval
from strokebench.reports.statistics.scores import Scores, arrange, setting_names
from strokebench.reports.table1.table import FAMILIES
from strokebench.reports.tables.table import DASH

RESAMPLES = 1000
"""Of patients, for every interval of the clinical evaluation (our choice)."""

PICTURED = 4
"""More methods than this are not drawn into one panel."""


def pool(results: Results) -> Scores | None:
    """Every method's predictions, the folds of each seed together, by patient; None without any finished seed.

    A seed of which a method lacks a fold is left out for it: its patients would be others.
    """
    if results.predictions.empty:
        return None
    scores = arrange(results.predictions, by="seed")
    return scores if scores.groups else None


def of_patients(scores: Scores, chosen: NDArray[np.bool_]) -> Scores:
    """Only these patients, (n,)."""
    return replace(scores, patients=scores.patients[chosen], y=scores.y[chosen], p=scores.p[:, :, chosen])


def seeds_of(scores: Scores, name: str) -> list[tuple[NDArray[Any], NDArray[np.float64], NDArray[np.bool_]]]:
    """For each seed that the method has, if any: labels, probabilities, and to whom of all patients they belong."""
    found = []
    for p in scores.p[scores.names.index(name)] if name in scores.names else ():
        inside = ~np.isnan(p)
        if inside.any():
            found.append((scores.y[inside], p[inside], inside))
    return found


def draw_patients(n: int, n_resamples: int = RESAMPLES) -> NDArray[np.int16]:
    """How often each patient is drawn, (resamples, n), whatever the label.

    Not within each label, as for the AUC: how many patients have the outcome is itself uncertain, and most of
    what makes calibration in the large uncertain.
    """
    return resample(np.zeros(n), n_resamples)


def ordered(results: Results) -> list[tuple[str, MethodInfo]]:
    """Every planned setting's name, as in `Scores`, with its method; by family as in Table 1."""
    planned = dict.fromkeys(setting_names(results.runs)) if len(results.runs) else {}
    methods = [(name, results.method(name.split("/")[0])) for name in planned]
    return sorted(methods, key=lambda pair: FAMILIES.index(pair[1].family) if pair[1].family in FAMILIES else 99)


def label_of(results: Results, name: str) -> str:
    """As tables print it, with variant and condition where a method has several."""
    more = [part for part in name.split("/")[1:] if part]
    label = results.method(name.split("/")[0]).label
    return f"{label} ({', '.join(more)})" if more else label


def pictured(results: Results, scores: Scores | None) -> list[str]:
    """The names of the methods that pictures show: all that have predictions, where they are few.

    Else the proposed one, the best other by AUC on the validation parts (the test parts must not choose), and the
    best traditional one beside.
    """
    methods = [(name, method) for name, method in ordered(results) if scores and seeds_of(scores, name)]
    if len(methods) <= PICTURED:
        return [name for name, _ in reversed(methods)]
    validation = results.runs.groupby("method")["validation_auc"].mean()
    ranked = sorted(methods, key=lambda pair: -np.nan_to_num(validation.get(pair[1].name, np.nan), nan=-1.0))
    chosen: list[str] = []
    for families in (FAMILIES[-1:], FAMILIES[:-1], FAMILIES[:1]):
        chosen += [name for name, method in ranked if method.family in families and name not in chosen][:1]
    return chosen


def show(interval: Interval, scale: float = 100, decimals: int = 1) -> str:
    """`81.1 [78.2, 83.9]`, or a dash where it is undefined."""
    if np.isnan(interval.value):
        return DASH
    value, low, high = (f"{scale * number:.{decimals}f}" for number in (interval.value, interval.low, interval.high))
    return value if np.isnan(interval.low) else f"{value} [{low}, {high}]"


def aligned(values: pd.Series, patients: Sequence[Any] | NDArray[Any]) -> NDArray[Any]:
    """`values`, indexed by patient id, in the order of `patients`; `unknown` where a patient has none."""
    return values.astype("object").reindex([str(patient) for patient in patients]).fillna("unknown").to_numpy()
