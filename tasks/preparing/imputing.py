"""Filling gaps of the clinical table before it is prepared, by what the training part tells."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from strokebench.datasets.cohort import Column, Kind

MODE = "mode"
"""The paper's way (section 4.1.1), which `TablePreprocessor` has: nothing is filled before it."""

Filled = tuple[pd.DataFrame, dict[str, Column]]

MISSING = "{} is missing"
"""Name of a column's indicator."""


def iterative(table: pd.DataFrame, columns: Mapping[str, Column], train: pd.Index) -> Filled:
    """Numbers are predicted from all other columns in turn (scikit-learn's `IterativeImputer`), and gaps are indicated.

    The model of each column is a Bayesian ridge regression on standardised columns; what it predicts is kept within the
    training part's range, and rounded where all its values are whole; a number that the training part never lacks is
    filled with its mean. A category's gap is left for the mode, and so is a patient of whom nothing is known. Each
    column with a gap in the training part gets an indicator of its own, 0 or 1.

    Args:
        table: one row a patient of any part, columns that are inputs. columns: what is known of them.
        train: ids of the training part.

    Returns:
        The table with its indicators, and their `Column`s too.
    """
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer
    from sklearn.preprocessing import StandardScaler

    known, rows = table.loc[train], table.index.get_indexer(train)
    names = [str(name) for name in table]
    gaps = [name for name in names if known[name].isna().any() and known[name].notna().any()]
    numeric = [name for name in names if columns[name].kind is Kind.NUMERIC and known[name].notna().any()]
    numbers = table[numeric].apply(pd.to_numeric).astype(float)
    categories = [name for name in names if columns[name].kind is Kind.CATEGORICAL]
    # pandas refuses to encode no columns.
    told = pd.get_dummies(table[categories].astype("string"), dtype=float) if categories else table[[]]
    told = told.loc[:, told.loc[train].any()]
    filled = table.copy()
    if numbers.isna().any(axis=None):
        whole = pd.concat([numbers, told], axis=1).to_numpy()
        scaler = StandardScaler().fit(whole[rows])
        scaled = scaler.transform(whole)
        low, high = (end(scaled[rows], axis=0) for end in (np.nanmin, np.nanmax))
        # A constant has no range, which scikit-learn refuses.
        imputer = IterativeImputer(
            min_value=low, max_value=np.maximum(high, low + 1e-9), skip_complete=True, random_state=0
        ).fit(scaled[rows])
        complete = scaler.inverse_transform(imputer.transform(scaled))[:, : len(numeric)]
        steps = numbers.loc[train].apply(lambda values: (values.dropna() == values.dropna().round()).all())
        complete = np.where(steps, np.round(complete), complete)
        filled[numeric] = numbers.where(numbers.notna(), complete)
    indicators = {MISSING.format(name): table[name].isna().astype(float) for name in gaps}
    filled = pd.concat([filled, pd.DataFrame(indicators, index=table.index)], axis=1)
    filled[table.isna().all(axis=1)] = np.nan
    return filled, {**columns, **{name: Column(Kind.NUMERIC, low=0, high=1) for name in indicators}}


IMPUTERS: dict[str, Callable[[pd.DataFrame, Mapping[str, Column], pd.Index], Filled]] = {"iterative": iterative}
"""Beside `MODE`."""
