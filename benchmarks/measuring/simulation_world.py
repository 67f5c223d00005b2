"""A small made-up world whose truth is known: patients, methods, and the true AUC of every trained model.

As in the virtual cohort, a severity that nobody sees raises each variable and the chance of the outcome. Each method is
a logistic regression, or one of the suite's own methods, on variables of its own. The methods' variables are
exchangeable, so all *procedures* have exactly the same expected AUC; any two *trained* models differ a little, by the
luck of their training patients.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm

from strokebench.benchmarks.running.task import one_thread
from strokebench.methods.registry import find_method
from strokebench.reports.statistics.scores import Scores
from strokebench.tasks.fold import Fold
from strokebench.tasks.inputs import Inputs
from strokebench.tasks.metrics.selection import auc
from strokebench.tasks.protocols import FOLDS, SEEDS, VALIDATION_SHARE, make_split

HOSPITALS = (0.4, 0.3, 0.2, 0.1)
"""Shares of the patients, who fall to a hospital by chance, where each hospital is left out."""
LOGISTIC = "logistic"
TRUTH_MODELS, TRUTH_MODELS_OF_METHODS = 1000, 200
"""Models trained on cohorts of their own; their mean AUC is the truth of a procedure (standard error 0.001, and 0.002
of a method of the suite, whose fits take longer)."""
TRUTH_PATIENTS = 50_000
"""Patients on whom the true AUC of a method's model is measured (standard error 0.002)."""


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
        slope: logit of the outcome = slope x (severity - 1/2): a third positive, true probabilities of AUC 0.86 at 2.
        protocol: by which patients are split: `cv5`, `holdout` or `loho`.
        learner: `logistic`, whose true AUC is known in closed form, or a method by its name; one that reads image and
            text too has a third of its variables in each.
    """

    title: str
    patients: int = 200
    methods: int = 2
    variables: int = 4
    signal: float = 0.6
    shared: float = 0.2
    seeds: int = 2
    handicap: float = 1.0
    slope: float = 2.0
    protocol: str = "cv5"
    learner: str = LOGISTIC

    @property
    def signals(self) -> tuple[float, ...]:
        """How far severity raises a variable of each method."""
        return (*[self.signal] * (self.methods - 1), self.signal * self.handicap)

    def draw(self, rng: np.random.Generator, n: int | None = None) -> tuple[list[NDArray[Any]], NDArray[np.int8]]:
        """A cohort: each method's variables (n, variables), and labels (n,)."""
        n = n or self.patients
        severity = rng.normal(size=n)
        y = (rng.random(n) < expit(self.slope * (severity - 0.5))).astype(np.int8)
        x = np.sqrt(1 - self.shared) * rng.normal(size=(n, self.methods * self.variables))
        x += np.sqrt(self.shared) * rng.normal(size=(n, 1))
        x += np.repeat(self.signals, self.variables) * severity[:, None]
        return np.split(x, self.methods, axis=1), y

    def true_auc(self, weights: NDArray[Any], method: int) -> float:
        """AUC of the score `x @ weights` among all patients of this world, in closed form; weights (variables,)."""
        spread = np.sqrt((1 - self.shared) * (weights**2).sum() + self.shared * weights.sum() ** 2)
        if not spread > 0:
            return 0.5
        return float(np.interp(self.signals[method] * weights.sum() / spread, *_auc_by_ratio(self.slope)))


@cache
def expected_aucs(world: World, seed: int = 0) -> NDArray[np.float64]:
    """The expected AUC of each method's procedure, (methods,), trained on as many patients as a fold has."""
    rng = np.random.default_rng([seed, world.variables, 1])
    tested = float(np.mean(HOSPITALS)) if world.protocol == "loho" else 1 / FOLDS
    n_train = round(world.patients * (1 - tested) * (1 - VALIDATION_SHARE))
    n_validation = 0 if world.learner == LOGISTIC else round(world.patients * (1 - tested)) - n_train
    models = TRUTH_MODELS if world.learner == LOGISTIC else TRUTH_MODELS_OF_METHODS
    aucs = np.empty((-(-models // world.methods), world.methods))
    for number, row in enumerate(aucs):
        x, y = world.draw(rng, n_train + n_validation)
        train, validation = np.split(np.arange(len(y)), [n_train])
        row[:] = [_train(world, method, part, y, train, validation, number)[1] for method, part in enumerate(x)]
    # Exchangeable methods have one expectation: the mean over all is the better estimate of it.
    return np.full(world.methods, aucs.mean()) if world.handicap == 1 else aucs.mean(axis=0)


def cross_validate(world: World, rng: np.random.Generator) -> tuple[Scores, NDArray[np.float64]]:
    """Draw a cohort and predict its test parts, with the suite's own splits.

    Returns:
        Predictions, and the mean true AUC of each method's trained models, (methods,).
    """
    x, y = world.draw(rng)
    # Patients come by chance, so their order is free: with those of label 1 last, splits can be drawn once for all.
    order = np.argsort(y, kind="stable")
    x, y = [part[order] for part in x], y[order]
    names, folds = _folds(world.protocol, world.patients, int(y.sum()), world.seeds)
    predicted = np.full((world.methods, len(folds), len(y)), np.nan)
    true = np.empty((world.methods, len(folds)))
    for number, fold in enumerate(folds):
        train, validation, test = (np.searchsorted(names, part) for part in (fold.train, fold.validation, fold.test))
        for method, part in enumerate(x):
            predict, true[method, number] = _train(world, method, part, y, train, validation, number)
            predicted[method, number, test] = predict(part[test])
    methods = tuple(str(method) for method in range(world.methods))
    groups = tuple((fold.seed, fold.fold) for fold in folds)
    return Scores(methods, groups, names, y.astype(bool), predicted), true.mean(axis=1)


def _train(
    world: World,
    method: int,
    x: NDArray[Any],
    y: NDArray[Any],
    train: NDArray[Any],
    validation: NDArray[Any],
    seed: int,
) -> tuple[Callable[[NDArray[Any]], NDArray[np.float64]], float]:
    """A model of these rows of a method's variables (n, variables): how it predicts others, and its true AUC."""
    if world.learner == LOGISTIC:
        weights, intercept = fit_logistic(x[train], y[train])
        return lambda others: expit(others @ weights + intercept), world.true_auc(weights, method)
    model = find_method(world.learner)(random_state=seed)
    with one_thread():
        model.fit(_inputs(world, x[train]), y[train], _inputs(world, x[validation]), y[validation])
    everybody, outcome = _everybody(world)

    def predict(others: NDArray[Any]) -> NDArray[np.float64]:
        with one_thread():
            return model.predict_proba(_inputs(world, others))[:, 1]

    return predict, auc(outcome, predict(everybody[method]))


def _inputs(world: World, x: NDArray[Any]) -> Inputs:
    """Variables (n, variables) as the table, or a third each as image, text and table of a method that reads these."""
    x = x.astype(np.float32)
    if find_method(world.learner).uses == {"table"}:
        return Inputs.complete({"table": x})
    image, text, table = np.array_split(x, 3, axis=1)
    return Inputs.complete({"image.vector": image, "text": text[:, None, None], "table": table})


@cache
def _everybody(world: World) -> tuple[list[NDArray[Any]], NDArray[np.int8]]:
    return world.draw(np.random.default_rng([world.variables, 3]), TRUTH_PATIENTS)


@cache
def _folds(protocol: str, patients: int, positives: int, seeds: int) -> tuple[NDArray[np.str_], tuple[Fold, ...]]:
    """Ids, (n,), and the suite's folds of so many patients, the last of them positive, of hospitals drawn by chance."""
    names = np.array([f"P{patient:05d}" for patient in range(patients)])
    sites = pd.Series(np.random.default_rng(positives).choice(len(HOSPITALS), patients, p=HOSPITALS), names)
    labels = pd.Series(np.arange(patients) >= patients - positives, names).astype(np.int8)
    return names, make_split(protocol, labels, sites, SEEDS[:seeds]).folds


def fit_logistic(x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[np.float64], float]:
    """Weights (d,) and intercept of scikit-learn's default logistic regression, by Newton steps: a tenth of its time.

    x is (n, d), y (n,). Of thousands of small fits, scikit-learn's checks would cost more than the sums.
    """
    wide = np.column_stack([x, np.ones(len(x))])
    penalty = np.diag([1.0] * x.shape[1] + [0.0])
    weights = np.zeros(wide.shape[1])
    for _ in range(25):
        p = expit(wide @ weights)
        gradient = wide.T @ (p - y) + penalty @ weights
        if np.abs(gradient).max() < 1e-6:
            break
        weights -= np.linalg.solve((wide * (p * (1 - p))[:, None]).T @ wide + penalty, gradient)
    return weights[:-1], float(weights[-1])


@cache
def _auc_by_ratio(slope: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """AUC of a score `ratio * severity + N(0, 1)` by ratio: how likely a positive's is above a negative's."""
    severity = np.linspace(-6, 6, 241)
    density = np.exp(-(severity**2) / 2)
    positive = density * expit(slope * (severity - 0.5))
    negative = density - positive
    ratios = np.linspace(-4, 4, 101)
    apart = (severity[:, None] - severity) / np.sqrt(2)
    aucs = [positive @ norm.cdf(ratio * apart) @ negative for ratio in ratios]
    return ratios, np.array(aucs) / (positive.sum() * negative.sum())
