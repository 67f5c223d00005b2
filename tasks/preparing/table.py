"""The clinical table as standardised numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.datasets.cohort import Column, Kind
from strokebench.tasks.preparing.arrays import moments


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
