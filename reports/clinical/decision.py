"""Would acting on the probabilities do more good than harm? Decision curves (Vickers and Elkin 2006)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strokebench.reports.clinical.pooled import seeds_of
from strokebench.reports.statistics.bootstrap import blocks
from strokebench.reports.statistics.intervals import percentiles
from strokebench.reports.statistics.scores import Scores

STEP = 0.01
LOWEST = 0.05


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit at each threshold with its interval, all (thresholds,)."""

    net_benefit: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def thresholds(prevalence: float) -> NDArray[np.float64]:
    """From 5 % to twice the prevalence, at least to 50 % and at most to 90 % (our choice).

    Beyond twice the prevalence few patients are called, and the harm of a needless act outweighs every benefit here.
    (thresholds,) in steps of 1 %.
    """
    highest = min(0.9, max(0.5, 2 * prevalence))
    return np.round(np.arange(LOWEST, highest + STEP / 2, STEP), 2)


def treat_all(prevalence: float, at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Net benefit of acting on everybody: prevalence - (1 - prevalence) x odds of the threshold; on nobody it is 0.

    Args:
        at: thresholds, of any shape, which is the result's too.
    """
    return prevalence - (1 - prevalence) * at / (1 - at)


def decision_curve(
    scores: Scores, name: str, at: NDArray[np.float64], weights: NDArray[np.int16] | None = None
) -> DecisionCurve:
    """True positives less false positives weighed by the odds of the threshold, a patient; the mean over seeds.

    Args:
        at: (thresholds,). weights: resamples of patients (resamples, n) for the interval; None: no interval.
    """
    seeds = seeds_of(scores, name)
    value = np.full(len(at), np.nan)
    low, high = value.copy(), value.copy()
    if not seeds:
        return DecisionCurve(value, low, high)
    # A patient's share in the net benefit, averaged over seeds, is linear: resamples are one product.
    gain = np.zeros((len(scores.y), len(at)))
    tested = np.any([inside for _, _, inside in seeds], axis=0)
    for y, p, inside in seeds:
        worth = np.where(y[:, None], 1.0, -at / (1 - at))
        # Under `own` a seed may test other patients than the next one.
        gain[inside] += np.where(p[:, None] >= at, worth, 0) * (tested.sum() / len(p)) / len(seeds)
    value = gain[tested].mean(axis=0)
    if weights is not None:
        gain = gain[tested]
        parts = (some[:, tested].astype(float) for some in blocks(weights))
        draws = np.concatenate([drawn @ gain / drawn.sum(axis=1, keepdims=True) for drawn in parts])
        low, high = percentiles(draws)
    return DecisionCurve(value, low, high)
