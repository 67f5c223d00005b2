"""The corrected resampled t test: runs share training patients, so their differences are no independent sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from strokebench.reports.statistics.bootstrap import LEVEL, Interval


@dataclass(frozen=True)
class TTest(Interval):
    """Mean difference over runs with standard error, degrees of freedom, t and two-sided p."""

    se: float
    df: int
    t: float
    p: float


def corrected_t(differences: ArrayLike, n_train: float, n_test: float, level: float = LEVEL) -> TTest:
    """Nadeau and Bengio (2003), as Bouckaert and Frank (2004) use it for repeated cross-validation.

    The variance of the mean of J runs is taken as `s2 * (1 / J + n_test / n_train)` instead of `s2 / J`. The second
    term stands for the correlation of runs, and stays however many runs are added.

    Args:
        differences: one a run, (J,), J of 2 or more.
        n_train: patients that a run learned from, those of the validation part included, since it selects by them.
        n_test: patients of its test part.

    Returns:
        p is 1 where all differences are 0; NaN in everything but the mean with fewer than two runs.

    Raises:
        ValueError: not positive sizes.
    """
    from scipy.stats import t as student

    if n_train <= 0 or n_test <= 0:
        raise ValueError(f"Sizes must be positive, not {n_train} and {n_test}.")
    values = np.asarray(differences, dtype=float)
    values = values[~np.isnan(values)]
    if len(values) < 2:
        unknown = float("nan")
        mean = float(values.mean()) if len(values) else unknown
        return TTest(mean, unknown, unknown, unknown, 0, unknown, unknown)
    mean, df = float(values.mean()), len(values) - 1
    se = float(np.sqrt(values.var(ddof=1) * (1 / len(values) + n_test / n_train)))
    with np.errstate(divide="ignore"):
        t = 0.0 if mean == 0 else float(np.divide(mean, se))
    half = float(student.ppf((1 + level) / 2, df)) * se
    return TTest(mean, mean - half, mean + half, se, df, t, float(2 * student.sf(abs(t), df)))
