"""A support vector machine on the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strokebench.methods.base import Trial
from strokebench.methods.parts.estimators import Traditional
from strokebench.methods.registry import register
from strokebench.tasks.inputs import Inputs


@register
@dataclass(kw_only=True, eq=False, repr=False)
class SVM(Traditional):
    """A support vector machine with a radial kernel.

    Source: Cortes and Vapnik 1995, as the paper's row; it gives no settings.

    Ours: C = 1; the probability is the logistic function of the decision value, so that its AUC is that of
    the decision value and 0.5 is the machine's own boundary. It is not calibrated.
    """

    name = "svm"
    label = "SVM"
    paper_row = 3

    C: float = 1.0
    gamma: str | float = "scale"

    def fit_estimator(self, x: NDArray, y: NDArray, x_validation: NDArray, y_validation: NDArray) -> Any:
        from sklearn.svm import SVC

        return SVC(C=self.C, gamma=self.gamma, random_state=self.random_state).fit(x, y)

    def predict_proba(self, x: Inputs) -> NDArray[np.float64]:
        return self.endpoint.link(self.estimator_.decision_function(self.features(x)))

    @staticmethod
    def search_space(trial: Trial) -> dict[str, Any]:
        return {
            "C": trial.suggest_float("C", 0.01, 100, log=True),
            "gamma": trial.suggest_float("gamma", 1e-4, 0.1, log=True),
        }
