"""From p values and intervals to statements, and how large a difference is."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from strokebench.reports.statistics.intervals import Interval

ALPHA = 0.05
MARGIN = 0.02
"""A method whose AUC is less than this below the reference's counts as not worse (our choice: 2 points of AUC are
less than the half-width of an interval on a thousand patients, and more than any tuning here has brought)."""


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Holm's step-down adjustment over a family of tests (m,); NaN (a test that could not be made) stays out of it."""
    from statsmodels.stats.multitest import multipletests

    values = np.asarray(p, dtype=float)
    adjusted = np.full(values.shape, np.nan)
    made = ~np.isnan(values)
    if made.any():
        adjusted[made] = multipletests(values[made], method="holm")[1]
    return adjusted


def real_differences(
    p: ArrayLike, corrected_p: ArrayLike | None = None
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Which of a family of differences are more than chance: ours, by the simulation in `docs/statistics.md`.

    A difference counts as real if DeLong's p stays below 0.05 after Holm's adjustment, *and* the corrected t of the
    same pair is below 0.05. DeLong's test looks at patients but takes the models as given, and so rejects too often
    where models depend on their training patients; the corrected t looks at nothing but runs, and errs the other way.

    Args:
        p: DeLong's, one a pair, (m,).
        corrected_p: of the corrected t, (m,), NaN where it could not be made; None: not at all.

    Returns:
        The adjusted p of DeLong's test, and whether the difference is real, both (m,); never where p is NaN.
    """
    adjusted = holm(p)
    confirmed = np.ones(adjusted.shape, bool) if corrected_p is None else ~(np.asarray(corrected_p, float) >= ALPHA)
    with np.errstate(invalid="ignore"):
        return adjusted, (adjusted < ALPHA) & confirmed


def non_inferior(difference: Interval, margin: float = MARGIN) -> bool:
    """Whether the whole 95 % interval of (method - reference) lies above `-margin`: a one-sided test at 2.5 %.

    Raises:
        ValueError: a margin that is not positive.
    """
    if not margin > 0:
        raise ValueError(f"The margin is {margin}, not positive.")
    return bool(difference.low > -margin)


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
