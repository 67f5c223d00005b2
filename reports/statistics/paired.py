"""Differences between two methods, fold by fold."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from strokebench.reports.results import RUN, Results

LEVEL = 0.05
"""A difference is called distinguishable below this p of the corrected t test (our choice)."""


@dataclass(frozen=True)
class Difference:
    """One setting against another on the same test parts: mean and corrected standard error, in [-1, 1]."""

    mean: float
    error: float
    runs: int

    @property
    def distinguishable(self) -> bool:
        """Outside the limits of the corrected t: with two runs these are 12.7 standard errors, with twenty 2.1."""
        from scipy.special import stdtrit

        return self.runs > 1 and abs(self.mean) > stdtrit(self.runs - 1, 1 - LEVEL / 2) * self.error

    def __str__(self) -> str:
        if not self.runs:
            return ""
        error = "" if math.isnan(self.error) else f" ± {100 * self.error:.2f}"
        return f"{100 * self.mean:+.2f}{error}"


def paired_difference(a: pd.Series, b: pd.Series, test_share: float) -> Difference:
    """Mean of a - b over the runs that both have, with Nadeau and Bengio's corrected standard error.

    Runs of cross-validation share training patients, so that the plain standard error is too small; the
    correction adds n_test / n_train to 1 / runs (Nadeau and Bengio, Machine Learning 2003, equation 18).

    Args:
        a, b: a metric by (seed, fold); NaN where undefined, which leaves the run out.
        test_share: n_test / n_train.
    """
    pairs = (a - b).dropna()
    runs = len(pairs)
    if not runs:
        return Difference(math.nan, math.nan, 0)
    variance = float(pairs.var(ddof=1)) if runs > 1 else math.nan
    return Difference(float(pairs.mean()), math.sqrt(variance * (1 / runs + test_share)), runs)


def test_share(results: Results) -> float:
    """n_test / n_train of these runs, the validation part counted as training; 0 without predictions."""
    if results.predictions.empty:
        return 0.0
    n_test = results.predictions.groupby(list(RUN)).size().mean()
    n = results.provenance.get("n_patients") or results.predictions["patient_id"].nunique()
    return float(n_test / (n - n_test)) if n > n_test else 0.0
