"""Differences over runs, which share training patients and so are no independent sample."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from strokebench.reports.results import Results
from strokebench.reports.statistics.decisions import ALPHA
from strokebench.reports.statistics.intervals import LEVEL, Interval


@dataclass(frozen=True)
class CorrectedT(Interval):
    """Mean over `runs` runs, with corrected standard error and two-sided p."""

    se: float
    runs: int
    p: float

    @property
    def distinguishable(self) -> bool:
        """Outside the limits of the corrected t: with two runs these are 12.7 standard errors, with twenty 2.1."""
        return self.p < ALPHA

    @property
    def points(self) -> str:
        """`+1.23 ± 0.45`, in percentage points; empty without runs."""
        if not self.runs:
            return ""
        return f"{100 * self.value:+.2f}" + ("" if math.isnan(self.se) else f" ± {100 * self.se:.2f}")


def corrected_t(differences: ArrayLike, test_share: float, level: float = LEVEL) -> CorrectedT:
    """Nadeau and Bengio (2003), as Bouckaert and Frank (2004) use it for repeated cross-validation.

    The variance of the mean of J runs is taken as `s2 * (1 / J + test_share)` instead of `s2 / J`. The second term
    stands for the correlation of runs, and stays however many runs are added.

    Args:
        differences: one a run, (J,); NaN leaves the run out.
        test_share: n_test / n_train; patients of the validation part are learnt from too, since it selects by them.

    Returns:
        p is 1 where all differences are 0; NaN in everything but the mean with fewer than two runs.

    Raises:
        ValueError: a share below 0.
    """
    from scipy.stats import t as student

    if not test_share >= 0:
        raise ValueError(f"The share of test patients is {test_share}, not 0 or more.")
    values = np.asarray(differences, dtype=float)
    values = values[~np.isnan(values)]
    mean, runs = float(values.mean()) if len(values) else math.nan, len(values)
    if runs < 2:
        return CorrectedT(mean, math.nan, math.nan, math.nan, runs, math.nan)
    se = float(np.sqrt(values.var(ddof=1) * (1 / runs + test_share)))
    with np.errstate(divide="ignore"):
        t = 0.0 if mean == 0 else float(np.divide(mean, se))
    half = float(student.ppf((1 + level) / 2, runs - 1)) * se
    return CorrectedT(mean, mean - half, mean + half, se, runs, float(2 * student.sf(abs(t), runs - 1)))


def test_share(results: Results) -> float:
    """n_test / n_train of these runs, the validation part counted as training; 0 without predictions."""
    predictions = results.predictions
    if predictions.empty:
        return 0.0
    n_test = predictions.drop_duplicates(["seed", "fold", "patient_id"]).groupby(["seed", "fold"]).size().mean()
    n = results.provenance.get("n_patients") or predictions["patient_id"].nunique()
    return float(n_test / (n - n_test)) if n > n_test else 0.0
