"""Metrics of ordered grades, each against another's implementation or worked by hand."""

from itertools import combinations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from strokebench.tasks.endpoints.ordinal import Ordinal
from strokebench.tasks.metrics.evaluate import evaluate
from strokebench.tasks.metrics.ordinal import ORDINAL, kappa, mean_absolute_error, median_label
from strokebench.tasks.metrics.selection import auc, generalised_c

MRS = Ordinal("mrs")
RNG = np.random.default_rng(0)


def certain(labels):
    return np.eye(7)[labels]


def test_kappa_is_that_of_scikit_learn():
    y, called = RNG.integers(0, 7, 60), RNG.integers(0, 7, 60)
    expected = cohen_kappa_score(y, called, labels=range(7), weights="quadratic")
    assert kappa.function(MRS, y, certain(called)) == pytest.approx(expected)
    assert kappa.function(MRS, y, certain(y)) == 1
    assert np.isnan(kappa.function(MRS, np.full(3, 2), certain(np.full(3, 2))))


def test_the_called_grade_is_the_median():
    p = np.array([[0.5, 0, 0, 0, 0, 0, 0.5], [0.1, 0.2, 0.3, 0.4, 0, 0, 0], [0.1] * 3 + [0.2, 0.2, 0.2, 0.1]])
    assert median_label(p).tolist() == [0, 2, 3]
    assert mean_absolute_error.function(MRS, np.array([2, 2, 6]), p) == pytest.approx((2 + 0 + 3) / 3)


def test_each_metric_says_which_way_is_better():
    y = np.arange(7)
    for each in ORDINAL:
        assert (each.function(MRS, y, certain(y)) > each.function(MRS, y, certain(y[::-1]))) == each.higher_is_better


def test_generalised_c_counts_pairs():
    y, score = RNG.integers(0, 7, 40), RNG.integers(0, 9, 40)
    pairs = [(i, j) if y[i] < y[j] else (j, i) for i, j in combinations(range(40), 2) if y[i] != y[j]]
    right = [(score[i] < score[j]) + (score[i] == score[j]) / 2 for i, j in pairs]
    assert generalised_c(y, score) == pytest.approx(np.mean(right))
    assert generalised_c(y > 2, score) == pytest.approx(auc(y > 2, score))
    assert np.isnan(generalised_c([3, 3], [1, 2]))


def test_a_run_is_judged_by_all_of_them():
    y = np.arange(7)
    assert evaluate(MRS, y, certain(y)) == {"c": 1.0, "Kappa": 1.0, "MAE": 0.0}
    with pytest.raises(ValueError, match="from 0 to 6"):
        evaluate(MRS, y + 1, certain(y))
