"""A cohort's own folds: a file that says of each patient, seed and fold whether it trains, selects or is tested."""

from collections.abc import Iterator, Sequence

import pandas as pd

from strokebench.datasets.own.cohort_file import CohortFile
from strokebench.datasets.own.table_file import read_beside
from strokebench.datasets.own.values import nearest
from strokebench.datasets.problems import Problem

COLUMNS = ("patient", "seed", "fold", "part")
PARTS = ("train", "validation", "test")


def read_folds(file: CohortFile, ids: Sequence[str]) -> tuple[pd.DataFrame | None, list[Problem]]:
    """The folds that `split:` names, and what is wrong with the file; None where the cohort has none.

    Args:
        ids: of the patients that are not excluded; rows of excluded ones are left out with them.

    Returns:
        `COLUMNS`, seed and fold as whole numbers, one row a patient, seed and fold.

    Raises:
        StrokebenchError: the file cannot be read at all.
    """
    if file.split is None:
        return None, []
    read = read_beside(file, file.split, COLUMNS[0])
    cells = read.cells.apply(lambda column: column.str.strip())
    if lacking := [name for name in COLUMNS if name not in cells]:
        what = f"{file.split.name} has no column {', '.join(lacking)}; it has {', '.join(map(str, cells.columns))}"
        return None, [*read.problems, Problem("split_wrong", what, where="split")]
    cells = cells[list(COLUMNS)]
    faults = [*read.problems, *_faults(file, cells, {*ids, *file.exclude}, ids)]
    if faults:
        return None, faults
    cells = cells[cells["patient"].isin(ids)]
    return cells.astype({"seed": int, "fold": int}).reset_index(drop=True), []


def each_fold(folds: pd.DataFrame | None) -> list[tuple[int, int]]:
    """(seed, fold) of a cohort's own folds, in order; none where it has none."""
    return [] if folds is None else sorted({*zip(folds["seed"], folds["fold"], strict=True)})


def _faults(file: CohortFile, cells: pd.DataFrame, known: set[str], ids: Sequence[str]) -> Iterator[Problem]:
    def fault(row: object, what: str) -> Problem:
        return Problem("split_wrong", f"row {row} of {file.split and file.split.name}: {what}", where="split")

    for row, patient in cells.loc[~cells["patient"].isin(known), "patient"].items():
        yield fault(row, f"patient {patient!r} is not in the table{nearest(patient, ids)}")
    for name in ("seed", "fold"):
        for row, value in cells.loc[~cells[name].str.fullmatch(r"\d{1,9}"), name].items():
            yield fault(row, f"the {name} {value!r} is no whole number from 0 on")
    for row, part in cells.loc[~cells["part"].isin(PARTS), "part"].items():
        yield fault(row, f"the part {part!r} is not one of {', '.join(PARTS)}{nearest(part, PARTS)}")
    place = list(COLUMNS[:3])
    for row, values in cells[cells.duplicated(place)].iterrows():
        patient, seed, fold, part = values
        first = cells[(cells[place] == values[place]).all(axis=1)]
        others = (
            f"twice in {part}" if (first["part"] == part).all() else f"in {' and in '.join(first['part'].unique())}"
        )
        yield fault(row, f"patient {patient!r} stands {others} of seed {seed}, fold {fold} (row {first.index[0]})")
