"""Which subgroups does a patient belong to? Found by the cohort's roles, else by the names of its columns."""

from itertools import pairwise

import numpy as np
import pandas as pd

from strokebench.datasets.cohort import Cohort, Kind
from strokebench.datasets.own.column_values import same_spelling
from strokebench.datasets.roles import GROUPING

AGE_EDGES = (60, 70, 80)
"""Years at which a new age band begins (our choice)."""

COLUMN_NAMES = {
    "age": "age alter âge edad età idade leeftijd yaş 年齢 年龄 年齡 나이 연령",
    "sex": "sex gender geschlecht sexe sexo sesso geslacht cinsiyet 性別 性别 성별",
    "race": "race ethnicity race_ethnicity race/ethnicity ethnic_group ethnie ethnizität raza etnia"
    " 人種 人种 种族 種族 民族 인종",
}
"""Role -> names of its column, in small letters."""
UNKNOWN = "unknown"


def patient_groups(cohort: Cohort, ids: pd.Index) -> pd.DataFrame | None:
    """Age band, sex and race of each of these patients, where a column has that role or such a name, in whatever case.

    They are for reports only; whether a method may see them is the outcome's matter.

    Returns:
        `patient_id` and one ordered categorical column a grouping; None without any.
    """
    by_name = {same_spelling(str(name)): str(name) for name in cohort.table.columns}
    groups = {}
    for grouping, known in COLUMN_NAMES.items():
        said = cohort.roles.get(grouping) or cohort.about.get(GROUPING.get(grouping, ""))
        named = (by_name.get(same_spelling(name)) for name in known.split())
        column = next((name for name in (said, *named) if name in cohort.table), None)
        if column is None:
            continue
        values = cohort.table.loc[ids, column]
        if grouping == "age":
            if grouping in cohort.roles or cohort.columns[column].kind is Kind.NUMERIC:
                groups[grouping] = age_bands(pd.to_numeric(values))
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
