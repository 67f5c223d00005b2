"""A cohort: patients, what is known of each, and where it lies. Everything is joined by patient id."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.datasets.images.reading import PLAIN, Reading, volume_digest
from strokebench.datasets.roles import ROLES, values_of
from strokebench.errors import StrokebenchError, unknown_name
from strokebench.files import digest


class Kind(StrEnum):
    """How a table column is to be read."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"


class Time(StrEnum):
    """When the value of a column is known."""

    BEFORE = "before"
    ADMISSION = "admission"
    AFTER = "after"


@dataclass(frozen=True)
class Column:
    """What is known of one column of the clinical table."""

    kind: Kind
    unit: str = ""
    description: str = ""
    low: float | None = None
    """Smallest plausible value; a smaller one is an error that names the patient."""
    high: float | None = None
    """Largest plausible value."""
    time: Time | None = None
    """Before the stroke, on admission, or only afterwards, which is never an input; None: not said."""

    def out_of_range(self, values: pd.Series) -> pd.Series:
        """Which of some numbers lie below `low` or above `high`."""
        return (values < (-np.inf if self.low is None else self.low)) | (
            values > (np.inf if self.high is None else self.high)
        )


ONLY = "image"
"""What the image of a cohort is called that has one sequence and does not say which."""
SEQUENCE, SEQUENCE_HINT = re.compile(r"[A-Za-z][A-Za-z0-9_-]*"), "Letters, digits, '-' and '_' make a name."
"""What an image may be called; conditions join names by other signs."""

PARTS = ("images", "texts", "site", "group", "masks", "brain_masks", "oracle")
"""What a cohort may have beside its table; each indexed by patient id."""


@dataclass(frozen=True)
class Cohort:
    """Patients with a table, images, texts, sites; each part indexed by patient id.

    Parts may come in any row order; construction aligns them with `table` by id and validates them.

    Args:
        name: short name, used in paths and hashes (`virtual`, `soop`, ...).
        title: what every output calls it (`virtual cohort`, `SOOP`, ...).
        table: one row a patient, index = patient id (unique strings), columns as given. Holds the outcome's
            source columns too; an outcome bans the columns that define it (`strokebench.tasks.endpoint`).
        columns: a `Column` for each column of `table`.
        images: NIfTI paths, one column a sequence (`dwi`, `adc`, ...), one row a patient; a series is a cohort of one
            sequence, called `image`. None: a cohort without images. A missing path is NaN/None.
        texts: one column a prompt, one row a patient; a missing answer is None. None: no text.
        site: hospital of each patient, or None.
        group: whose each row is, where a person may have several, or None; a split never parts them.
        folds: the cohort's own folds, columns patient, seed, fold and part, or None.
        masks: lesion mask path a patient where the cohort has them, in the grid of the sequence `masked`.
        masked: a column of `images`; default: the first.
        brain_masks: masks of the brain by sequence, as `images`; what lies outside is not encoded. An image without one
            is encoded as it is.
        reading: how its volumes and masks are to be read.
        features: numbers that were made elsewhere, by name of an array of the schema (`strokebench.tasks.inputs`), e.g.
            `image.vector`: a frame of one column a number, or a series of arrays of one shape; a patient who has none
            is missing values. A modality with features is not encoded.
        fold_features: (seed, fold) of `folds` -> features that stand in place of those of `features` there, made by
            what has learnt from that fold's training patients; empty: all folds have the same.
        oracle: each patient's true probability of the outcome `oracle_outcome`; only a generator knows it.
        oracle_outcome: the outcome expression that `oracle` belongs to, e.g. `nihss < 7`.
        synthetic: every output must say so.
        outcomes: the outcomes that this cohort offers, short name -> expression (`{"nihss": "nihss < 7"}`);
            the first is the default.
        about: provenance: source, licence, citation, notes (what was left out and why); where a model wrote the texts,
            `text_trained_on`, the data sets that it has learnt from; of a modality's features, e.g. `image_features`,
            what made them, and `image_features_trained_on`; `sex_column` and `race_column`, by which reports group.
        banned: columns that are never an input whatever the outcome (identifiers, post-discharge facts).
        roles: what columns are to a clinician, role -> column (`strokebench.datasets.roles`).

    Raises:
        StrokebenchError: doubled, missing or unmatched ids; a column without a `Column` or the reverse; a
            value out of range or of the wrong kind; an image or mask file that is not there; an empty site.
    """

    name: str
    title: str
    table: pd.DataFrame
    columns: Mapping[str, Column]
    images: pd.DataFrame | None = None
    texts: pd.DataFrame | None = None
    site: pd.Series | None = None
    group: pd.Series | None = None
    folds: pd.DataFrame | None = None
    masks: pd.Series | None = None
    masked: str = ""
    brain_masks: pd.DataFrame | None = None
    reading: Reading = PLAIN
    features: Mapping[str, pd.DataFrame | pd.Series] = field(default_factory=dict)
    fold_features: Mapping[tuple[int, int], Mapping[str, pd.DataFrame | pd.Series]] = field(default_factory=dict)
    oracle: pd.Series | None = None
    oracle_outcome: str | None = None
    synthetic: bool = False
    outcomes: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)
    banned: tuple[str, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        table = _with_string_ids(self.table, "the clinical table")
        object.__setattr__(self, "table", table)
        for part in ("images", "brain_masks"):
            if isinstance(value := getattr(self, part), pd.Series):
                object.__setattr__(self, part, value.to_frame(ONLY))
        if not self.masked and self.sequences:
            object.__setattr__(self, "masked", self.sequences[0])
        for part in PARTS:
            value = getattr(self, part)
            if value is not None:
                object.__setattr__(self, part, _aligned(_with_string_ids(value, part), table.index, part))

        def aligned(features: Mapping[str, pd.DataFrame | pd.Series]) -> dict[str, pd.DataFrame | pd.Series]:
            return {name: _aligned(_with_string_ids(each, name), table.index, name) for name, each in features.items()}

        object.__setattr__(self, "features", aligned(self.features))
        by_fold = {fold: aligned(features) for fold, features in self.fold_features.items()}
        object.__setattr__(self, "fold_features", by_fold)
        _check_columns(self)
        _check_values(self)
        _check_roles(self)
        _check_sequences(self)
        for sequence, paths in () if self.images is None else self.images.items():
            _check_files(paths, str(sequence) if len(self.sequences) > 1 else "image")
        _check_files(self.masks, "lesion mask")
        for _, paths in () if self.brain_masks is None else self.brain_masks.items():
            _check_files(paths, "brain mask")
        if self.site is not None and self.site.isna().any():
            raise StrokebenchError(
                f"Patient {self.site.index[self.site.isna()][0]} has no site.",
                "Fill the site column, or leave the site out of the cohort.",
            )

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        """Its size alone: a notebook keeps what a cell shows, and a log what an error holds."""
        return f"<Cohort {self.name}: {len(self)} patients, {len(self.columns)} columns>"

    @property
    def ids(self) -> pd.Index:
        """Patient ids, in the order of the table."""
        return self.table.index

    @property
    def sequences(self) -> tuple[str, ...]:
        """Names of the images that a patient may have, in order; empty for a cohort without images."""
        return () if self.images is None else tuple(map(str, self.images.columns))

    def subset(self, ids: pd.Index) -> Self:
        """The same cohort with only these patients, in this order."""
        parts: dict[str, Any] = {
            part: value.loc[ids] for part in ("table", *PARTS) if (value := getattr(self, part)) is not None
        }

        def rows(features: Mapping[str, pd.DataFrame | pd.Series]) -> dict[str, pd.DataFrame | pd.Series]:
            return {name: value.loc[ids] for name, value in features.items()}

        by_fold = {fold: rows(features) for fold, features in self.fold_features.items()}
        return replace(self, **parts, features=rows(self.features), fold_features=by_fold)

    def fingerprint(self) -> str:
        """Hash of every table value, site, text and image file; independent of the row order."""
        ids = self.ids.sort_values()
        parts: dict[str, Any] = {"table": self.table.loc[ids].to_csv(float_format="%.9g")}
        for part in ("texts", "site"):
            value = getattr(self, part)
            parts[part] = None if value is None else value.loc[ids].to_csv()
        for part in ("images", "brain_masks"):
            if (paths := getattr(self, part)) is not None:
                found = {str(sequence): _digests(paths.loc[ids, sequence]) for sequence in paths}
                # The name of a single one decides nothing.
                parts[part] = found if len(self.sequences) > 1 else next(iter(found.values()))
        if self.reading != PLAIN:
            parts["reading"] = self.reading.decides()
        parts["features"] = {name: array_digest(self.feature_array(name, ids)) for name in sorted(self.features)}
        if self.fold_features:
            parts["fold_features"] = {
                f"{fold}": {name: array_digest(self.feature_array(name, ids, fold)) for name in sorted(features)}
                for fold, features in sorted(self.fold_features.items())
            }
        return digest(parts)

    def by_role(self, banned: Collection[str] = ()) -> pd.DataFrame:
        """What some patient has of each role, in its own unit, one row a patient; nothing of `banned` columns.

        Where no column says who was dependent before the stroke, those with a premorbid mRS above 2 were (our rule).
        """
        found = {
            role: values_of(role, column, self.table[column], self.columns[column].unit)
            for role, column in self.roles.items()
            if column not in banned
        }
        if "dependence" not in self.roles and (before := found.get("premorbid_mrs")) is not None:
            found["dependence"] = (before > 2).astype(float).where(before.notna())
        return pd.DataFrame(found, index=self.ids).dropna(axis=1, how="all")

    def feature_array(self, name: str, ids: pd.Index, fold: tuple[int, int] | None = None) -> NDArray[np.float32]:
        """Features of these patients, (n, *row), those of a (seed, fold) if asked; who has none is a row of NaN.

        Raises:
            StrokebenchError: a value that is no number, or rows of several shapes.
        """
        values = (self.fold_features[fold] if fold else self.features)[name].loc[ids]
        try:
            if isinstance(values, pd.DataFrame):
                return values.to_numpy(np.float32)
            rows = {id: np.asarray(row, np.float32) for id, row in values.items() if not np.all(pd.isna(row))}
            nothing = np.full(next(iter(rows.values()), np.zeros(1)).shape, np.nan, np.float32)
            return np.stack([rows.get(id, nothing) for id in ids])
        except (TypeError, ValueError) as error:
            raise StrokebenchError(
                f"The features {name} of {self.title} are no numbers of one shape: {error}"
            ) from None


def array_digest(array: NDArray) -> str:
    """SHA-256 of the numbers and the shape of an array of any shape."""
    return digest([array.shape, sha256(array.tobytes()).hexdigest()])


def _digests(paths: pd.Series) -> list[str | None]:
    return [None if pd.isna(path) else volume_digest(Path(path)) for path in paths]


def _with_string_ids(part: Any, what: str) -> Any:
    if part.index.hasnans:
        row = int(part.index.isna().argmax()) + 1
        raise StrokebenchError(f"Row {row} of {what} has no patient id.", "Every row needs one.")
    part = part.copy()
    part.index = part.index.astype(str).rename("patient_id")
    doubled = part.index[part.index.duplicated()]
    if len(doubled):
        raise StrokebenchError(
            f"Patient {doubled[0]} stands {int((part.index == doubled[0]).sum())} times in {what}"
            f" ({doubled.nunique()} doubled ids).",
            "Keep one row a patient.",
        )
    return part


def _aligned(part: Any, ids: pd.Index, what: str) -> Any:
    unknown, missing = part.index.difference(ids), ids.difference(part.index)
    if len(unknown):
        raise StrokebenchError(
            f"{what}: patient {unknown[0]} is not in the clinical table ({len(unknown)} such patients).",
            "Ids must match letter by letter.",
        )
    if len(missing):
        raise StrokebenchError(
            f"{what}: patient {missing[0]} of the clinical table is missing ({len(missing)} such patients).",
            "Add a row with an empty value where there is none.",
        )
    return part.loc[ids]


def _check_columns(cohort: Cohort) -> None:
    for name in cohort.table.columns:
        if name not in cohort.columns:
            raise StrokebenchError(f"Table column {name!r} is not described.", "Give its kind.")
    for name in cohort.columns:
        if name not in cohort.table.columns:
            raise StrokebenchError(f"Column {name!r} is described but not in the table.")


def _check_values(cohort: Cohort) -> None:
    table, wrong = cohort.table.copy(), []
    for name in (name for name, column in cohort.columns.items() if column.kind is Kind.NUMERIC):
        column, given = cohort.columns[name], table[name]
        table[name] = pd.to_numeric(given, errors="coerce").astype(float)
        limits = f"is outside {column.low} to {column.high}"
        for reason, fails in (
            ("is no number", table[name].isna() & given.notna()),
            (limits, column.out_of_range(table[name])),
        ):
            wrong += [f"Patient {id}, column {name!r}: {value} {reason}" for id, value in given[fails].items()]
    if wrong:
        raise StrokebenchError(
            f"{wrong[0]} ({len(wrong)} such values in the table).",
            "Correct the value, or leave it empty if it is unknown.",
        )
    object.__setattr__(cohort, "table", table)


def _check_roles(cohort: Cohort) -> None:
    for role, column in cohort.roles.items():
        if role not in ROLES:
            raise unknown_name("role", role, ROLES)
        if column not in cohort.table:
            raise StrokebenchError(f"The role {role} is that of {column!r}, which is no column of the table.")
    cohort.by_role()


def _check_sequences(cohort: Cohort) -> None:
    for sequence in cohort.sequences:
        if not SEQUENCE.fullmatch(sequence):
            raise StrokebenchError(f"{sequence!r} is no name of a sequence.", SEQUENCE_HINT)
    masks = () if cohort.brain_masks is None else tuple(map(str, cohort.brain_masks.columns))
    for sequence in (*masks, cohort.masked) if cohort.sequences else ():
        if sequence not in cohort.sequences:
            raise unknown_name("sequence", sequence, cohort.sequences)


def _check_files(paths: pd.Series | None, what: str) -> None:
    if paths is None:
        return
    for patient, path in paths.items():
        if not pd.isna(path) and not Path(path).is_file():
            raise StrokebenchError(f"Patient {patient}: no {what} at {path}.", "Check the path.")
