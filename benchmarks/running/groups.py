"""Which subgroups does a patient belong to? Found by the names of the cohort's columns."""

from itertools import pairwise

import numpy as np
import pandas as pd

from strokebench.datasets.cohort import Cohort, Kind

AGE_EDGES = (60, 70, 80)
"""Years at which a new age band begins (our choice)."""

COLUMN_NAMES = {"age": ("age",), "sex": ("sex", "gender")}
UNKNOWN = "unknown"


def patient_groups(cohort: Cohort, ids: pd.Index) -> pd.DataFrame | None:
    """Age band and sex of each of these patients, where the cohort's table has such a column, in whatever case.

    They are for reports only; whether a method may see age and sex is the outcome's matter.

    Returns:
        `patient_id` and one ordered categorical column a grouping; None without any.
    """
    by_name = {str(name).strip().lower(): str(name) for name in cohort.table.columns}
    groups = {}
    for grouping, known in COLUMN_NAMES.items():
        column = next((by_name[name] for name in known if name in by_name), None)
        if column is None:
            continue
        values = cohort.table.loc[ids, column]
        if grouping == "age":
            if cohort.columns[column].kind is Kind.NUMERIC:
                groups[grouping] = age_bands(values)
        else:
            names = values.astype("string").str.strip().fillna(UNKNOWN).to_numpy(dtype=object)
            groups[grouping] = _ordered(names, [*sorted(set(names) - {UNKNOWN}), UNKNOWN])
    return pd.DataFrame({"patient_id": ids.astype(str), **groups}) if groups else None


def age_bands(years: pd.Series) -> pd.Categorical:
    """`under 60`, `60-69`, `70-79`, `80 and over`, and `unknown` where somebody's age is."""
    inner = [f"{low}-{high - 1}" for low, high in pairwise(AGE_EDGES)]
    names = np.array([f"under {AGE_EDGES[0]}", *inner, f"{AGE_EDGES[-1]} and over", UNKNOWN], dtype=object)
    place = np.where(years.isna(), len(names) - 1, np.searchsorted(AGE_EDGES, years.fillna(0), side="right"))
    return _ordered(names[place], list(names))


def _ordered(values: np.ndarray, names: list[str]) -> pd.Categorical:
    return pd.Categorical(values, [name for name in names if name in set(values)], ordered=True)
