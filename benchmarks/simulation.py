"""Do the intervals cover, and do the tests keep their level? Many small made-up cohorts with a known truth.

As in the virtual cohort, a severity that nobody sees raises each variable and lowers the chance of a mild outcome.
Two methods, both logistic regressions, see the two halves of the variables. The halves are exchangeable, so both
*procedures* have exactly the same expected AUC: every rejection is an error of the first kind. Any two *trained* models
differ a little, by the luck of their training patients.

The AUC of a trained linear model is known here in closed form, so two truths are at hand: that of the procedure (the
expected AUC of a model trained on so many patients) and that of the very models trained.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.reports.statistics.bootstrap import Interval, bootstrap
from strokebench.reports.statistics.corrected_t import corrected_t
from strokebench.reports.statistics.delong import delong
from strokebench.reports.statistics.scores import Pooling, arrange
from strokebench.tasks.splits import FOLDS, VALIDATION_SHARE, make_split

ALPHA = 0.05
METHODS = ("first half", "second half")
SHIFT, SLOPE = -1.0, 2.0
"""Logit of the outcome = SHIFT + SLOPE * severity: a third of patients positive, true probabilities of AUC 0.86."""
TRUTH_MODELS = 1000
"""Cohorts of their own to train on; the mean AUC over them is the truth of the procedure (standard error 0.001)."""


@dataclass(frozen=True)
class World:
    """What cohorts are drawn from.

    Args:
        title: for tables.
        patients: of a cohort.
        variables: that each of the two methods sees; many make a model depend on whom it was trained on.
        signal: how far one unit of severity raises a variable, whose noise has variance 1.
        shared: share of that variance that all variables have in common.
        seeds: repetitions of the 5-fold cross-validation.
        handicap: factor of the second half's signal; below 1 the second method is truly the worse one.
    """

    title: str
    patients: int = 200
    variables: int = 4
    signal: float = 0.6
    shared: float = 0.2
    seeds: int = 2
    handicap: float = 1.0

    @property
    def signals(self) -> tuple[float, float]:
        """How far severity raises a variable of either half."""
        return self.signal, self.signal * self.handicap

    def draw(self, rng: np.random.Generator, n: int | None = None) -> tuple[NDArray[Any], NDArray[Any]]:
        """Variables (n, 2 * variables) and labels (n,) of a cohort."""
        n = n or self.patients
        severity = rng.normal(size=n)
        y = (rng.random(n) < 1 / (1 + np.exp(-SHIFT - SLOPE * severity))).astype(np.int8)
        noise = np.sqrt(1 - self.shared) * rng.normal(size=(n, 2 * self.variables))
        noise += np.sqrt(self.shared) * rng.normal(size=(n, 1))
        return np.repeat(self.signals, self.variables) * severity[:, None] + noise, y

    def true_auc(self, weights: NDArray[Any], half: int) -> float:
        """AUC of the score `x @ weights` among all patients of this world, weights of one half (variables,)."""
        spread = np.sqrt((1 - self.shared) * (weights**2).sum() + self.shared * weights.sum() ** 2)
        ratios, aucs = _auc_by_ratio()
        return float(np.interp(self.signals[half] * weights.sum() / spread, ratios, aucs)) if spread > 0 else 0.5


WORLDS = (
    World("4 variables a method (steady models)"),
    World("24 variables a method (models that depend on their training patients)", variables=24, signal=0.3),
    World("4 variables a method, the second truly worse", handicap=0.5),
)


def simulate(world: World, replicates: int, seed: int = 0, resamples: int = 1000, jobs: int = 1) -> pd.DataFrame:
    """Draw cohorts, cross-validate both methods, and hold every interval and test against the truth.

    Args:
        replicates: cohorts. resamples: of each bootstrap. jobs: processes; they change nothing but the time.

    Returns:
        One row an interval or test: `kind` (`auc`, `difference`, `test`), `name`, `procedure` and `models` (share of
        intervals that cover either truth; NaN for tests), `rejected` (share of tests with p < 0.05; NaN for intervals)
        and `n`, of how many.
    """
    from joblib import Parallel, delayed

    truth = expected_aucs(world, seed)
    found = Parallel(n_jobs=jobs)(
        delayed(_replicate)(world, truth, seed, number, resamples) for number in range(replicates)
    )
    table = pd.concat(found).groupby(["kind", "name"], sort=False)
    return table.mean().assign(n=table.size()).reset_index()


def expected_aucs(world: World, seed: int = 0) -> NDArray[np.float64]:
    """The expected AUC of both methods, (2,), each trained on as many patients as a fold has."""
    rng = np.random.default_rng([seed, world.variables, 1])
    n_train = round(world.patients * (1 - 1 / FOLDS) * (1 - VALIDATION_SHARE))
    aucs = np.empty((TRUTH_MODELS, 2))
    for number in range(TRUTH_MODELS):
        x, y = world.draw(rng, n_train)
        for half, part in enumerate(np.split(x, 2, axis=1)):
            aucs[number, half] = world.true_auc(_fit(part, y)[0], half)
    # Exchangeable halves have one expectation: the mean over both is the better estimate of it.
    return np.full(2, aucs.mean()) if world.handicap == 1 else aucs.mean(axis=0)


def _replicate(world: World, truth: NDArray[Any], seed: int, number: int, resamples: int) -> pd.DataFrame:
    """One cohort: whether each interval covered, and whether each test rejected."""
    rng = np.random.default_rng([seed, world.variables, 2, number])
    x, y = world.draw(rng)
    labels = pd.Series(y, [f"P{patient:05d}" for patient in range(len(y))])
    predictions, models = _cross_validate(world, x, labels, rng)
    aucs: dict[str, Interval] = {}
    differences: dict[str, Interval] = {}
    p: dict[str, float] = {}
    ways: tuple[tuple[Pooling, str], ...] = (("run", "mean over runs"), ("seed", "folds pooled"))
    for by, words in ways:
        scores = arrange(predictions, by)
        analytic, drawn = delong(scores), bootstrap(scores, n_resamples=resamples, seed=number)
        aucs |= {f"DeLong, {words}": analytic.interval(0), f"Bootstrap, {words}": drawn.interval(0)}
        pairs = {f"DeLong, {words}": analytic.test(0, 1), f"Paired bootstrap, {words}": drawn.difference(0, 1)}
        differences |= pairs
        p |= {name: pair.p for name, pair in pairs.items()}
        if by == "run":
            by_run = analytic.aucs
    over_runs = by_run[0] - by_run[1]
    n_test = len(y) / FOLDS
    n_train = (1 - VALIDATION_SHARE) * (len(y) - n_test)
    aucs["Corrected t over runs"] = corrected_t(by_run[0], n_train, n_test)
    corrected = corrected_t(over_runs, n_train, n_test)
    differences["Corrected t over runs"] = corrected
    p["Corrected t over runs"] = corrected.p
    p["DeLong and corrected t, both"] = max(p["DeLong, mean over runs"], corrected.p)
    p["Uncorrected t over runs (wrong: runs share patients)"] = _uncorrected(over_runs)
    judged = [
        {"kind": kind, "name": name, "procedure": _covers(interval, mean), "models": _covers(interval, trained)}
        for kind, intervals, mean, trained in (
            ("auc", aucs, truth[0], models[0]),
            ("difference", differences, truth[0] - truth[1], models[0] - models[1]),
        )
        for name, interval in intervals.items()
    ]
    judged += [{"kind": "test", "name": name, "rejected": float(value < ALPHA)} for name, value in p.items()]
    return pd.DataFrame(judged, columns=["kind", "name", "procedure", "models", "rejected"])


def _cross_validate(
    world: World, x: NDArray[Any], labels: pd.Series, rng: np.random.Generator
) -> tuple[pd.DataFrame, NDArray[Any]]:
    """Predictions in the long format, and the mean true AUC of each method's models, (2,)."""
    split = make_split("cv5", labels, seeds=[int(seed) for seed in rng.integers(2**31, size=world.seeds)])
    rows = pd.Series(np.arange(len(labels)), labels.index)
    parts, true = [], []
    for fold in split.folds:
        train, test = rows[list(fold.train)].to_numpy(), rows[list(fold.test)].to_numpy()
        for half, variables in enumerate(np.split(x, 2, axis=1)):
            weights, intercept = _fit(variables[train], labels.to_numpy()[train])
            true.append(world.true_auc(weights, half))
            p = 1 / (1 + np.exp(-variables[test] @ weights - intercept))
            part = {
                "method": METHODS[half],
                "variant": "",
                "condition": "complete",
                "seed": fold.seed,
                "fold": fold.fold,
            }
            parts.append(pd.DataFrame({**part, "patient_id": fold.test, "y": labels.to_numpy()[test], "p": p}))
    return pd.concat(parts, ignore_index=True), np.reshape(true, (-1, len(METHODS))).mean(axis=0)


def _fit(x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], float]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(x, y)
    return model.coef_[0], float(model.intercept_[0])


def _covers(interval: Interval, truth: float) -> float:
    return float(interval.low <= truth <= interval.high)


def _uncorrected(differences: NDArray[Any]) -> float:
    from scipy.stats import ttest_1samp

    return float(ttest_1samp(differences, 0.0).pvalue)


@cache
def _auc_by_ratio() -> tuple[NDArray[Any], NDArray[Any]]:
    """AUC of a score `ratio * severity + N(0, 1)` by ratio: how likely a positive's is above a negative's."""
    from scipy.stats import norm

    severity = np.linspace(-6, 6, 241)
    density = np.exp(-(severity**2) / 2)
    positive = density / (1 + np.exp(-SHIFT - SLOPE * severity))
    negative = density - positive
    ratios = np.linspace(-4, 4, 401)
    apart = (severity[:, None] - severity) / np.sqrt(2)
    aucs = [positive @ norm.cdf(ratio * apart) @ negative for ratio in ratios]
    return ratios, np.array(aucs) / (positive.sum() * negative.sum())
