"""A small made-up world whose truth is known: patients, methods, and the true AUC of every trained model.

As in the virtual cohort, a severity that nobody sees raises each variable and the chance of the outcome. Each method is
a logistic regression on variables of its own. The methods' variables are exchangeable, so all *procedures* have exactly
the same expected AUC; any two *trained* models differ a little, by the luck of their training patients.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from strokebench.tasks.protocols import FOLDS, VALIDATION_SHARE, make_split

SHIFT, SLOPE = -1.0, 2.0
"""Logit of the outcome = SHIFT + SLOPE * severity: a third of patients positive, true probabilities of AUC 0.86."""
TRUTH_MODELS = 1000
"""Cohorts of their own to train on; the mean AUC over them is the truth of a procedure (standard error 0.001)."""


@dataclass(frozen=True)
class World:
    """What cohorts are drawn from.

    Args:
        title: for tables.
        patients: of a cohort.
        methods: each on variables of its own.
        variables: that each method sees; many make a model depend on whom it was trained on.
        signal: how far one unit of severity raises a variable, whose noise has variance 1.
        shared: share of that variance that all variables have in common.
        seeds: repetitions of the 5-fold cross-validation.
        handicap: factor of the last method's signal; below 1 it is truly the worst.
    """

    title: str
    patients: int = 200
    methods: int = 2
    variables: int = 4
    signal: float = 0.6
    shared: float = 0.2
    seeds: int = 2
    handicap: float = 1.0

    @property
    def signals(self) -> tuple[float, ...]:
        """How far severity raises a variable of each method."""
        return (*[self.signal] * (self.methods - 1), self.signal * self.handicap)

    def draw(self, rng: np.random.Generator, n: int | None = None) -> tuple[list[NDArray[Any]], NDArray[np.int8]]:
        """A cohort: each method's variables (n, variables), and labels (n,)."""
        n = n or self.patients
        severity = rng.normal(size=n)
        y = (rng.random(n) < 1 / (1 + np.exp(-SHIFT - SLOPE * severity))).astype(np.int8)
        x = np.sqrt(1 - self.shared) * rng.normal(size=(n, self.methods * self.variables))
        x += np.sqrt(self.shared) * rng.normal(size=(n, 1))
        x += np.repeat(self.signals, self.variables) * severity[:, None]
        return np.split(x, self.methods, axis=1), y

    def true_auc(self, weights: NDArray[Any], method: int) -> float:
        """AUC of the score `x @ weights` among all patients of this world, in closed form; weights (variables,)."""
        spread = np.sqrt((1 - self.shared) * (weights**2).sum() + self.shared * weights.sum() ** 2)
        if not spread > 0:
            return 0.5
        return float(np.interp(self.signals[method] * weights.sum() / spread, *_auc_by_ratio()))


def expected_aucs(world: World, seed: int = 0) -> NDArray[np.float64]:
    """The expected AUC of each method's procedure, (methods,), trained on as many patients as a fold has."""
    rng = np.random.default_rng([seed, world.variables, 1])
    n_train = round(world.patients * (1 - 1 / FOLDS) * (1 - VALIDATION_SHARE))
    aucs = np.empty((-(-TRUTH_MODELS // world.methods), world.methods))
    for row in aucs:
        x, y = world.draw(rng, n_train)
        row[:] = [world.true_auc(fit_logistic(part, y)[0], method) for method, part in enumerate(x)]
    # Exchangeable methods have one expectation: the mean over all is the better estimate of it.
    return np.full(world.methods, aucs.mean()) if world.handicap == 1 else aucs.mean(axis=0)


def cross_validate(world: World, rng: np.random.Generator) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Draw a cohort and predict it out of fold, with the suite's own splits.

    Returns:
        Predictions in the long format, and the mean true AUC of each method's trained models, (methods,).
    """
    x, y = world.draw(rng)
    labels = pd.Series(y, [f"P{patient:05d}" for patient in range(len(y))])
    rows = pd.Series(np.arange(len(y)), labels.index)
    true, found = [], []
    for fold in make_split("cv5", labels, seeds=[int(seed) for seed in rng.integers(2**31, size=world.seeds)]).folds:
        train, test = rows[list(fold.train)].to_numpy(), rows[list(fold.test)].to_numpy()
        for method, part in enumerate(x):
            weights, intercept = fit_logistic(part[train], y[train])
            true.append(world.true_auc(weights, method))
            p = 1 / (1 + np.exp(-part[test] @ weights - intercept))
            run = {"method": method, "variant": "", "condition": "", "seed": fold.seed, "fold": fold.fold}
            found.append(pd.DataFrame({**run, "patient_id": labels.index[test], "y": y[test], "p": p}))
    predictions = pd.concat(found, ignore_index=True)
    return predictions, np.reshape(true, (-1, world.methods)).mean(axis=0)


def fit_logistic(x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[np.float64], float]:
    """Weights (d,) and intercept of scikit-learn's default logistic regression, by Newton steps: a tenth of its time.

    x is (n, d), y (n,). Of thousands of small fits, scikit-learn's checks would cost more than the sums.
    """
    wide = np.column_stack([x, np.ones(len(x))])
    penalty = np.diag([1.0] * x.shape[1] + [0.0])
    weights = np.zeros(wide.shape[1])
    for _ in range(25):
        p = 1 / (1 + np.exp(-wide @ weights))
        gradient = wide.T @ (p - y) + penalty @ weights
        if np.abs(gradient).max() < 1e-6:
            break
        weights -= np.linalg.solve((wide * (p * (1 - p))[:, None]).T @ wide + penalty, gradient)
    return weights[:-1], float(weights[-1])


@cache
def _auc_by_ratio() -> tuple[NDArray[Any], NDArray[Any]]:
    """AUC of a score `ratio * severity + N(0, 1)` by ratio: how likely a positive's is above a negative's."""
    severity = np.linspace(-6, 6, 241)
    density = np.exp(-(severity**2) / 2)
    positive = density / (1 + np.exp(-SHIFT - SLOPE * severity))
    negative = density - positive
    ratios = np.linspace(-4, 4, 401)
    apart = (severity[:, None] - severity) / np.sqrt(2)
    aucs = [positive @ norm.cdf(ratio * apart) @ negative for ratio in ratios]
    return ratios, np.array(aucs) / (positive.sum() * negative.sum())
