"""One out-of-fold prediction a patient and seed; patients are what is drawn, seeds are averaged."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.reports.results import Results, Setting
from strokebench.reports.statistics.bootstrap import resample
from strokebench.reports.statistics.prior import undo_balance
from strokebench.reports.statistics.scores import Scores, arrange
from strokebench.reports.summary import judged_runs
from strokebench.reports.table1.table import FAMILIES, family_place

RESAMPLES = 1000
"""Of patients, for every interval of the clinical evaluation (our choice)."""

MOST_SHOWN = 4
"""More methods than this are not drawn into one panel."""


def pool(results: Results, raw: bool = False) -> Scores | None:
    """Every method's predictions, the folds of each seed together, by patient; None without any finished seed.

    A seed of which a method lacks a fold is left out for it: its patients would be others.

    Args:
        raw: as they came out of training; else its balance is undone.
    """
    if results.judged.empty:
        return None
    predictions = results.predictions if raw else undo_balance(results)
    scores = arrange(predictions.loc[results.judged.index], "seed", judged_runs(results), results.endpoint)
    return scores if scores.groups else None


def of_patients(scores: Scores, chosen: NDArray[np.bool_]) -> Scores:
    """Only these patients, (n,)."""
    return replace(scores, patients=scores.patients[chosen], y=scores.y[chosen], p=scores.p[:, :, chosen])


def ranks_folds_together(results: Results) -> bool:
    """Whether the patients of a seed are those of several folds, whom differently trained models predicted."""
    return len(results.runs["fold"].unique()) > 1


def seeds_of(scores: Scores, name: str) -> list[tuple[NDArray[Any], NDArray[np.float64], NDArray[np.bool_]]]:
    """For each seed of the method: labels and probabilities (n,), and whose of all patients they are, (patients,)."""
    found = []
    for p in scores.p[scores.names.index(name)] if name in scores.names else ():
        inside = ~np.isnan(p)
        if inside.any():
            found.append((scores.y[inside], p[inside], inside))
    return found


def resample_patients(n: int, n_resamples: int = RESAMPLES) -> NDArray[np.int16]:
    """How often each patient is drawn, (resamples, n), whatever the label.

    Not within each label, as for the AUC: how many patients have the outcome is itself uncertain, and most of
    what makes calibration in the large uncertain.
    """
    return resample(np.zeros(n), n_resamples)


def ordered(results: Results) -> list[Setting]:
    """Every planned setting, by family as in Table 1; named as in `Scores`."""
    return sorted(results.settings.values(), key=lambda setting: family_place(setting.method))


def label_of(results: Results, name: str) -> str:
    """A setting's name as tables print it."""
    return results.settings[name].label


def shown_methods(results: Results, scores: Scores | None) -> list[str]:
    """The names of the methods that pictures show, `headline`'s first: all that have predictions, where they are few.

    Else the proposed one, the best other on the validation parts (the test parts must not choose), and the
    best traditional one beside.
    """
    if scores is None:
        return []
    settings = [setting for setting in ordered(results) if seeds_of(scores, setting.name)]
    first, _ = headline(results, scores)
    if len(settings) <= MOST_SHOWN:
        return list(dict.fromkeys([first, *(setting.name for setting in reversed(settings))]))
    ranked = sorted(settings, key=lambda setting: -_on_validation(results, setting))
    chosen: list[str] = []
    for families in (FAMILIES[-1:], FAMILIES[:-1], FAMILIES[:1]):
        chosen += [s.name for s in ranked if s.method.family in families and s.name not in chosen][:1]
    # A reference row may be the best on the validation parts, and of none of these families.
    return list(dict.fromkeys([first, *chosen]))


def headline(results: Results, scores: Scores) -> tuple[str, str]:
    """The method that the finding speaks of, and by which rule: the proposed one, else the best on validation parts.

    A validation knows of none: there it is the first.
    """
    settings = [setting for setting in ordered(results) if seeds_of(scores, setting.name)]
    proposed = [setting for setting in settings if setting.method.family == FAMILIES[-1]]
    best = max(proposed or settings, key=lambda setting: _on_validation(results, setting))
    if proposed:
        return best.name, "the proposed method"
    if len(settings) == 1:
        return best.name, "the only one"
    known = results.runs["validation_score"].notna().any()
    return best.name, "the best on the validation parts" if known else "the first of the table"


def _on_validation(results: Results, setting: Setting) -> float:
    """Mean AUC, of fits of grades c, on the validation parts; below every known one where there is none."""
    return float(np.nan_to_num(results.runs_of(setting)["validation_score"].astype(float).mean(), nan=-1.0))


def aligned(values: pd.Series, patients: Sequence[Any] | NDArray[Any]) -> NDArray[Any]:
    """`values`, indexed by patient id, in the order of `patients` (n,); `unknown` where a patient has none."""
    return values.astype("object").reindex([str(patient) for patient in patients]).fillna("unknown").to_numpy()
