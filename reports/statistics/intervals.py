"""Values with their intervals, and the few formulas that several statistics share."""

import math
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from strokebench.reports.tables.table import DASH

LEVEL = 0.95
ENDS = (1 - LEVEL) / 2, (1 + LEVEL) / 2
"""Quantiles at which intervals end."""
Z = NormalDist().inv_cdf(ENDS[1])
"""How many standard errors a normal interval reaches to either side: 1.96."""


@dataclass(frozen=True)
class Interval:
    """A value with its confidence interval; NaN where it is undefined."""

    value: float
    low: float
    high: float

    def turned(self) -> Self:
        """That of a difference whose sides are swapped."""
        return replace(self, value=-self.value, low=-self.high, high=-self.low)

    def text(self, scale: float = 100, decimals: int = 1, ends: int | None = None, signed: bool = False) -> str:
        """`81.1 [78.2, 83.9]`; the value alone without an interval, or with one of no width; else a dash.

        Args:
            decimals, ends: digits of the value, and of the ends where they have others.
            signed: with a plus before what is above 0, for differences.
        """
        if np.isnan(self.value):
            return DASH
        sign, digits = "+" if signed else "", decimals if ends is None else ends
        value = f"{scale * self.value:{sign}.{decimals}f}"
        low, high = (f"{scale * end:{sign}.{digits}f}" for end in (self.low, self.high))
        return f"{value} [{low}, {high}]" if self.high - self.low > 1e-12 else value


UNDEFINED = Interval(np.nan, np.nan, np.nan)


def logit_interval(value: float, half: float) -> Interval:
    """Of a share and half its plain interval, symmetric on the logit scale, so that it stays within [0, 1].

    Of 0 and 1 there is none: what varies by nothing in a sample is not known for sure.
    """
    from scipy.special import expit, logit

    if not 0 < value < 1:
        return Interval(value, np.nan, np.nan)
    half /= value * (1 - value)
    return Interval(value, float(expit(logit(value) - half)), float(expit(logit(value) + half)))


def independent_difference(first: Interval, second: Interval) -> Interval:
    """First minus second, measured on different patients: from their own intervals (Zou and Donner, Stat Med 2008)."""
    value = first.value - second.value
    return Interval(
        value,
        value - float(np.hypot(first.value - first.low, second.high - second.value)),
        value + float(np.hypot(first.high - first.value, second.value - second.low)),
    )


def percentiles(draws: NDArray[np.float64]) -> NDArray[Any]:
    """The two ends of the percentile interval over the first axis: (resamples, ...) -> (2, ...); NaN is no draw."""
    if np.isnan(draws).all():
        return np.full((2, *draws.shape[1:]), np.nan)
    return np.nanquantile(draws, ENDS, axis=0)


def auc_standard_error(auc: float, positives: float, negatives: float) -> float:
    """Of an AUC measured on so many patients (Hanley and McNeil, Radiology 1982, equation 2); NaN on one class."""
    if not positives or not negatives:
        return float("nan")
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (positives - 1) * (q1 - auc**2) + (negatives - 1) * (q2 - auc**2)
    return float(np.sqrt(max(spread, 0) / (positives * negatives)))


def auc_interval(auc: float, positives: float, negatives: float) -> Interval:
    """The AUCs that one measured on so many patients does not speak against; NaN ends on one class.

    Each end is an AUC whose own error (Hanley and McNeil's) just reaches to the measured one, as in a score test
    (Newcombe, Stat Med 2006), so that an AUC of 1 of five patients is not taken for certain.
    """
    from scipy.optimize import brentq

    if math.isnan(auc) or not positives or not negatives:
        return Interval(auc, np.nan, np.nan)

    def excess(true: float) -> float:
        return abs(true - auc) - Z * auc_standard_error(true, positives, negatives)

    # At 0 and 1 the error vanishes, which is no end of the interval.
    inside = min(max(auc, 1e-9), 1 - 1e-9)
    low, high = (end if end == auc else float(brentq(excess, end, inside)) for end in (0.0, 1.0))
    return Interval(auc, low, high)


def at_its_ends(found: Interval, positives: float, negatives: float) -> Interval:
    """An AUC's interval, by `auc_interval` where it is 0 or 1: drawn again or not, its patients then show no error.

    Likewise where one class is a single patient.
    """
    unseen = found.value in (0, 1) or min(positives, negatives) == 1
    return auc_interval(found.value, positives, negatives) if unseen else found
