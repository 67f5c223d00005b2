"""From a cohort and its embeddings to what a method sees; everything is fitted on the training part alone."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.datasets.cohort import Cohort, Column, Kind
from strokebench.datasets.embeddings import Embeddings
from strokebench.datasets.files import StrokebenchError
from strokebench.datasets.large import blocks, room
from strokebench.tasks.balancing import BALANCERS
from strokebench.tasks.conditions import COMPLETE, Condition
from strokebench.tasks.splits import PARTS, Fold
from strokebench.tasks.trimodal import TriModal

Labels = NDArray[np.int8]


@dataclass(frozen=True)
class Parts:
    """One fold, ready for a method. Row i of `test` is the i-th id of the fold's `test`."""

    train: TriModal
    y_train: Labels
    validation: TriModal
    y_validation: Labels
    test: TriModal
    columns: tuple[str, ...]
    """Names of the columns of `table` after encoding."""
    seed: int
    """Decides which patients lack a modality, under conditions that take it from some."""
    zeros: Mapping[str, NDArray[np.float32]]
    """What zeros of each array became by standardisation."""


class TablePreprocessor:
    """Mode imputation (paper, section 4.1.1), indicators for categories, standardisation.

    Ties between modes, common in continuous columns, go to the mode nearest the median (our choice). A
    category of which the training part knows nothing becomes zeros; a column without any value in the
    training part is left out.
    """

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self.kinds = {name: column.kind for name, column in columns.items()}

    def fit(self, table: pd.DataFrame) -> TablePreprocessor:
        """Learn modes, categories, means and deviations.

        Args:
            table: the training part's rows.
        """
        self.modes_: dict[str, Any] = {}
        self.categories_: dict[str, list[str]] = {}
        values = self._values(table)
        for name, column in values.items():
            known = column.dropna()
            if known.empty:
                continue
            modes = known.mode()
            if self.kinds[name] is Kind.NUMERIC:
                self.modes_[name] = modes.iloc[int((modes - known.median()).abs().argmin())]
            else:
                self.modes_[name] = modes.iloc[0]
                categories = sorted(known.unique())
                # One indicator tells two categories apart.
                self.categories_[name] = categories[1:] if len(categories) == 2 else categories
        self.names_, encoded = self._encode(values, len(table))
        self.mean_, self.deviation_ = moments(encoded, np.arange(len(encoded)), axis=0)
        self.categorical_ = np.array([" = " in name for name in self.names_], dtype=bool)
        return self

    def transform(self, table: pd.DataFrame) -> NDArray[np.float32]:
        """Standardised columns (n, len(names_)), without missing values."""
        _, encoded = self._encode(self._values(table), len(table))
        return ((encoded - self.mean_) / self.deviation_).astype(np.float32)

    def _values(self, table: pd.DataFrame) -> dict[str, pd.Series]:
        """Each column as numbers or as text."""
        return {
            str(name): pd.to_numeric(column).astype(float)
            if self.kinds[str(name)] is Kind.NUMERIC
            else column.astype("string").astype(object).where(column.notna(), np.nan)
            for name, column in table.items()
        }

    def _encode(self, table: Mapping[str, pd.Series], n: int) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """Names of the encoded columns, and the columns (n, names)."""
        encoded: dict[str, NDArray] = {}
        for name, mode in self.modes_.items():
            values = table[name].to_numpy()
            values = np.where(pd.isna(values), mode, values)
            if self.kinds[name] is Kind.NUMERIC:
                encoded[name] = values
            else:
                for category in self.categories_[name]:
                    encoded[f"{name} = {category}"] = values == category
        # A table may have no columns.
        return tuple(encoded), np.column_stack([np.empty((n, 0)), *encoded.values()])


class ArrayPreprocessor:
    """Standardisation of embeddings, block by block; a missing one becomes zeros, the training mean.

    Args:
        axis: axes over which mean and deviation are taken; the others keep their own.
    """

    def __init__(self, axis: int | tuple[int, ...]) -> None:
        self.axis = axis

    def fit(self, x: NDArray[np.float32], rows: NDArray[np.intp]) -> ArrayPreprocessor:
        """Learn mean and deviation from the training part, which is these rows of `x`."""
        self.mean_, self.deviation_ = moments(x, rows, self.axis)
        return self

    def transform(self, x: NDArray[np.float32], rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """These rows of `x`, standardised float32."""
        mean, deviation = self.mean_.astype(np.float32), self.deviation_.astype(np.float32)
        scaled = room((len(rows), *x.shape[1:]))
        for part in blocks(len(rows), x.shape):
            values = np.subtract(x[rows[part]], mean, out=scaled[part])
            values /= deviation
            _without_gaps(values)
        return scaled


def moments(x: NDArray, rows: NDArray[np.intp], axis: int | tuple[int, ...]) -> tuple[NDArray, NDArray]:
    """Mean and standard deviation over the known values of these rows along `axis`; a constant's deviation is 1.

    Where nothing is known they are 0 and 1. Constant is meant up to float32 rounding: dividing by the
    rounding error of a mean would blow it up into noise.
    """
    count, total, squares, complete = 0, 0.0, 0.0, True
    for part in blocks(len(rows), x.shape):
        values = x[rows[part]]
        known = _without_gaps(values)
        complete = complete and known is None
        count = count + (known.sum(axis, keepdims=True) if known is not None else _number(values.shape, axis))
        total = total + values.sum(axis, dtype=np.float64, keepdims=True)
    count = np.maximum(count, 1)
    mean = total / count
    for part in blocks(len(rows), x.shape):
        distance = x[rows[part]] - mean
        if not complete:
            _without_gaps(distance)
        squares = squares + np.square(distance, out=distance).sum(axis, keepdims=True)
    deviation = np.sqrt(squares / count)
    constant = deviation <= 1e-6 * np.maximum(np.abs(mean), 1e-6)
    return mean, np.where(constant, 1.0, deviation)


def _without_gaps(values: NDArray) -> NDArray[np.bool_] | None:
    """Put 0 where a value is missing: which are known, or None if all are, as in most cohorts."""
    known = np.isfinite(values)
    if known.all():
        return None
    values[~known] = 0
    return known


def _number(shape: Sequence[int], axis: int | tuple[int, ...]) -> int:
    """Of values along these axes."""
    return math.prod(shape[each] for each in np.atleast_1d(axis))


def prepare(
    cohort: Cohort,
    embeddings: Embeddings,
    labels: pd.Series,
    fold: Fold,
    banned_columns: Collection[str] = (),
    condition: Condition = COMPLETE,
    balance: str = "smote",
) -> Parts:
    """One fold's three parts, joined by id, preprocessed and balanced.

    Only the training part is balanced, after standardisation; modalities are zeroed last, so that the same
    patients are replicated under every condition.

    Args:
        labels: 0 or 1 by patient id.
        banned_columns: table columns that define the outcome or are no input.
        balance: a key of `strokebench.tasks.balancing.BALANCERS`.

    Raises:
        StrokebenchError: unknown `balance`, a patient in two parts, or one without embeddings.
    """
    if balance not in BALANCERS:
        raise StrokebenchError(f"Unknown balance {balance!r}.", f"Choose from: {', '.join(BALANCERS)}.")
    ids = {part: pd.Index(getattr(fold, part)) for part in PARTS}
    shared = ids["train"].intersection(ids["test"]).union(ids["validation"].intersection(ids["test"]))
    shared = shared.union(ids["train"].intersection(ids["validation"]))
    if len(shared):
        raise StrokebenchError(f"Patient {shared[0]} is in two parts of {fold.name}.", "Make the split again.")
    table = cohort.table.drop(columns=list(banned_columns))
    tabular = TablePreprocessor(cohort.columns).fit(table.loc[ids["train"]])
    arrays = _arrays(embeddings)
    rows = {part: embeddings.rows(index) for part, index in ids.items()}
    fitted = {name: ArrayPreprocessor(axis).fit(x, rows["train"]) for name, (x, axis) in arrays.items()}
    # All parts in one go: a column's conversion costs the same for few patients and for many.
    tables = tabular.transform(table.loc[np.concatenate(list(ids.values()))])
    ends = np.cumsum([len(index) for index in ids.values()])
    parts = {
        part: TriModal(
            table=own,
            **{name: fitted[name].transform(x, rows[part]) for name, (x, _) in arrays.items()},
        )
        for part, own in zip(ids, np.split(tables, ends[:-1]), strict=True)
    }
    y = {part: labels.loc[index].to_numpy(np.int8) for part, index in ids.items() if part != "test"}
    seed = int(np.random.SeedSequence([fold.seed, fold.fold]).generate_state(1)[0])
    # Taken out, so that the unbalanced one need not be kept beside the balanced one.
    train, y_train = BALANCERS[balance](parts.pop("train"), y["train"], tabular.categorical_, seed)
    zeros = {name: fitted[name].transform(np.zeros_like(x[:1]), np.arange(1))[0] for name, (x, _) in arrays.items()}
    zeros["table"] = (-tabular.mean_ / tabular.deviation_).astype(np.float32)[0]
    return Parts(
        train=condition.apply(train, "train", seed, zeros),
        y_train=y_train,
        validation=condition.apply(parts["validation"], "validation", seed, zeros),
        y_validation=y["validation"],
        test=condition.apply(parts["test"], "test", seed, zeros),
        columns=tabular.names_,
        seed=seed,
        zeros=zeros,
    )


def _arrays(embeddings: Embeddings) -> dict[str, tuple[NDArray[np.float32], int | tuple[int, ...]]]:
    """Each array with the axes of its statistics. A modality that the cohort lacks is one column of NaN.

    Tokens share one scale over the grid; each prompt and layer of the text has its own (our choice: the
    prompts ask different questions, and a patient's answer is to be compared with others' to the same one).
    """
    n = len(embeddings.ids)
    nothing = np.full((n, 1), np.nan, dtype=np.float32)
    image = nothing if embeddings.image is None else embeddings.image
    tokens = nothing[:, None] if embeddings.image_tokens is None else embeddings.image_tokens
    text = nothing[:, None, None] if embeddings.text is None else embeddings.text
    return {"image": (image, 0), "image_tokens": (tokens, (0, 1)), "text": (text, 0)}
