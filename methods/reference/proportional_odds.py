"""The regression of ordered grades that clinical papers know: one odds ratio a column, whatever the cut."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from strokebench.tasks.endpoints.ordinal import Ordinal


class ProportionalOdds(ClassifierMixin, BaseEstimator):
    """Cumulative logits with common slopes (McCullagh 1980) under a ridge penalty; without one it is statsmodels'
    `OrderedModel`, which has none to choose and takes seconds a fit.

    Args:
        C: inverse penalty of the slopes, as in scikit-learn's `LogisticRegression`.
    """

    def __init__(self, C: float = 1.0) -> None:
        self.C = C

    def fit(self, x: NDArray, y: NDArray) -> Self:
        """Of columns (n, columns) and labels (n,), two or more different ones."""
        import torch
        from scipy.optimize import minimize

        self.classes_, codes = np.unique(y, return_inverse=True)
        grades = Ordinal("y", 0, len(self.classes_) - 1)
        columns = torch.tensor(x, dtype=torch.float64)
        targets = torch.tensor(grades.targets(codes), dtype=torch.float64)

        def loss(values: NDArray) -> tuple[float, NDArray]:
            parameters = torch.tensor(values, requires_grad=True)
            slopes, cuts = parameters.split([x.shape[1], grades.outputs])
            logits = torch.cat([(columns @ slopes + cuts[0])[:, None], cuts[1:].expand(len(x), -1)], dim=1)
            total = len(x) * grades.loss(logits, targets) + slopes.square().sum() / (2 * self.C)
            [gradient] = torch.autograd.grad(total, parameters)
            return float(total.detach()), gradient.numpy()

        start = np.zeros(x.shape[1] + grades.outputs)
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 1000}).x
        self.coef_, self.cuts_ = np.split(found, [x.shape[1]])
        return self

    def predict_proba(self, x: NDArray) -> NDArray[np.float64]:
        """Probabilities of `classes_`, (n, classes)."""
        logits = np.tile(self.cuts_, (len(x), 1))
        logits[:, 0] += x @ self.coef_
        return Ordinal("y", 0, len(self.classes_) - 1).link(logits)
