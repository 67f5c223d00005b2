"""Features that another program made: read from a table or a NumPy archive, joined by patient id."""

import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.datasets.naming import sounds_later, sounds_like
from strokebench.datasets.own.cohort_file import CohortFile, outcome_column
from strokebench.datasets.own.column_values import lone_codes, no_measurement
from strokebench.datasets.own.feature_keys import FeatureFile
from strokebench.datasets.own.file_pattern import stored_path
from strokebench.datasets.own.table_file import read_beside
from strokebench.datasets.own.values import nearest
from strokebench.datasets.problems import Problem
from strokebench.errors import StrokebenchError, counted, named
from strokebench.files import CONTROLS

PLACES = 16
"""Tokens of an image: the cells of a 4 x 4 grid in its slices, as encoders give them."""
LARGEST = 2**31
"""Bytes of an archive's arrays, unpacked."""
_WITH_COMMA = r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?"


@dataclass(frozen=True)
class Features:
    """What `features:` names.

    Args:
        arrays: by name of the schema, as `strokebench.datasets.cohort.Cohort.features`.
        by_fold: (seed, fold) -> arrays, as `fold_features` there.
        lacking: name of the features -> patients who have none.
        problems: of their files.
        notes: what was not read, and what stands in place of what.
    """

    arrays: dict[str, pd.DataFrame | pd.Series] = field(default_factory=dict)
    by_fold: dict[tuple[int, int], dict[str, pd.DataFrame | pd.Series]] = field(default_factory=dict)
    lacking: dict[str, list[str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Rows:
    """One file: features (n, width) or (n, tokens, width) by the ids in it, and what is wrong with its form."""

    ids: pd.Index
    values: NDArray[np.float32]
    faults: Sequence[str] = ()
    notes: Sequence[str] = ()


def read_features(file: CohortFile, ids: Sequence[str], folds: Sequence[tuple[int, int]] = ()) -> Features:
    """The features of these patients; those of several files of one modality lie side by side.

    Args:
        folds: (seed, fold) of the cohort's own folds, for features that were fitted fold by fold; `arrays` has those of
            the first.

    Raises:
        StrokebenchError: a file cannot be read at all, or holds no features of the right shape; features by fold of a
            cohort without own folds.
    """
    features = Features()
    patients: pd.Index = pd.Index([*ids], dtype="object")
    parts: dict[str, dict[str, list[NDArray[np.float32]]]] = {}
    for name, source in file.features.items():
        if source.by_fold and not folds:
            if file.split is not None:
                # What is wrong with the folds is told where they are read.
                continue
            raise StrokebenchError(
                f"{file.path.name}: features: {name} has a file for each fold, and the cohort has no folds of its own.",
                "Give the folds they were fitted on: `split: folds.csv`.",
            )
        names = [source.file.format(seed=seed, fold=fold) for seed, fold in folds] if source.by_fold else [source.file]
        if len({*names}) < len(names):
            raise StrokebenchError(
                f"{file.path.name}: features: {source.file} is one file for folds of several seeds.", "Add {seed}."
            )
        read = [_read(file, name, replace(source, file=each), patients, features) for each in names]
        if len(shapes := {values.shape[1:] for values in read}) > 1:
            raise StrokebenchError(f"{file.path.name}: features: {name} has other shapes in other folds: {shapes}.")
        parts.setdefault(source.modality, {})[name] = read
    for modality, by_name in parts.items():
        varied = any(file.features[name].by_fold for name in by_name)
        for number, fold in enumerate(folds if varied else [None]):
            now = {name: read[number if file.features[name].by_fold else 0] for name, read in by_name.items()}
            for array, values in _side_by_side(modality, now).items():
                rows = (
                    pd.DataFrame(values, patients) if values.ndim == 2 else pd.Series([*values], patients, dtype=object)
                )
                if fold is not None:
                    features.by_fold.setdefault(fold, {})[array] = rows
                if not number:
                    features.arrays[array] = rows
                    shape = " x ".join(map(str, values.shape[1:]))
                    features.notes.append(f"{array}: {shape} numbers of {', '.join(by_name)}")
    return features


def _read(
    file: CohortFile, name: str, source: FeatureFile, patients: pd.Index, features: Features
) -> NDArray[np.float32]:
    """Features (n, *row) of one file; what is missing or wrong is told to `features`."""
    path = stored_path(file.folder, source.file)
    rows = _archive(path) if path.suffix == ".npz" else _table(file, path)
    known = rows.ids.intersection(patients)
    values = np.full((len(patients), *rows.values.shape[1:]), np.nan, np.float32)
    values[patients.get_indexer(known)] = rows.values[~rows.ids.duplicated()][rows.ids.unique().get_indexer(known)]
    lacks = np.asarray(np.isnan(values).reshape(len(patients), -1).all(1))
    features.lacking[name] = [*dict.fromkeys([*features.lacking.get(name, ()), *patients[lacks]])]
    features.problems.extend(_problems(name, source, rows, patients, lacks))
    features.notes.extend(said for note in rows.notes if (said := f"{name}: {note}") not in features.notes)
    if gaps := int(np.isnan(values[~lacks]).sum()):
        features.notes.append(f"{name}: {counted(gaps, 'empty cell')} of {source.file}, filled with the training mean")
    if len(others := rows.ids.difference([*patients, *file.exclude])):
        features.notes.append(f"{name}: rows of no patient in the table ({len(others)}): {named(others)}")
    return values


def _problems(
    name: str, source: FeatureFile, rows: _Rows, patients: pd.Index, lacks: NDArray[np.bool_]
) -> Iterator[Problem]:
    if not source.fitted_on:
        what = f"it is not said whether {name} ({source.file}) has learnt from these patients"
        yield Problem("features_fitted", what, where=name)
    faults = [*rows.faults]
    if len(doubled := rows.ids[rows.ids.duplicated()].unique()):
        faults.append(f"has several rows of {named(doubled)}")
    if not len(rows.ids.intersection(patients)):
        faults.append(f"holds no patient of the table, but {named(rows.ids)}")
        lacks = np.zeros_like(lacks)
    for fault in faults:
        yield Problem("features_wrong", f"{source.file} {fault}", where=name)
    known = patients.intersection(rows.ids, sort=False)
    vectors = pd.DataFrame(rows.values.reshape(len(rows.ids), -1), rows.ids)[~rows.ids.duplicated()].loc[known]
    empty = (vectors == 0).all(axis=1)
    yield from (Problem("features_missing", f"has nothing but 0 in {source.file}", id, name) for id in known[empty])
    first: dict[bytes, str] = {}
    for id in (
        known[~empty & vectors.notna().any(axis=1)] if source.modality == "image" and vectors.shape[1] > 3 else ()
    ):
        if (owner := first.setdefault(vectors.loc[id].to_numpy().tobytes(), id)) != id:
            yield Problem("image_doubled", f"has the numbers of patient {owner} in {source.file}", id, name)
    for id in patients[lacks]:
        what = "has no number" if id in rows.ids else f"is not there{nearest(id, rows.ids.difference(patients))}"
        yield Problem("features_missing", f"{what} in {source.file}", id, name)


def _side_by_side(modality: str, parts: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """A modality's arrays (n, *row) of features (n, width), or (n, tokens, width), each."""
    shapes = {name: f"{values.shape[1]} tokens" if values.ndim == 3 else "a vector" for name, values in parts.items()}
    if len({*shapes.values()}) > 1:
        said = ", ".join(f"{name} has {shape}" for name, shape in shapes.items())
        raise StrokebenchError(f"features: {said}; they cannot lie side by side.", "Give vectors of each.")
    values = np.concatenate([*parts.values()], axis=-1)
    if modality == "text":
        # One answer to one question; its tokens stand where an encoder's layers do.
        return {"text": values.reshape(len(values), 1, -1, values.shape[-1])}
    if values.ndim == 2:
        return {"image.vector": values}
    if values.shape[1] != PLACES:
        raise StrokebenchError(
            f"features: {', '.join(parts)} has {values.shape[1]} tokens of an image; {PLACES} are read.",
            "Average them over the cells of a 4 x 4 grid of the slices, or give one vector a patient.",
        )
    return {"image.vector": values.mean(1), "image.tokens": values}


def _table(file: CohortFile, path: Path) -> _Rows:
    """A table as the clinical one, of any width; columns without a single number (paths, versions) are not read.

    Raises:
        StrokebenchError: as `strokebench.datasets.own.table_file.read_table`; no id column; no column of numbers.
    """
    read = read_beside(file, path, file.id)
    header = list(read.cells.columns)
    if header.count(file.id) != 1:
        raise StrokebenchError(
            f"{path}: {header.count(file.id)} columns are called {file.id!r}{nearest(file.id, header)}.",
            "The ids stand in a column of the name that `id:` gives.",
        )
    ids = pd.Index([id or "(no id)" for id in read.cells.iloc[:, header.index(file.id)].str.strip()], dtype=object)
    cells = read.cells.drop(columns=file.id)
    header.remove(file.id)
    filled = (cells != "").to_numpy()
    values = cells.apply(pd.to_numeric, errors="coerce").to_numpy(np.float32)
    finite = np.isfinite(values)
    faults, kept, texts = [problem.what for problem in read.problems], [], []
    for column, name in enumerate(header):
        bad = cells.iloc[filled[:, column] & ~finite[:, column], column]
        if finite[:, column].any() or bad.str.fullmatch(_WITH_COMMA).any():
            kept.append(column)
            if len(bad):
                cell, row = bad.iloc[0], bad.index[0]
                faults.append(f"holds {cell!r} in row {row} of {name!r}, no number ({len(bad)} such cells)")
        else:
            texts.append(name)
    if not kept:
        raise StrokebenchError(f"{path}: no column of numbers.", "Give one row a patient and one column a number.")
    faults += _suspect(file, [header[column] for column in kept], values[:, kept])
    notes = [*read.notes]
    if texts:
        notes.append(f"columns without a number, not read ({len(texts)}): {named(texts)}")
    return _Rows(ids, np.where(finite, values, np.float32(np.nan))[:, kept], faults, notes)


def _suspect(file: CohortFile, names: Sequence[str], values: NDArray[np.float32]) -> Iterator[str]:
    """Columns (n, columns) that are no features by their name or their numbers: row numbers, dates, outcomes, codes."""
    outcomes = [outcome_column(rule) for rule in file.outcomes.values()]
    if doubled := sorted(name for name, n in Counter(names).items() if n > 1):
        yield f"has several columns of one name: {named(doubled)}"
    for name, column in zip(names, values.T, strict=True):
        numbers = pd.Series(column, dtype=float)
        if not name:
            yield "has a column without a name, as row numbers have"
        elif name in outcomes or sounds_like(name, outcomes) or sounds_later(name):
            yield f"has a column {name!r}, named like what is known only later: delete it, or rename it if it is none"
        elif (what := no_measurement(name, numbers)).startswith(("dates", "the numbers")):
            yield f"has a column {name!r} that holds {what}"
        elif codes := [code for code in lone_codes(numbers) if code <= -99]:
            yield f"has {codes[0]:g} in {name!r}, apart from its other values: empty the cells that are unknown"


def _archive(path: Path) -> _Rows:
    """A NumPy archive: `ids` (n,), and one array (n, width) or (n, tokens, width) of any name.

    Raises:
        StrokebenchError: it cannot be read, or holds anything else.
    """
    arrays = _arrays(path)
    ids = arrays.pop("ids", None)
    form = "Write it by numpy.savez(path, ids=ids, vectors=vectors), one row a patient."
    if ids is None or ids.ndim != 1 or ids.dtype.kind not in "Uiu" or len(arrays) != 1:
        there = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise StrokebenchError(f"{path}: not `ids` (n,), texts or whole numbers, and one array: {there}.", form)
    ((name, values),) = arrays.items()
    if values.dtype.kind not in "fiu" or values.ndim not in (2, 3) or len(values) != len(ids) or not values.size:
        raise StrokebenchError(f"{path}: {name} {values.shape} are no numbers of {len(ids)} patients.", form)
    with np.errstate(over="ignore"):
        # What is too large is infinite, and named below.
        values = values.astype(np.float32)
    names = np.ascontiguousarray(ids.astype(str))
    # A code point that is none breaks Python's own functions.
    letters = names.view(np.uint32)
    no_letters = bool(((letters > 0x10FFFF) | ((letters >= 0xD800) & (letters < 0xE000))).any())
    if no_letters or any(CONTROLS.search(name) for name in names.tolist()):
        raise StrokebenchError(f"{path}: the ids hold signs that are no text.", form)
    infinite = int(np.isinf(values).sum())
    faults = [f"holds {infinite} numbers that are not finite"] if infinite else []
    return _Rows(pd.Index(names, dtype=object).str.normalize("NFC"), values, faults)


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Whatever arrays an archive holds."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(part.file_size for part in archive.infolist())
        if size <= LARGEST:
            with np.load(path, allow_pickle=False) as arrays:
                # What has lost its header comes as bytes.
                return {name: np.asarray(arrays[name]) for name in arrays.files}
    except FileNotFoundError:
        raise StrokebenchError(f"{path}: no such file.", "Paths count from the cohort's file.") from None
    # NumPy and the archive have no common error class; what a damaged file raises depends on where it is damaged.
    except Exception as error:
        why = " ".join(str(error).split())[:200]
        raise StrokebenchError(f"{path}: not a NumPy archive of plain arrays ({why}).", "Write it again.") from None
    raise StrokebenchError(f"{path}: {size / 1e9:.1f} GB unpacked; up to {LARGEST / 1e9:.1f} GB are read.")
