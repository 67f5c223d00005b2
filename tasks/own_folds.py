"""A cohort's own folds as a split: whatever makes them unfit for training or testing is one line."""

from collections.abc import Sequence

import pandas as pd

from strokebench.errors import StrokebenchError, named
from strokebench.tasks.fold import PARTS, Fold

HINT = "Correct the file that `split:` names."


def own_folds(
    table: pd.DataFrame, labels: pd.Series, persons: pd.Series | None = None, seeds: Sequence[int] | None = None
) -> tuple[Fold, ...]:
    """The folds of a table, by seed and number.

    Args:
        table: patient, seed, fold and part (`train`, `validation`, `test`); patients without a label are left out.
        labels: what classes are told by, by patient id.
        persons: whose each row is, by patient id.
        seeds: only these; None: all.

    Raises:
        StrokebenchError: an unknown seed; a seed that lacks a fold of another; a fold that lacks a part, a class in
            its training part, two classes in its validation part, or a patient; one tested twice under a seed; a
            person in two parts.
    """
    known = sorted(int(seed) for seed in table["seed"].unique())
    if unknown := [seed for seed in seeds or () if seed not in known]:
        raise StrokebenchError(f"The cohort's own folds have no seed {unknown[0]}.", f"They have {named(known, 12)}.")
    table = table[table["patient"].isin(labels.index) & table["seed"].isin(seeds or known)]
    numbers = set(table["fold"])
    for seed, rows in table.groupby("seed"):
        if lacking := sorted(numbers - set(rows["fold"])):
            raise StrokebenchError(f"Seed {seed} has no fold {lacking[0]}, which another seed has.", HINT)
        tested = rows.loc[rows["part"] == "test", "patient"]
        if len(twice := tested[tested.duplicated()]):
            raise StrokebenchError(
                f"Patient {twice.iloc[0]} is tested in two folds of seed {seed}.",
                f"{HINT} Another seed may test it again.",
            )
    return tuple(_fold(int(seed), int(number), rows, labels, persons) for (seed, number), rows in _by_fold(table))


def _by_fold(table: pd.DataFrame) -> list[tuple[tuple[int, int], pd.DataFrame]]:
    return list(table.groupby(["seed", "fold"]))  # type: ignore[arg-type]


def _fold(seed: int, number: int, rows: pd.DataFrame, labels: pd.Series, persons: pd.Series | None) -> Fold:
    where = f"Seed {seed}, fold {number}"
    parts = {part: tuple(sorted(rows.loc[rows["part"] == part, "patient"])) for part in PARTS}
    if empty := [part for part, ids in parts.items() if not ids]:
        raise StrokebenchError(f"{where} has no {empty[0]} part.", HINT)
    if len(absent := labels.index.difference(list(rows["patient"]))):
        raise StrokebenchError(
            f"{where}: patient {named(sorted(absent), 1)} stands in no part.",
            "Add the rows, or `exclude:` the patients.",
        )
    for part, most in (("train", labels.nunique()), ("validation", 2)):
        if labels[list(parts[part])].nunique() < most:
            classes = labels.astype("category").cat.remove_unused_categories().cat.categories
            missing = next(name for name in classes if not (labels[list(parts[part])] == name).any())
            raise StrokebenchError(f"{where}: no patient of class {missing} in its {part} part.", HINT)
    if persons is not None:
        of_person = rows.set_index("patient")["part"].groupby(persons.loc[rows["patient"]]).nunique()
        if len(parted := of_person[of_person > 1]):
            ids = sorted(persons.index[persons == parted.index[0]].intersection(rows["patient"]))
            raise StrokebenchError(f"{where} parts the rows of one person: {named(ids)}.", HINT)
    return Fold(seed, number, f"fold {number}", *(parts[part] for part in PARTS))
