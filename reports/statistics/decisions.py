"""From p values and intervals to statements, and how large a difference is."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from strokebench.reports.statistics.intervals import Interval

ALPHA = 0.05
MARGIN = 0.02
"""A method whose AUC is less than this below the reference's counts as not worse (our choice: 2 points of AUC are
less than the half-width of an interval on a thousand patients, and more than any tuning here has brought)."""
POINTS = f"{100 * MARGIN:g} points"
"""`MARGIN` in words."""


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Holm's step-down adjustment over a family of tests (m,); NaN (a test that could not be made) stays out of it."""
    # Not by statsmodels, whose adjustment collects the garbage of the whole process in each call: 0.2 s and more.
    values = np.asarray(p, dtype=float)
    adjusted = np.full(values.shape, np.nan)
    order = np.argsort(values)[: np.count_nonzero(~np.isnan(values))]
    steps = values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def non_inferior(difference: Interval) -> bool:
    """Whether the whole 95 % interval of (method - reference) lies above `-MARGIN`: a one-sided test at 2.5 %."""
    return bool(difference.low > -MARGIN)


def equivalent(difference: Interval) -> bool:
    """Whether the whole 95 % interval lies within `MARGIN` of 0: practically the same, by two one-sided tests."""
    return non_inferior(difference) and bool(difference.high < MARGIN)


def verdict(gain: Interval, p: float) -> str:
    """What is shown of a gain, positive or negative, by its interval and its adjusted p."""
    if p < ALPHA:
        return f"a {'gain' if gain.value > 0 else 'loss'} is shown"
    if equivalent(gain):
        return f"no gain or loss of {POINTS}"
    if non_inferior(gain):
        return f"no gain shown, no loss of {POINTS}"
    if gain.high < MARGIN:
        return f"no loss shown, no gain of {POINTS}"
    return "nothing is shown"


def likeness(difference: Interval) -> str:
    """What may be said besides of a difference that is not shown: whether it is shown to be too small to matter."""
    return f"{'but' if equivalent(difference) else 'nor'} shown to lie within {POINTS}"


def hedges_g(differences: ArrayLike) -> float:
    """Mean difference over runs in units of its standard deviation, with Hedges' correction for few runs, (J,).

    Says how a difference compares with the unrest from run to run. Runs share patients, so neither an interval nor a
    test may be made of it as if they were independent. NaN with fewer than three runs; 0 where all differences are 0.
    """
    from scipy.special import gammaln

    values = _known(differences)
    df = len(values) - 1
    if df < 2:
        return float("nan")
    if not values.any():
        return 0.0
    correction = np.exp(gammaln(df / 2) - gammaln((df - 1) / 2)) / np.sqrt(df / 2)
    with np.errstate(divide="ignore"):
        return float(correction * np.divide(values.mean(), values.std(ddof=1)))


def probability_of_superiority(differences: ArrayLike) -> float:
    """Share of runs, (J,), in which the first method is the better one, ties half; NaN without runs."""
    values = _known(differences)
    return float((values > 0).mean() + (values == 0).mean() / 2) if len(values) else float("nan")


def _known(differences: ArrayLike) -> NDArray[np.float64]:
    """Those of finished runs; 0 where equal AUCs differ in the last digit, by the order of their sums."""
    values = np.round(np.asarray(differences, dtype=float), 12)
    return values[~np.isnan(values)]
