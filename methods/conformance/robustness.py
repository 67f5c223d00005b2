"""Cohorts as they come: modalities that say nothing, missing values, few patients, many columns, one class."""

from collections.abc import Collection

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.datasets.cohort import Cohort, Column, Kind
from strokebench.datasets.embeddings import Embeddings
from strokebench.methods.conformance.subject import MadeUp, Subject, changed, fit, probability, require
from strokebench.tasks.fold import Fold
from strokebench.tasks.inputs import all_modalities, row_of
from strokebench.tasks.preparing.prepare import prepare


def zeroed_modality(subject: Subject) -> None:
    """It works with any one modality zeroed that it reads, from the start or at the test alone."""
    for modality in sorted(subject.method.uses):
        fit_changed(subject, [modality], 0.0)
        probability(subject.fitted, changed(subject.test.x, [modality], 0.0))


def constant_modality(subject: Subject) -> None:
    """It works when a modality is the same for all patients, and cannot tell patients apart when all are."""
    for modality in sorted(subject.method.uses):
        fit_changed(subject, [modality], 1.0)
    p = fit_changed(subject, list(all_modalities()), 1.0)
    spread = float(np.ptp(p))
    require(spread < 1e-6, f"Equal patients get predictions {spread:.2g} apart.")


def one_class_validation(subject: Subject) -> None:
    """It works when the validation part holds one class only."""
    train, validation = subject.train, subject.validation
    for label in (0, 1):
        one_class = np.full_like(validation.y, label)
        probability(fit(subject.make(), train.x, train.y, validation.x, one_class), subject.test.x)


def tiny_cohort(subject: Subject) -> None:
    """It works on 20 patients: 12 to train on, 4 to select on, 4 to test on."""
    probability(subject.fit(MadeUp(12, 4), MadeUp(4, 5)), MadeUp(4, 6).x)


def wide_table(subject: Subject) -> None:
    """It works on a table of 1,000 columns."""
    fitted = subject.fit(MadeUp(49, 7, columns=1000), MadeUp(20, 8, columns=1000))
    probability(fitted, MadeUp(24, 9, columns=1000).x)


def missing_values(subject: Subject) -> None:
    """After preprocessing it never sees the gaps of a raw table, an image that is missing, or a text."""
    fit_prepared(subject)


def absent_modalities(subject: Subject) -> None:
    """It works on a cohort that has a table alone, or of a modality the first array alone (vectors, but no tokens)."""
    features = [modality for modality in all_modalities().values() if not modality.tabular]
    fit_prepared(subject, [name for modality in features for name in modality.arrays])
    fit_prepared(subject, [name for modality in features for name in list(modality.arrays)[1:]])


def fit_prepared(subject: Subject, lacking: Collection[str] = ()) -> None:
    """Fit and predict what preprocessing makes of `cohort_with_gaps(lacking)`."""
    parts = prepare(*cohort_with_gaps(lacking))
    fitted = fit(subject.make(), parts.train, parts.y_train, parts.validation, parts.y_validation)
    probability(fitted, parts.test)


def fit_changed(subject: Subject, modalities: Collection[str], value: float) -> NDArray[np.float64]:
    """Predictions (24,) of a method trained, selected and tested where these modalities are all of one value."""
    train, validation, test = (
        changed(part.x, modalities, value) for part in (subject.train, subject.validation, subject.test)
    )
    fitted = fit(subject.make(), train, subject.train.y, validation, subject.validation.y)
    return probability(fitted, test)


def cohort_with_gaps(lacking: Collection[str] = ()) -> tuple[Cohort, Embeddings, pd.Series, Fold]:
    """60 patients with holes: a column without any value, one known in the test part alone, missing embeddings.

    Args:
        lacking: arrays that the cohort does not have at all.
    """
    random = np.random.default_rng(11)
    n = 60
    ids = pd.Index([f"patient-{i:02d}" for i in range(n)])
    age = np.where(random.random(n) < 0.3, np.nan, random.normal(70, 10, n).round())
    history = pd.Series(random.choice(["no", "yes"], n), index=ids).where(random.random(n) < 0.7)
    late = np.where(np.arange(n) < 45, np.nan, 1.0 + np.arange(n))
    table = pd.DataFrame({"age": age, "diabetes": history, "empty": np.full(n, np.nan), "late": late}, index=ids)
    columns = {name: Column(Kind.NUMERIC) for name in ("age", "empty", "late")} | {"diabetes": Column(Kind.CATEGORICAL)}
    cohort = Cohort(name="gaps", title="made-up patients with gaps", table=table, columns=columns)
    patients = MadeUp(n, 12)
    arrays = {
        name: patients.x.arrays[name].copy()
        for modality in all_modalities().values()
        for name in modality.arrays
        if not modality.tabular and name not in lacking
    }
    for patient, (name, array) in enumerate(arrays.items(), 3):
        # One lacks all of it, another, of several answers, one.
        array[patient] = np.nan
        if row_of(name).alternatives:
            array[patient + 1, 1] = np.nan
    embeddings = Embeddings(ids, arrays)
    labels = pd.Series(patients.y, index=ids)
    fold = Fold(39, 0, "gaps", tuple(ids[:35]), tuple(ids[35:45]), tuple(ids[45:]))
    return cohort, embeddings, labels, fold


CHECKS = (
    *(zeroed_modality, constant_modality, one_class_validation),
    *(tiny_cohort, wide_table, missing_values, absent_modalities),
)
