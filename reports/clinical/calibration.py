"""Does a probability of 30 % come true in 30 of 100 patients?"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.reports.clinical.pooled import seeds_of
from strokebench.reports.statistics.intervals import LEVEL, UNDEFINED, Interval, Z
from strokebench.reports.statistics.prior import log_odds
from strokebench.reports.statistics.scores import Scores
from strokebench.tasks.endpoints.parse import too_few

BINS = 10
PATIENTS_A_BIN = 25
"""Fewer bins are made than `BINS` where a bin would hold fewer patients (our choice)."""

SIMULATIONS = 500


@dataclass(frozen=True)
class Recalibration:
    """What logistic recalibration finds; a calibrated model has 0, 0 and 1.

    Args:
        in_the_large: intercept with the slope held at 1: below 0 where probabilities are too high on average.
        intercept, slope: of log odds of the outcome on log odds of the prediction; a slope below 1 means that
            predictions are too extreme.
    """

    in_the_large: Interval
    intercept: Interval
    slope: Interval


def recalibrate(scores: Scores, name: str) -> Recalibration:
    """Logistic recalibration (Cox 1958; Van Calster 2019) of one method: the mean over seeds, with intervals.

    Each seed is fitted by statsmodels' binomial GLM, in the large by the root of its score. The intervals are Wald's,
    from the sandwich variance clustered by patient: a patient's influence is averaged over the seeds first.

    Returns:
        NaN where a seed knows one class only, or the predictions are constant (no slope) or separate the classes. No
        slope with fewer than `FEWEST` patients of a class: in 400 made-up cohorts each of 100 patients with 1, 2, 3 and
        5 events the interval held a calibrated model's slope in 39, 75, 86 and 91 %.
    """
    large, both = [], []
    few = too_few(pd.Series(scores.y).value_counts())
    for y, p, inside in seeds_of(scores, name):
        x = log_odds(p)
        large.append(_in_the_large(y, x, inside))
        both.append(_fit(y, np.column_stack([np.ones(len(y)), x]), inside) if not few else None)
    (in_the_large,) = _average(large, 1)
    intercept, slope = _average(both, 2)
    return Recalibration(in_the_large, intercept, slope)


def updated(
    y: NDArray[np.bool_], p: NDArray[np.float64], others: NDArray[np.float64], slope: bool
) -> NDArray[np.float64] | None:
    """Probabilities of other patients (m,) by logistic recalibration on patients with labels and probabilities (n,).

    Args:
        slope: the slope too, not the intercept alone.

    Returns:
        None where nothing can be fitted: one class only, constant probabilities, or classes that they separate.
    """
    from scipy.special import expit

    x, everybody = log_odds(p), np.ones(len(y), bool)
    fit = _fit(y, np.column_stack([np.ones(len(y)), x]), everybody) if slope else _in_the_large(y, x, everybody)
    if fit is None:
        return None
    return expit(fit[0][0] + (fit[0][1] if slope else 1) * log_odds(others))


Fit = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Parameters (k,) and each patient's influence on them (n, k)."""


def _in_the_large(y: NDArray[Any], x: NDArray[np.float64], inside: NDArray[np.bool_]) -> Fit | None:
    """The intercept beside a slope of 1. Bracketed: steps from 0 run away where most probabilities are 0 or 1."""
    from scipy.optimize import brentq
    from scipy.special import expit

    if not 0 < y.sum() < len(y):
        return None
    # From here on all probabilities are so near to 1 (or 0) that their sum passes every number of events.
    reach = np.abs(x).max() + np.log(len(y)) + 1
    level = float(brentq(lambda shift: y.sum() - expit(x + shift).sum(), -reach, reach, xtol=1e-10))
    p = expit(x + level)
    everybody = np.zeros((len(inside), 1))
    everybody[inside, 0] = (y - p) / (p * (1 - p)).sum()
    return np.array([level]), everybody


def _fit(y: NDArray[Any], design: NDArray[Any], inside: NDArray[np.bool_]) -> Fit | None:
    import warnings

    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.tools.sm_exceptions import PerfectSeparationError, PerfectSeparationWarning

    if not 0 < y.sum() < len(y) or np.ptp(design[:, 1]) < 1e-9:
        return None
    model = GLM(y.astype(float), design, family=Binomial())
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("error", PerfectSeparationWarning)
        try:
            fitted = model.fit()
            influence = -np.linalg.solve(model.hessian(fitted.params), model.score_obs(fitted.params).T).T
        except (PerfectSeparationError, PerfectSeparationWarning, np.linalg.LinAlgError):
            return None
    if not fitted.converged:
        return None
    everybody = np.zeros((len(inside), design.shape[1]))
    everybody[inside] = influence
    return fitted.params, everybody


def _average(fits: list[Fit | None], k: int) -> list[Interval]:
    made = [fit for fit in fits if fit is not None]
    if not made or len(made) < len(fits):
        return [UNDEFINED] * k
    values = np.mean([params for params, _ in made], axis=0)
    half = Z * np.sqrt((np.mean([influence for _, influence in made], axis=0) ** 2).sum(axis=0))
    return [Interval(float(v), float(v - h), float(v + h)) for v, h in zip(values, half, strict=True)]


def quantile_bins(p: NDArray[np.float64], n_patients: int) -> NDArray[np.intp]:
    """Which bin each probability (n,) falls into, (n,): as equally filled as ties allow, numbered without gaps."""
    n_bins = max(2, min(BINS, n_patients // PATIENTS_A_BIN))
    edges = np.unique(np.quantile(p, np.linspace(0, 1, n_bins + 1)[1:-1]))
    return np.unique(np.searchsorted(edges, p, side="right"), return_inverse=True)[1]


@dataclass(frozen=True)
class CalibrationError:
    """ECE, and what it would be of a model without any error, which is not 0: `perfect` on average, `high` rarely.

    Args:
        perfect, high: mean and 95th percentile over simulated outcomes that the probabilities are true of.
    """

    value: float
    perfect: float
    high: float


def calibration_error(scores: Scores, name: str) -> CalibrationError:
    """Expected calibration error over equally filled bins, the mean over seeds.

    In small samples a bin's observed share differs from its probability by chance alone, so that ECE is above 0 even
    for a perfect model. How far is found by simulation: outcomes are drawn from the probabilities themselves, one
    uniform number a patient for all seeds, so that seeds share patients as they do in truth.
    """
    uniform = np.random.default_rng(0).random((SIMULATIONS, len(scores.y)))
    errors, simulated = [], []
    for y, p, inside in seeds_of(scores, name):
        bins = quantile_bins(p, len(p))
        members = np.equal.outer(bins, np.arange(bins.max() + 1)).astype(float)
        errors.append(_gap(y - p, members))
        simulated.append(_gap((uniform[:, inside] < p) - p, members))
    if not errors:
        return CalibrationError(np.nan, np.nan, np.nan)
    perfect = np.mean(simulated, axis=0)
    return CalibrationError(float(np.mean(errors)), float(perfect.mean()), float(np.quantile(perfect, 0.95)))


def _gap(distances: NDArray[np.float64], members: NDArray[np.float64]) -> NDArray[np.float64]:
    """Absolute mean distance within bins, weighed by their size: distances (..., n), members (n, bins)."""
    return np.abs(distances @ members).sum(axis=-1) / len(members)


@dataclass(frozen=True)
class Reliability:
    """A reliability curve, one entry a bin: mean probability, observed share with its interval, patients a seed."""

    predicted: NDArray[np.float64]
    observed: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    patients: NDArray[np.float64]


def reliability(scores: Scores, name: str) -> Reliability | None:
    """Observed against predicted in equally filled bins of all seeds' predictions, with Wilson's intervals.

    A patient counts once for the interval, however many seeds predict it: rows are divided by the number of seeds.
    That is slightly too wide where a patient changes bins between seeds. None without predictions.
    """
    from statsmodels.stats.proportion import proportion_confint

    seeds = seeds_of(scores, name)
    if not seeds:
        return None
    y, p = (np.concatenate([seed[part] for seed in seeds]) for part in (0, 1))
    bins = quantile_bins(p, len(p) // len(seeds))
    rows = np.bincount(bins)
    events, patients = np.bincount(bins, weights=y) / len(seeds), rows / len(seeds)
    low, high = proportion_confint(events, patients, alpha=1 - LEVEL, method="wilson")
    return Reliability(np.bincount(bins, weights=p) / rows, events / patients, low, high, patients)
