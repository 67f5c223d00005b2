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

    The penalty is chosen as the networks choose their epoch, by the score on the validation part. Of ordered grades it
    is the model of proportional odds, and it is chosen by the likelihood: ranks alone do not see a penalty that leaves
    the same grade the likeliest for everyone. That rule was taken after c had given such a model on test parts of
    SOOP. Cross-validation within a training part that was oversampled would meet copies of one patient on both sides.
    """
    scores, models = [], []
    for strength in STRENGTHS:
        model = logistic(endpoint, strength).fit(x, y)
        p = label_probabilities(model, x_validation, endpoint.levels)
        # On one class there is no score: then the strongest penalty is taken.
        scores.append(likelihood(y, y_validation, p) if endpoint.dichotomies else endpoint.score(y_validation, p))
        models.append(model)
    return models[int(np.argmax(np.nan_to_num(scores)))]


def likelihood(y: NDArray, y_validation: NDArray, p: NDArray) -> float:
    """Mean log probability of the validation part's labels (m,), each weighed as in training, (n,); NaN on none.

    Training parts may be balanced, and a model of balanced grades is not to be judged by their true shares.

    Args:
        p: probabilities of the labels, (m, levels).
    """
    trained, held = (np.bincount(labels, minlength=p.shape[1]) for labels in (y, y_validation))
    weights = trained[y_validation] / held[y_validation]
    if not weights.sum():
        return float("nan")
    own = np.take_along_axis(p, y_validation[:, None].astype(int), axis=1)[:, 0]
    return float(np.average(np.log(np.maximum(own, SMALLEST)), weights=weights))


def logistic(endpoint: Endpoint, strength: float = 1.0) -> Pipeline:
    """The regression of this kind of endpoint on standardised columns, not fitted."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = ProportionalOdds(strength) if endpoint.dichotomies else LogisticRegression(C=strength, max_iter=1000)
    return make_pipeline(StandardScaler(), model)
