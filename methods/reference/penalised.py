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


def penalised_logistic(
    x: NDArray, y: NDArray, x_validation: NDArray, y_validation: NDArray, endpoint: Endpoint
) -> Pipeline:
    """Fit on the training part, standardised columns (n, columns) and labels (n,); of equal penalties the strongest.

    Of ordered grades it is the model of proportional odds. The penalty is chosen as the networks choose their epoch, by
    the score on the validation part. Cross-validation within a training part that was oversampled would meet copies of
    one patient on both sides.
    """
    scores, models = [], []
    for strength in STRENGTHS:
        model = logistic(endpoint, strength).fit(x, y)
        p = label_probabilities(model, x_validation, endpoint.levels)
        # On one class there is no score: then the strongest penalty is taken.
        scores.append(np.nan_to_num(endpoint.score(y_validation, p)))
        models.append(model)
    return models[int(np.argmax(scores))]


def logistic(endpoint: Endpoint, strength: float = 1.0) -> Pipeline:
    """The regression of this kind of endpoint on standardised columns, not fitted."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = ProportionalOdds(strength) if endpoint.dichotomies else LogisticRegression(C=strength, max_iter=1000)
    return make_pipeline(StandardScaler(), model)
