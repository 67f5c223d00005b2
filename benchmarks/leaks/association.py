"""How well does one variable alone tell the outcome, and could chance do the same?"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.benchmarks.leaks.finding import Severity
from strokebench.tasks.metrics.selection import auc

ALARM_AUC, WARNING_AUC = 0.95, 0.90
"""From these AUCs on a single variable is taken for a copy of the outcome (our choice). An honest one before
treatment rarely passes 0.8."""
CHANCE = 1e-4
"""An AUC counts only if chance would reach it in fewer audits than this, whatever the number of variables."""
TREE_DEPTH, FOLDS, MIN_LEAF = 3, 5, 5


@dataclass(frozen=True)
class Association:
    """AUC of one variable in [0.5, 1], and on how many patients of each class it was measured."""

    auc: float
    n_negative: int
    n_positive: int

    def severity(self, tried: int) -> Severity | None:
        """`alarm`, `warning` or None.

        Args:
            tried: how many variables are looked at; the bound is Bonferroni's on the normal rank sum.
        """
        from scipy.stats import norm

        by_chance = norm.isf(CHANCE / tried / 2) * chance_deviation(self.n_negative, self.n_positive)
        if self.auc < WARNING_AUC or self.auc <= 0.5 + by_chance:
            return None
        return "alarm" if self.auc >= ALARM_AUC else "warning"


def chance_deviation(n_negative: int, n_positive: int) -> float:
    """Standard deviation of the AUC of a variable that knows nothing (Mann and Whitney 1947)."""
    if not n_negative or not n_positive:
        return np.inf
    return float(np.sqrt((n_negative + n_positive + 1) / (12 * n_negative * n_positive)))


def of_presence(patients: set[str], y: pd.Series) -> Association:
    """A sign that some patients bear: its AUC follows from the share of each class that do."""
    sizes = _class_sizes(y)
    bearing = np.bincount(y.to_numpy()[y.index.isin(list(patients))], minlength=2)
    shares = [int(bears) / size if size else 0.0 for bears, size in zip(bearing, sizes, strict=True)]
    return Association(0.5 + abs(shares[1] - shares[0]) / 2, *sizes)


def of_numbers(values: pd.Series, y: pd.Series, tree: bool = True) -> Association | None:
    """A numeric variable on the patients that have it: its order, or what a shallow tree makes of it.

    The `tree`, judged out of fold, catches what is not monotone (an even number for one class, an odd one for
    the other).

    Returns:
        None where fewer than two patients of a class have a value.
    """
    from sklearn.tree import DecisionTreeClassifier

    known = values.dropna()
    y = y.loc[known.index]
    sizes = _class_sizes(y)
    if min(sizes) < 2 or known.nunique() < 2:
        return None
    found = auc(y, known)
    found = max(found, 1 - found)
    if tree and min(sizes) >= FOLDS and known.nunique() > 2:
        model = DecisionTreeClassifier(max_depth=TREE_DEPTH, min_samples_leaf=MIN_LEAF, random_state=0)
        alone = _out_of_fold(lambda x, y, new: model.fit(x, y).predict_proba(new)[:, 1], known.astype(float), y)
        found = max(found, alone)
    return Association(found, *sizes)


def of_categories(values: pd.Series, y: pd.Series) -> Association | None:
    """A categorical variable, missing counted as a category: each patient scored by the others' mean outcome.

    A category's mean is drawn towards that of all by one patient. Scores are out of fold, so that a column of many
    rare categories (a name, an id) gains nothing from them.
    """
    from sklearn.preprocessing import TargetEncoder

    y = y.loc[values.index]
    if min(_class_sizes(y)) < FOLDS or values.nunique(dropna=False) < 2:
        return None
    codes = pd.Series(pd.factorize(values, use_na_sentinel=False)[0], values.index)
    means = TargetEncoder(target_type="binary", smooth=1.0)
    found = _out_of_fold(lambda x, y, new: means.fit(x, y).transform(new)[:, 0], codes, y)
    return Association(max(0.5, found), *_class_sizes(y))


def _class_sizes(y: pd.Series) -> tuple[int, int]:
    return int((y == 0).sum()), int((y == 1).sum())


def _out_of_fold(score: Callable[[NDArray, NDArray, NDArray], NDArray], values: pd.Series, y: pd.Series) -> float:
    """Mean AUC over folds: pooled scores of different fits are not comparable.

    Args:
        score: of x (n, 1), y (n,) and the x of new patients (m, 1): scores (m,) of the new patients.
    """
    from sklearn.model_selection import StratifiedKFold

    x, labels = values.to_numpy()[:, None], y.to_numpy()
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(x, labels)
    return float(np.mean([auc(labels[test], score(x[train], labels[train], x[test])) for train, test in folds]))
