"""Does the test part reach into what is fitted? Change the test patients: nothing else may move."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.benchmarks.leaks.finding import Finding
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.run import Material
from strokebench.datasets.cohort import Cohort, Kind
from strokebench.datasets.embeddings import Embeddings
from strokebench.datasets.roles import ROLES
from strokebench.errors import named
from strokebench.tasks.conditions import COMPLETE
from strokebench.tasks.fold import PARTS, Fold
from strokebench.tasks.inputs import PRESENT, Inputs
from strokebench.tasks.preparing.prepare import Parts, prepare

Prepare = Callable[..., Parts]

SEEN = 1000
"""Patients of a fold that are prepared, drawn at random where it has more (our choice): it is the pipeline that is on
trial, not the patients, and their embeddings are held three times over."""


def preprocessing_touched(context: Context, prepare: Prepare = prepare, folds: int = 1) -> list[Finding]:
    """Prepare a fold twice, the second time with other tables, embeddings and labels of its test patients.

    What the methods are trained and selected on must be the same to the last bit, and so must the fitted state
    that goes with it; the test part itself must change, or the check would see nothing.

    Args:
        prepare: the pipeline's own by default.
        folds: how many of the split's are tried.
    """
    moved: dict[str, list[str]] = {}
    for fold in context.split.folds[:folds]:
        material, fold = _some(context.material, fold)
        rest = (fold, context.banned_columns, COMPLETE, context.settings.balance)
        before = prepare(material.cohort, material.embeddings, material.labels, *rest)
        cohort = _other_table(material.cohort, context.banned_columns, fold)
        embeddings = _other_embeddings(material.embeddings, fold)
        labels = material.labels.copy()
        labels.loc[list(fold.test)] = material.endpoint.levels - 1 - labels.loc[list(fold.test)]
        after = prepare(cohort, embeddings, labels, *rest)
        for part in _moved(before, after):
            moved.setdefault(part, []).append(f"seed {fold.seed} {fold.name}")
        if not _different("test", before.test, after.test):
            moved.setdefault("nothing of the test part, so that the check sees nothing", []).append(fold.name)
    if not moved:
        return []
    places = sorted({place for where in moved.values() for place in where})
    return [
        Finding(
            "preprocessing_touched",
            "alarm",
            f"Other values of the test patients move {named(moved)} (in {named(places)}).",
            "Fit imputation, scaling, selection and balancing on the training part alone.",
        )
    ]


def _some(material: Material, fold: Fold) -> tuple[Material, Fold]:
    """At most `SEEN` patients of a fold, and the embeddings of these alone; each part keeps its share."""
    patients = sum(len(getattr(fold, part)) for part in PARTS)
    if patients <= SEEN:
        return material, fold
    random = np.random.default_rng(0)
    drawn: dict[str, Any] = {
        part: tuple(sorted(random.choice(ids, max(1, SEEN * len(ids) // patients), replace=False).tolist()))
        for part in PARTS
        if (ids := getattr(fold, part))
    }
    fold = replace(fold, **drawn)
    ids = pd.Index([id for part in PARTS for id in getattr(fold, part)])
    rows = material.embeddings.rows(ids)
    arrays = {name: np.asarray(array[rows]) for name, array in material.embeddings.arrays.items()}
    return replace(material, embeddings=replace(material.embeddings, ids=ids, arrays=arrays)), fold


def _moved(before: Parts, after: Parts) -> list[str]:
    moved = [*_different("train", before.train, after.train)]
    moved += _different("validation", before.validation, after.validation)
    moved += [n for n in ("y_train", "y_validation") if not _equal(getattr(before, n), getattr(after, n))]
    moved += [] if before.columns == after.columns else ["the table's columns"]
    zeros = before.zeros.items()
    moved += [f"the scaling of {name}" for name, old in zeros if not _equal(old, after.zeros[name])]
    return moved


def _different(part: str, before: Inputs, after: Inputs) -> list[str]:
    arrays = {**before.arrays, PRESENT: before.present}
    others = {**after.arrays, PRESENT: after.present}
    return [f"{part}.{name}" for name, array in arrays.items() if not _equal(array, others[name])]


def _equal(one: NDArray, other: NDArray) -> bool:
    return np.array_equal(one, other, equal_nan=True)


def _other_table(cohort: Cohort, banned: tuple[str, ...], fold: Fold) -> Cohort:
    """The test patients' inputs at the end of each column's range, or in a category that nobody has.

    What a role reads as yes or no takes no other value: there it is the one that fewest have.
    """
    table = cohort.table.copy()
    test = list(fold.test)
    flags = {column for role, column in cohort.roles.items() if ROLES[role].flag}
    for name in table.columns:
        if name in banned:
            continue
        column = cohort.columns[name]
        if name in flags:
            table.loc[test, name] = next(reversed(table[name].value_counts().index), np.nan)
        elif column.kind is Kind.NUMERIC:
            known = table[name].dropna()
            ends = [end for end in (column.high, column.low) if end is not None]
            far = known.max() + 10 * (np.ptp(known) + 1) if len(known) else 1.0
            table.loc[test, name] = float(ends[0]) if ends else float(far)
        else:
            table[name] = table[name].astype(object)
            table.loc[test, name] = "a category that nobody has"
    # Some lose their values, so that an imputation learned from everybody would move too.
    lost = [name for name in table.columns if name not in banned]
    table.loc[test[::3], lost] = np.nan
    return replace(cohort, table=pd.DataFrame(table))


def _other_embeddings(embeddings: Embeddings, fold: Fold) -> Embeddings:
    rows = embeddings.rows(pd.Index(fold.test))
    changed = {name: np.array(array) for name, array in embeddings.arrays.items()}
    for array in changed.values():
        array[rows] = -3 * array[rows] + 7
    return replace(embeddings, arrays=changed)
