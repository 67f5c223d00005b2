"""A support vector machine on the table."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strokebench.errors import StrokebenchError
from strokebench.methods.base import Trial
from strokebench.methods.parts.estimators import Traditional
from strokebench.methods.registry import register
from strokebench.tasks.inputs import Inputs


@register
@dataclass(kw_only=True, eq=False, repr=False)
class SVM(Traditional):
    """A support vector machine with a radial kernel.

    Source: Cortes and Vapnik 1995, as the paper's row; it gives no settings.

    Ours: C = 1; of a binary outcome the probability is Platt's (1999), a logistic map of the decision value fitted on
    the validation part with its classes weighed as in training, as other methods' probabilities are of training too.
    Its AUC is that of the decision value.
    """

    name = "svm"
    label = "SVM"
    paper_row = 3

    C: float = 1.0
    gamma: str | float = "scale"

    def fit_estimator(self, x: NDArray, y: NDArray, x_validation: NDArray, y_validation: NDArray) -> Any:
        from sklearn.svm import SVC

        model = SVC(C=self.C, gamma=self.gamma, random_state=self.random_state).fit(x, y)
        self.platt_ = 1.0, 0.0
        if self.endpoint.binary and len(y_validation):
            share = float(self.endpoint.events(y).mean())
            self.platt_ = platt(model.decision_function(x_validation), self.endpoint.events(y_validation), share)
        return model

    def estimator_facts(self) -> dict[str, float]:
        return dict(zip(("platt_slope", "platt_intercept"), self.platt_, strict=True))

    def predict_labels(self, x: Inputs) -> NDArray[np.float64]:
        decision = self.estimator_.decision_function(self.features(x))
        return self.endpoint.link(self.facts_["platt_slope"] * decision + self.facts_["platt_intercept"])

    def _load_model(self, folder: Path) -> None:
        super()._load_model(folder)
        if not self.dichotomies:
            model = self.estimator_
            counts, vectors = model._n_support, len(model.support_vectors_)
            if (counts < 0).any() or not counts.sum() == model._dual_coef_.shape[1] == vectors:
                raise StrokebenchError(
                    f"{folder / 'model.skops'} is damaged: its support vectors do not fit together.",
                    "Fit and save it again.",
                )

    @staticmethod
    def search_space(trial: Trial) -> dict[str, Any]:
        return {
            "C": trial.suggest_float("C", 0.01, 100, log=True),
            "gamma": trial.suggest_float("gamma", 1e-4, 0.1, log=True),
        }


def platt(decision: NDArray, events: NDArray[np.bool_], share: float) -> tuple[float, float]:
    """Slope and intercept of the log odds by decision value, with Platt's soft targets.

    Args:
        decision: of the validation part, (m,). events: who has the event, (m,).
        share: of events among those trained on.

    Returns:
        1 and 0, the decision value itself, on one class or where higher values do not go with more events.
    """
    from sklearn.linear_model import LogisticRegression

    positives, negatives = events.sum(), (~events).sum()
    if not positives or not negatives:
        return 1.0, 0.0
    target = np.where(events, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    weight = len(events) * np.where(events, share / positives, (1 - share) / negatives)
    model = LogisticRegression(C=np.inf).fit(
        np.tile(decision, 2)[:, None],
        np.repeat([1, 0], len(events)),
        np.concatenate([weight * target, weight * (1 - target)]),
    )
    slope, intercept = float(model.coef_[0, 0]), float(model.intercept_[0])
    return (slope, intercept) if slope > 0 else (1.0, 0.0)
