"""From the causes to the NIHSS: exact numbers of positives, and each patient's true probability."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit, ndtr, ndtri

Floats = NDArray[np.floating[Any]]

SPREAD = 1.08
"""Logits of NIHSS / 43 for one standard deviation of severity: gives a median near 10 and a 95th centile near 28
where 31.9 % are below 7 (our choice)."""


def calibrate(causes: Floats, count: int) -> float:
    """The threshold at which `causes` and standard normal noise are expected to give `count` positives.

    A patient is positive when causes (n,) + noise stay below the threshold.
    """
    low, high = float(causes.min()) - 12, float(causes.max()) + 12
    return float(brentq(lambda t: ndtr(t - causes).sum() - count, low, high))


def draw_positives(p: Floats, count: int, rng: np.random.Generator) -> tuple[NDArray[np.bool_], Floats]:
    """Positives drawn so that there are exactly `count`, and the exact probability of each under that condition.

    Independent Bernoulli draws with probabilities `p` are conditioned on their sum: patients are visited one
    after the other with the probability that the count still to come allows. Where `p` sums to `count`, as
    after `calibrate`, the condition moves a probability by an order of 1/n only; the returned ones are exact,
    sum to `count`, and are what `truth.csv` keeps.

    Args:
        p: (n,) unconditional probabilities.
        count: 0 to n.

    Returns:
        (n,) labels and (n,) probabilities.
    """
    n = len(p)
    # rest[i, c]: probability that patients i, i+1, ... hold c positives.
    rest = np.zeros((n + 1, count + 1))
    rest[n, 0] = 1
    for i in range(n - 1, -1, -1):
        rest[i] = (1 - p[i]) * rest[i + 1]
        rest[i, 1:] += p[i] * rest[i + 1, :-1]
    labels = np.zeros(n, dtype=bool)
    left = count
    for i in range(n):
        if left and rng.random() * rest[i, left] < p[i] * rest[i + 1, left - 1]:
            labels[i], left = True, left - 1
    return labels, _given_count(p, count)


def _given_count(p: Floats, count: int) -> Floats:
    """P(patient i is positive | the sum is count), each from the distribution of the others' sum."""
    if count == 0:
        return np.zeros(len(p))
    others = np.zeros((len(p), count + 1))
    others[:, 0] = 1
    for j, q in enumerate(p):
        step = (1 - q) * others
        step[:, 1:] += q * others[:, :-1]
        step[j] = others[j]
        others = step
    yes, no = p * others[:, count - 1], (1 - p) * others[:, count]
    return yes / (yes + no)


def draw_noise(distance: Floats, positive: NDArray[np.bool_], rng: np.random.Generator) -> Floats:
    """Standard normal noise, given on which side of the threshold it lands.

    Args:
        distance: (n,) threshold minus causes; positive means noise below it.
    """
    u = rng.uniform(1e-9, 1, len(distance))
    return np.where(positive, ndtri(u * ndtr(distance)), -ndtri(u * ndtr(-distance)))


def nihss(excess: Floats, spread: float) -> NDArray[np.int64]:
    """Integer NIHSS, 0 to 42, from severity beyond the threshold; below it is always under 7, above never.

    Args:
        excess: (n,) causes + noise - threshold.
        spread: standard deviation of causes + noise in the whole cohort.
    """
    score = np.floor(43 * expit(logit(7 / 43) + SPREAD * excess / spread))
    score = np.where(excess < 0, np.minimum(score, 6), np.maximum(score, 7))
    return np.minimum(score, 42).astype(np.int64)
