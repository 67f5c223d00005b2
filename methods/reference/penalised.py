"""Logistic regression with a ridge penalty that the validation part chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from strokebench.methods.parts.estimators import label_probabilities
from strokebench.tasks.endpoint import Endpoint

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

STRENGTHS = tuple(10.0 ** np.arange(-4, 1.5, 0.5))
"""Inverse penalties to choose from (our choice), the strongest penalty first."""


def penalised_logistic(
    x: NDArray, y: NDArray, x_validation: NDArray, y_validation: NDArray, endpoint: Endpoint
) -> Pipeline:
    """Fit on the training part, standardised columns (n, columns) and labels (n,); of equal penalties the strongest.

    The penalty is chosen as the networks choose their epoch, by the score on the validation part. Cross-validation
    within a training part that was oversampled would meet copies of one patient on both sides.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    scores, models = [], []
    for strength in STRENGTHS:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1000)).fit(x, y)
        p = label_probabilities(model, x_validation, endpoint.levels)
        # On one class there is no score: then the strongest penalty is taken.
        scores.append(np.nan_to_num(endpoint.score(y_validation, p)))
        models.append(model)
    return models[int(np.argmax(scores))]
