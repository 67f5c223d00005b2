"""Table One: what the patients are like, altogether and by group.

Own code rather than a package: the same numbers go to the terminal and to a page, and the packages at hand
give formatted text only. No p-values: groups of a cohort are described, not tested (STROBE, item 14).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.datasets.cohort import Cohort, Column, Kind
from strokebench.datasets.naming import scale_of
from strokebench.files import natural_order

SKEWED = 1.0
"""From this absolute skewness on, a column is shown as median [IQR] instead of mean (SD) (our choice); one of a scale
of points (NIHSS, mRS) always is."""
MAX_CATEGORIES = 12
"""More categories are shown as the most frequent ones and the others together."""
FEW = 5
"""Of more categories that have fewer patients each, as dates have, none is shown (our choice)."""
IMBALANCED = 0.1
"""Standardised mean difference from which groups are called imbalanced (Austin, Stat Med 2009;28:3083)."""


@dataclass(frozen=True)
class Line:
    """One line: a column, or one category of it.

    Args:
        label: the column, with its unit and how it is summarised; or the category.
        overall: summary of all patients.
        groups: of each group.
        missing: patients without a value, on the column's own line.
        smd: standardised mean difference between the groups, the largest of any pair; NaN on the lines of
            categories and where it cannot be computed.
        level: 0 for a column, 1 for a category.
    """

    label: str
    overall: str
    groups: tuple[str, ...]
    missing: int | None = None
    smd: float = math.nan
    level: int = 0

    @property
    def imbalanced(self) -> bool:
        """Whether the groups differ noticeably."""
        return self.smd >= IMBALANCED


@dataclass(frozen=True)
class TableOne:
    """A cohort described by group.

    Args:
        title: says what the groups are.
        groups: names of the groups.
        sizes: patients a group.
        n: patients altogether (those that belong to a group).
        lines: in the order of the cohort's `columns`, which is that of the table's file.
    """

    title: str
    groups: tuple[str, ...]
    sizes: tuple[int, ...]
    n: int
    lines: tuple[Line, ...]


def table_one(cohort: Cohort, groups: pd.Series, title: str) -> TableOne:
    """Describe each column of the clinical table by group.

    Args:
        groups: group of each patient, as text; patients without one are left out.
    """
    groups = groups.dropna()
    table = cohort.table.loc[groups.index]
    names = tuple(sorted(groups.unique(), key=natural_order))
    lines: list[Line] = []
    for name, column in cohort.columns.items():
        lines += _lines(name, column, table[name], groups, names)
    return TableOne(title, names, tuple(int((groups == name).sum()) for name in names), len(groups), tuple(lines))


def smd(values: pd.Series, groups: pd.Series) -> float:
    """Standardised mean difference, the largest over all pairs of groups.

    Numbers: difference of the means over the root of the mean variance. Categories: the Mahalanobis distance
    between the groups' shares (Yang & Dalton, SAS Global Forum 2012, paper 335). Missing values are left out.

    Returns:
        0 for equal groups; NaN with fewer than two groups that have values; infinite where groups without any spread
        differ, as those that share no category.
    """
    known = values.notna()
    values, groups = values[known], groups[known]
    if pd.api.types.is_numeric_dtype(values):
        found = values.astype(float).groupby(groups).agg(["mean", "var"]).dropna()
        moments = list(found.itertuples(index=False, name=None))
        pairs = (mean_distance(a, b, (x + y) / 2) for (a, x), (b, y) in combinations(moments, 2))
    else:
        shares = pd.crosstab(groups, values.astype(str), normalize="index").to_numpy()
        pairs = (share_distance(*pair) for pair in combinations(shares, 2))
    return max(pairs, default=math.nan)


def mean_distance(some: float, others: float, variance: float) -> float:
    """How many deviations wide the gap between two means is, by the mean variance of both groups."""
    gap = some - others
    # Of a constant, equal means may differ in their last digit.
    if abs(gap) <= 1e-12 * max(abs(some), abs(others)):
        return 0.0
    return abs(gap) / math.sqrt(variance) if variance else math.inf


def share_distance(some: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Mahalanobis distance between two groups' shares of the same categories, (k,) each, which sum to 1.

    The mean covariance of both is that of the mean shares less a quarter of the gap's outer product, so no matrix
    need be inverted (Sherman and Morrison): there may be as many categories as patients.
    """
    there = some + others > 0
    gap, mean = (some - others)[there], (some + others)[there] / 2
    squared = float((gap**2 / mean).sum())
    return math.sqrt(squared / (1 - squared / 4)) if squared < 4 - 1e-9 else math.inf


def _lines(name: str, column: Column, values: pd.Series, groups: pd.Series, names: tuple[str, ...]) -> Iterator[Line]:
    by_group = dict(iter(values.groupby(groups)))
    parts = [by_group[group] for group in names]
    missing, difference = int(values.isna().sum()), smd(values, groups)
    if column.kind is Kind.NUMERIC:
        numbers = values.dropna().astype(float)
        if numbers.isin([0, 1]).all():
            show, how = _share_of_ones, "n (%)"
        elif abs(float(numbers.skew())) < SKEWED and not scale_of(name):  # type: ignore[arg-type]
            show, how = _mean, "mean (SD)"
        else:
            show, how = _median, "median [IQR]"
        has_unit = column.unit and how != "n (%)"
        label = f"{name} ({column.unit}), {how}" if has_unit else f"{name}, {how}"
        yield Line(label, show(values), tuple(show(part) for part in parts), missing, difference)
        return
    categories = values.value_counts().index
    if len(categories) > MAX_CATEGORIES and len(categories) * FEW > values.notna().sum():
        yield Line(f"{name}, {len(categories)} different", "", ("",) * len(parts), missing)
        return
    yield Line(f"{name}, n (%)", "", ("",) * len(parts), missing, difference)
    for category in categories[:MAX_CATEGORIES]:
        counts = [_share(part == category, part) for part in parts]
        yield Line(str(category), _share(values == category, values), tuple(counts), level=1)
    rest = categories[MAX_CATEGORIES:]
    if len(rest):
        counts = [_share(part.isin(rest), part) for part in parts]
        yield Line(f"{len(rest)} others", _share(values.isin(rest), values), tuple(counts), level=1)


def _share(chosen: pd.Series, of: pd.Series) -> str:
    n = int(of.notna().sum())
    return f"{int(chosen.sum())} ({100 * chosen.sum() / n:.1f})" if n else "–"


def _share_of_ones(values: pd.Series) -> str:
    return _share(values == 1, values)


def _mean(values: pd.Series) -> str:
    return f"{show_number(values.mean())} ({show_number(values.std())})" if values.notna().any() else "–"


def _median(values: pd.Series) -> str:
    low, middle, high = values.quantile([0.25, 0.5, 0.75])
    if not values.notna().any():
        return "–"
    # Points of a scale and counts have no decimals.
    whole = bool((values.dropna() % 1 == 0).all())
    show = (lambda value: f"{value:.4g}") if whole else show_number
    return f"{show(middle)} [{show(low)}, {show(high)}]"


def show_number(value: float) -> str:
    """Three digits or one decimal, whichever shows more, and four digits from a million on."""
    if math.isnan(value):
        return "–"
    if abs(value) >= 1e6:
        return f"{value:.4g}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.2g}"
