"""The clinical table as standardised numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.datasets.cohort import Column, Kind
from strokebench.tasks.preparing.arrays import moments


class Encoded(NamedTuple):
    """One column of numbers made of a column of the table: `values` (n,)."""

    name: str
    values: NDArray[np.float64]


class TablePreprocessor:
    """Mode imputation (paper, section 4.1.1), indicators for categories, standardisation.

    Ties between modes, common in continuous columns, go to the mode nearest the median (our choice). One indicator
    tells two categories apart; more have one each. A category that the training part does not know is none of them:
    its indicators are at the training mean, for a lone one at 0 would say that it is the first of the two. A column
    without any value in the training part is left out.

    Attributes set by `fit`:
        names_: of the encoded columns. binary_: which of them are 0 or 1 in the whole training part, indicators of a
            category among them, (columns,) bool. whole_: which are whole numbers there, such as points of a scale.
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
                self.categories_[name] = sorted(known.unique())
        columns = list(self._encode(values))
        encoded = _side_by_side(columns, len(table))
        self.names_ = tuple(column.name for column in columns)
        self.binary_ = np.isin(encoded, (0, 1)).all(axis=0)
        self.whole_ = (encoded == np.rint(encoded)).all(axis=0)
        self.mean_, self.deviation_ = moments(encoded, np.arange(len(encoded)), axis=0)
        return self

    def transform(self, table: pd.DataFrame) -> NDArray[np.float32]:
        """Standardised columns (n, len(names_)) of the rows of `table`, without missing values."""
        encoded = _side_by_side(list(self._encode(self._values(table))), len(table))
        scaled = ((encoded - self.mean_) / self.deviation_).astype(np.float32)
        scaled[np.isnan(scaled)] = 0
        return scaled

    def rounded(self, scaled: NDArray[np.float32]) -> NDArray[np.float32]:
        """Standardised columns (n, columns) of which those of whole numbers are at the nearest one."""
        nearest = (np.rint(scaled * self.deviation_ + self.mean_) - self.mean_) / self.deviation_
        return np.where(self.whole_, nearest.astype(np.float32), scaled)

    def _values(self, table: pd.DataFrame) -> dict[str, pd.Series]:
        """Each column as numbers or as text."""
        return {
            str(name): pd.to_numeric(column).astype(float)
            if self.kinds[str(name)] is Kind.NUMERIC
            else column.astype("string").astype(object).where(column.notna(), np.nan)
            for name, column in table.items()
        }

    def _encode(self, table: Mapping[str, pd.Series]) -> Iterator[Encoded]:
        """The encoded columns; NaN for the indicators of an unknown category."""
        for name, mode in self.modes_.items():
            values = table[name].to_numpy()
            values = np.where(pd.isna(values), mode, values)
            if self.kinds[name] is Kind.NUMERIC:
                yield Encoded(name, values)
                continue
            categories = self.categories_[name]
            known = pd.Series(values).isin(categories).to_numpy()
            for category in categories[1:] if len(categories) == 2 else categories:
                yield Encoded(f"{name} = {category}", np.where(known, values == category, np.nan))


def _side_by_side(columns: Sequence[Encoded], n: int) -> NDArray[np.float64]:
    # A table may have no columns.
    return np.column_stack([np.empty((n, 0)), *(column.values for column in columns)])
