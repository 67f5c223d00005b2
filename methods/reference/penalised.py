"""Logistic regression with a ridge penalty that the validation part chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from strokebench.methods.parts.estimators import label_probabilities
from strokebench.methods.reference.proportional_odds import ProportionalOdds
from strokebench.tasks.endpoint import Endpoint

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

STRENGTHS = tuple(10.0 ** np.arange(-4, 1.5, 0.5))
"""Inverse penalties to choose from (our choice), the strongest penalty first."""

SMALLEST = 1e-6
"""A label that was thought less likely counts as this likely, lest one patient decide alone (our choice)."""


def penalised_logistic(
    x: NDArray, y: NDArray, x_validation: NDArray, y_validation: NDArray, endpoint: Endpoint
) -> Pipeline:
    """Fit on the training part, standardised columns (n, columns) and labels (n,); of equal penalties the strongest.

    Of ordered grades it is the model of proportional odds. The penalty is chosen by the likelihood on the validation
    part, for calibration and not for test results: ranks do not see a penalty that leaves the same probability for
    everyone, and elsewhere such a model is of no use. The rule was changed from ranks after such models had been met on
    SOOP. Cross-validation within a training part that was oversampled would meet copies of one patient on both sides.
    """
    scores, models = [], []
    for strength in STRENGTHS:
        model = logistic(endpoint, strength).fit(x, y)
        p = label_probabilities(model, x_validation, endpoint.levels)
        scores.append(likelihood(y, y_validation, p))
        models.append(model)
    # On one class there is no likelihood: then the strongest penalty is taken.
    return models[int(np.argmax(np.nan_to_num(scores, nan=-np.inf)))]


def likelihood(y: NDArray, y_validation: NDArray, p: NDArray) -> float:
    """Mean log probability of the validation part's labels (m,), each weighed as in training, (n,).

    Training parts may be balanced, and a model of balanced labels is not to be judged by their true shares. NaN where
    fewer than two labels are on both sides: then the same probability for everyone would be the best.

    Args:
        p: probabilities of the labels, (m, levels).
    """
    own = y_validation.astype(int)
    trained, held = (np.bincount(labels, minlength=p.shape[1]) for labels in (y.astype(int), own))
    if np.count_nonzero(trained * held) < 2:
        return float("nan")
    given = np.maximum(p[np.arange(len(own)), own], SMALLEST)
    return float(np.average(np.log(given), weights=trained[own] / held[own]))


def logistic(endpoint: Endpoint, strength: float = 1.0) -> Pipeline:
    """The regression of this kind of endpoint on standardised columns, not fitted."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = ProportionalOdds(strength) if endpoint.dichotomies else LogisticRegression(C=strength, max_iter=1000)
    return make_pipeline(StandardScaler(), model)
