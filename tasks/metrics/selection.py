"""What a fit selects by, on its validation part."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def auc(y: ArrayLike, p: ArrayLike) -> float:
    """Area under the ROC curve as a Mann-Whitney statistic, ties counted half; NaN on one class.

    Called once an epoch in training, where scikit-learn's input checks would cost more than the sums.
    """
    from scipy.stats import rankdata

    y, p = np.asarray(y), np.asarray(p)
    n_positive = int((y == 1).sum())
    n_negative = len(y) - n_positive
    if not n_positive or not n_negative:
        return float("nan")
    ranks = rankdata(p)[y == 1].sum()
    return float((ranks - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def youden_threshold(y: ArrayLike, p: ArrayLike) -> float:
    """The threshold with the largest recall + specificity - 1, halfway to the next probability below it.

    Meant for the validation part: chosen on the test part it would flatter. 0.5 on one class.
    """
    y, p = np.asarray(y), np.asarray(p, dtype=float)
    levels = np.unique(p)
    if len(levels) < 2 or not 0 < (y == 1).sum() < len(y):
        return 0.5
    cuts = (levels[1:] + levels[:-1]) / 2
    positive, negative = np.sort(p[y == 1]), np.sort(p[y != 1])
    recall = (len(positive) - np.searchsorted(positive, cuts)) / len(positive)
    specificity = np.searchsorted(negative, cuts) / len(negative)
    return float(cuts[np.argmax(recall + specificity)])
