"""A weighted average of one model a modality."""

from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from strokebench.methods.parts.estimators import label_probabilities
from strokebench.methods.reference.on_all import OnAll
from strokebench.methods.reference.penalised import likelihood, penalised_logistic
from strokebench.methods.registry import register
from strokebench.tasks.inputs import Inputs

STEPS = 10
"""Weights are multiples of a tenth (our choice)."""


@register
@dataclass(kw_only=True, eq=False, repr=False)
class LateFusion(OnAll):
    """One model for each of image, text and table, and a weighted average of their probabilities.

    Source: McBride et al., medRxiv 2026 (10.64898/2026.05.27.26354289), whose ensemble of CT, notes and clinical
    variables did best.

    Ours: each model is a penalised logistic regression, of image and text on 8 components; the weights are the
    multiples of a tenth with the best likelihood on the validation part, of equal ones those nearest to equal shares.
    """

    name = "late_fusion"
    label = "Late fusion"
    takes_grades: ClassVar[bool] = True

    def fit_labels(self, train: Inputs, y: NDArray, validation: Inputs, y_validation: NDArray) -> None:
        fitted, held_out = self.blocks(train, fit=True), self.blocks(validation)
        models = {
            name: penalised_logistic(x, y, held_out[name], y_validation, self.endpoint) for name, x in fitted.items()
        }
        p = [label_probabilities(model, held_out[name], self.endpoint.levels) for name, model in models.items()]
        weights = shares(len(models))
        scores = [likelihood(y, y_validation, np.tensordot(share, p, 1)) for share in weights]
        best = weights[int(np.argmax(np.nan_to_num(scores, nan=-np.inf)))]
        self.estimator_ = {
            name: (float(weight), model) for weight, (name, model) in zip(best, models.items(), strict=True)
        }
        self.facts_ = {f"weight_{name}": weight for name, (weight, _) in self.estimator_.items()}

    def predict_labels(self, x: Inputs) -> NDArray[np.float64]:
        blocks = self.blocks(x)
        parts = [
            weight * label_probabilities(model, blocks[name], self.endpoint.levels)
            for name, (weight, model) in self.estimator_.items()
        ]
        return np.sum(parts, axis=0)


def shares(models: int) -> NDArray[np.float64]:
    """Every way to share 1 among so many models in tenths, the most equal first, (ways, models)."""
    found = np.array([parts for parts in product(range(STEPS + 1), repeat=models) if sum(parts) == STEPS]) / STEPS
    return found[np.argsort(((found - 1 / models) ** 2).sum(1), kind="stable")]
