"""What a fit selects by, on its validation part."""

import numpy as np
from numpy.typing import ArrayLike


def auc(events: ArrayLike, p: ArrayLike) -> float:
    """Area under the ROC curve as a Mann-Whitney statistic, ties counted half; NaN on one class.

    Called once an epoch in training, where scikit-learn's input checks would cost more than the sums.

    Args:
        events: who has the event, (n,). p: its probability, or any score, (n,).
    """
    from scipy.stats import rankdata

    events, p = np.asarray(events, dtype=bool), np.asarray(p)
    n_events = int(events.sum())
    n_others = len(events) - n_events
    if not n_events or not n_others:
        return float("nan")
    ranks = rankdata(p)[events].sum()
    return float((ranks - n_events * (n_events + 1) / 2) / (n_events * n_others))


def generalised_c(y: ArrayLike, score: ArrayLike) -> float:
    """Of all pairs of patients with different labels the share whose scores are in the same order, ties counted half.

    The c of an ordered outcome (Harrell et al. 1996); the AUC where there are two labels, NaN on one.

    Args:
        y: labels in an order, (n,). score: higher for higher labels, (n,).
    """
    y, score = np.asarray(y), np.asarray(score)
    right = pairs = 0.0
    for label in np.unique(y)[1:]:
        known = y <= label
        count = int((y[known] < label).sum()) * int((y == label).sum())
        right, pairs = right + count * auc(y[known] == label, score[known]), pairs + count
    return right / pairs if pairs else float("nan")


def youden_threshold(events: ArrayLike, p: ArrayLike) -> float:
    """The threshold with the largest recall + specificity - 1, halfway to the next probability below it.

    Meant for the validation part: chosen on the test part it would flatter. 0.5 on one class.

    Args:
        events: who has the event, (n,). p: its probability, (n,).
    """
    events, p = np.asarray(events, dtype=bool), np.asarray(p, dtype=float)
    levels = np.unique(p)
    if len(levels) < 2 or not 0 < events.sum() < len(events):
        return 0.5
    cuts = (levels[1:] + levels[:-1]) / 2
    with_event, without = np.sort(p[events]), np.sort(p[~events])
    recall = (len(with_event) - np.searchsorted(with_event, cuts)) / len(with_event)
    specificity = np.searchsorted(without, cuts) / len(without)
    return float(cuts[np.argmax(recall + specificity)])
