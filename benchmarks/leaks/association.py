"""How well does one variable alone predict the outcome, and could chance do the same?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.benchmarks.leaks.finding import Severity

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
            tried: how many variables are looked at; the bound is Bonferroni's.
        """
        if self.auc < WARNING_AUC or self.auc <= 0.5 + self.reached_by_chance(CHANCE / tried):
            return None
        return "alarm" if self.auc >= ALARM_AUC else "warning"

    def reached_by_chance(self, probability: float) -> float:
        """How far above 0.5 chance lifts either direction with this probability (normal rank-sum bound)."""
        from scipy.stats import norm

        return float(norm.isf(probability / 2) * chance_deviation(self.n_negative, self.n_positive))


def chance_deviation(n_negative: int, n_positive: int) -> float:
    """Standard deviation of the AUC of a variable that knows nothing (Mann and Whitney 1947)."""
    if not n_negative or not n_positive:
        return np.inf
    return float(np.sqrt((n_negative + n_positive + 1) / (12 * n_negative * n_positive)))


def of_presence(patients: set[str], y: pd.Series) -> Association:
    """A sign that some patients bear: its AUC follows from how many of each class do."""
    n_positive = int(y.sum())
    n_negative = len(y) - n_positive
    bearing = y.index.isin(list(patients))
    positive = int(y[bearing].sum())
    difference = positive / n_positive - (int(bearing.sum()) - positive) / n_negative
    return Association(0.5 + abs(difference) / 2, n_negative, n_positive)


def of_numbers(values: pd.Series, y: pd.Series, tree: bool = True) -> Association | None:
    """A numeric variable on the patients that have it: its order, or what a shallow tree makes of it.

    The tree, judged out of fold, catches what is not monotone (an even number for one class, an odd one for
    the other).

    Args:
        tree: also try one.

    Returns:
        None where fewer than two patients of a class have a value.
    """
    from sklearn.metrics import roc_auc_score
    from sklearn.tree import DecisionTreeClassifier

    known = values.dropna()
    y = y.loc[known.index]
    n_positive = int(y.sum())
    n_negative = len(y) - n_positive
    if min(n_positive, n_negative) < 2 or known.nunique() < 2:
        return None
    auc = float(roc_auc_score(y, known))
    auc = max(auc, 1 - auc)
    if tree and min(n_positive, n_negative) >= FOLDS and known.nunique() > 2:
        model = DecisionTreeClassifier(max_depth=TREE_DEPTH, min_samples_leaf=MIN_LEAF, random_state=0)
        auc = max(auc, _out_of_fold(model, known.to_numpy(float)[:, None], y.to_numpy()))
    return Association(auc, n_negative, n_positive)


def of_categories(values: pd.Series, y: pd.Series) -> Association | None:
    """A categorical variable, missing counted as a category: each patient scored by the others' mean outcome.

    Scores are out of fold, so that a column of many rare categories (a name, an id) gains nothing from them.
    """
    y = y.loc[values.index]
    n_positive = int(y.sum())
    n_negative = len(y) - n_positive
    if min(n_positive, n_negative) < FOLDS or values.nunique(dropna=False) < 2:
        return None
    codes = pd.factorize(values, use_na_sentinel=False)[0]
    return Association(max(0.5, _out_of_fold(_CategoryMean(), codes[:, None], y.to_numpy())), n_negative, n_positive)


class _CategoryMean:
    """Mean outcome of a category, drawn towards that of all by one patient."""

    def fit(self, x: NDArray, y: NDArray) -> None:
        frame = pd.DataFrame({"code": x[:, 0], "y": y})
        self.all = float(y.mean())
        sums = frame.groupby("code")["y"].agg(["sum", "size"])
        self.means = (sums["sum"] + self.all) / (sums["size"] + 1)

    def predict_proba(self, x: NDArray) -> NDArray:
        p = pd.Series(x[:, 0]).map(self.means).fillna(self.all).to_numpy()
        return np.column_stack([1 - p, p])


def _out_of_fold(model: object, x: NDArray, y: NDArray) -> float:
    """Mean AUC over folds: pooled scores of different fits are not comparable."""
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    aucs = []
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(x, y):
        model.fit(x[train], y[train])  # type: ignore[attr-defined]
        aucs.append(roc_auc_score(y[test], model.predict_proba(x[test])[:, 1]))  # type: ignore[attr-defined]
    return float(np.mean(aucs))
