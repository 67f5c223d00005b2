"""How predictions of grades are judged. Probabilities are (n, levels), labels (n,) from 0."""

import numpy as np
from numpy.typing import NDArray

from strokebench.tasks.endpoint import Endpoint
from strokebench.tasks.metrics.registry import metric


def median_label(p: NDArray) -> NDArray[np.intp]:
    """The label that each patient is given, (n,): the median of the probabilities (n, levels), whose expected distance
    from the truth is the smallest."""
    # Sums of probabilities are equal to a half up to rounding.
    return (p.cumsum(axis=1) < 0.5 - 1e-9).sum(axis=1)


@metric("c", "%", endpoints=("ordinal",))
def concordance(endpoint: Endpoint, y: NDArray, p: NDArray) -> float:
    """Generalised c: of two patients with different grades, how often the one with the higher has the higher mean.

    Of labels (n,) and probabilities (n, levels).
    """
    return endpoint.score(y, p)


@metric("Kappa", endpoints=("ordinal",))
def kappa(endpoint: Endpoint, y: NDArray, p: NDArray) -> float:
    """Quadratically weighted kappa (Cohen 1968) of observed and called grade; NaN where both are one grade for all.

    Of labels (n,) and probabilities (n, levels). One less the mean squared distance, over the mean squared distance of
    independent pairs with the same margins.
    """
    called = median_label(p)
    by_chance = y.var() + called.var() + (y.mean() - called.mean()) ** 2
    return float(1 - np.mean((y - called) ** 2) / by_chance) if by_chance else float("nan")


@metric("MAE", higher_is_better=False, endpoints=("ordinal",))
def mean_absolute_error(endpoint: Endpoint, y: NDArray, p: NDArray) -> float:
    """Mean distance between observed and called grade, in grades; labels (n,), probabilities (n, levels)."""
    return float(np.abs(y - median_label(p)).mean())


ORDINAL = (concordance, kappa, mean_absolute_error)
