"""From causes to the NIHSS and the Glasgow Coma Scale, with the exact probability of NIHSS < 7 given both."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import logit, ndtr, ndtri

Floats = NDArray[np.floating[Any]]

THRESHOLD = 7
"""The outcome of the paper: an NIHSS below it is a good one."""
TOTAL = 1.64
"""Standard deviation of causes and noise at the default strengths."""
SPREAD = 1.08
"""Logits of NIHSS / 43 for one standard deviation of severity: gives a median near 10 and a 95th centile near 28
where 31.9 % are below 7 (our choice)."""
EDGES = TOTAL / SPREAD * (logit(np.arange(1, 43) / 43) - logit(THRESHOLD / 43))
"""Severity beyond the threshold from which the NIHSS is 1, 2, ..., 42 (42,); that of 7 is 0."""


def calibrate(causes: Floats, count: int, noise: Floats | float = 1.0) -> float:
    """The threshold at which `causes` and normal noise are expected to give `count` positives.

    A patient is positive when causes (n,) + noise of standard deviation `noise` (n,) stay below the threshold.
    """
    low, high = float(causes.min()) - 12, float(causes.max()) + 12
    return float(brentq(lambda t: ndtr((t - causes) / noise).sum() - count, low, high))


def draw_positives(p: Floats, count: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Labels (n,) drawn so that there are exactly `count` positives, 0 to n.

    Independent Bernoulli draws with probabilities `p` (n,) are conditioned on their sum: patients are visited one after
    the other with the probability that the count still to come allows.
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
    return labels


def given_count(p: Floats, count: int) -> Floats:
    """P(patient i is positive | the sum is count) (n,), each from the distribution of the others' sum.

    These sum to `count`; where `p` (n,) does, the condition moves a probability by an order of 1/n only.
    """
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
        distance: (n,) threshold minus causes, in standard deviations; positive means noise below it.
    """
    u = rng.uniform(1e-9, 1, len(distance))
    return np.where(positive, ndtri(u * ndtr(distance)), -ndtri(u * ndtr(-distance)))


def nihss(excess: Floats) -> NDArray[np.int64]:
    """NIHSS, 0 to 42, of severity beyond the threshold (n,); below it is always under 7, above never."""
    return np.searchsorted(EDGES, excess, side="right")


def nihss_probabilities(distance: Floats, noise: Floats) -> Floats:
    """P(NIHSS = k) (n, 43) of threshold minus causes (n,), given the standard deviation of the noise (n,)."""
    below = ndtr((EDGES + distance[:, None]) / noise[:, None])
    return np.diff(below, axis=1, prepend=0, append=1)


def _gcs_probabilities() -> Floats:
    """P(GCS = g | NIHSS = k) (43, 13), g from 3: mostly awake below 10 points, hardly ever above 20 (our choice)."""
    k = np.arange(43)
    lost, spread = (np.maximum(k - 8, 0) / 6) ** 1.6, 0.7 + 0.02 * k
    passed = ndtr((lost[:, None] - np.arange(1, 13)) / spread[:, None])
    return -np.diff(passed, axis=1, prepend=1, append=0)[:, ::-1]


GCS = _gcs_probabilities()


def draw_gcs(score: NDArray[np.int64], u: Floats) -> NDArray[np.int64]:
    """Glasgow Coma Scale, 3 to 15, of the NIHSS (n,), by uniform numbers (n,): both are examined in the same hour."""
    return 3 + (np.cumsum(GCS[score], axis=1)[:, :-1] < u[:, None]).sum(axis=1)


def given_gcs(scores: Floats, gcs: NDArray[np.int64]) -> Floats:
    """P(NIHSS < 7) (n,) once the coma scale (n,) is known, of P(NIHSS = k) (n, 43) before: Bayes' rule."""
    joint = scores * GCS[:, gcs - 3].T
    return joint[:, :THRESHOLD].sum(axis=1) / joint.sum(axis=1)
