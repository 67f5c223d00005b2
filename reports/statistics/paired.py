"""Tests of differences over runs, which share training patients and so are no independent sample."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from strokebench.reports.results import Results
from strokebench.reports.statistics.decisions import ALPHA
from strokebench.reports.statistics.intervals import ENDS, Interval, logit_interval

CORRECTED = ("cv5", "loho")
"""Protocols of which every patient is in one test part of several, so that these tell how training patients matter."""
FEWEST_PARTS = 3
"""Hospitals below which their spread tells nothing (our choice)."""

UNTESTED = (
    "no test can be made: a test part holds a single patient of a class, one hospital alone is in both, or both rank "
    "all patients rightly"
)
"""Why several runs in common may not be enough."""


@dataclass(frozen=True)
class PairedTest(Interval):
    """A difference over the `runs` that both sides have, with standard error and two-sided p; NaN where none can be."""

    se: float
    p: float
    runs: int

    @property
    def tested(self) -> bool:
        """A test could be made."""
        return not math.isnan(self.p)

    @property
    def distinguishable(self) -> bool:
        """More than noise."""
        return self.p < ALPHA

    @property
    def points(self) -> str:
        """`+1.23 ± 0.45`, in percentage points; empty without runs."""
        if not self.runs:
            return ""
        return f"{100 * self.value:+.2f}" + ("" if math.isnan(self.se) else f" ± {100 * self.se:.2f}")


def paired_test(value: float, se: float, runs: int, law: Any) -> PairedTest:
    """Of a difference over runs by a law of `scipy.stats`. No difference has p = 1; one without any error p = 0."""
    with np.errstate(divide="ignore"):
        distance = 0.0 if value == 0 else float(np.divide(value, se))
    half = float(law.ppf(ENDS[1])) * se
    return PairedTest(value, value - half, value + half, se, float(2 * law.sf(abs(distance))), runs)


def corrected_t(differences: ArrayLike, test_share: float) -> PairedTest:
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
    if not test_share >= 0:
        raise ValueError(f"The share of test patients is {test_share}, not 0 or more.")
    values = _apart(differences)
    values = values[~np.isnan(values)]
    mean, runs = float(values.mean()) if len(values) else math.nan, len(values)
    se = float(np.sqrt(values.var(ddof=1) * (1 / runs + test_share))) if runs > 1 else math.nan
    return student_t(mean, se, runs)


def combined_t(differences: ArrayLike, test_share: float, delong_se: float, few: bool = False) -> PairedTest:
    """The same with the mean of two variances: the corrected one, and DeLong's, which takes the models as given.

    The first alone rejects too rarely and the second too often (ours, by the simulation in `docs/statistics.md`).

    Args:
        differences, test_share: as of `corrected_t`, (J,) and one number.
        delong_se: standard error of the same mean by DeLong's test.
        few: degrees of freedom of the mean of both variances (Satterthwaite 1946), not of the first alone: of three or
            four hospitals that one has so few that nothing would be found.
    """
    corrected = corrected_t(differences, test_share)
    both = corrected.se**2 + delong_se**2
    more = 1.0 if not few else (both / corrected.se**2) ** 2 if corrected.se else math.inf
    return student_t(corrected.value, math.sqrt(both / 2), corrected.runs, more)


def by_part(
    by_run: NDArray[np.float64], parts: NDArray[np.intp], known: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Means over the `known` runs of each test part, default not NaN: (runs, ...), (runs,) -> (parts, ...)."""
    known = ~np.isnan(by_run) if known is None else known
    return np.array([by_run[known & (parts == part)].mean(axis=0) for part in np.unique(parts[known])])


def gain(
    by_run: NDArray[np.float64],
    shares: NDArray[np.float64],
    test_share: float | None,
    parts: NDArray[np.intp] | None = None,
) -> PairedTest:
    """The mean gain over runs, with an interval of the mean of two variances, and Student's t.

    One variance is over patients, each patient a cluster over runs, and takes the models as given; the other, Nadeau's
    and Bengio's, is over runs. Each alone errs, in opposite directions; of the AUC their mean held its level in our
    simulations (`docs/statistics.md`: 200 patients, five folds, two seeds), and lost less power than the second alone.
    Of the Brier score and of net benefit it was not simulated.

    Args:
        by_run: gains, (runs,), NaN where one of the models lacks the run.
        shares: each patient's part in the error of each gain, (runs, n), zero where untested.
        test_share: n_test / n_train; None where runs are no draws of test parts (`holdout`): then the patients'
            variance and the normal distribution alone. With a share, one run has no interval and no p.
        parts: the hospital that each run tests, (runs,), where seeds share them; default: a test part each.
    """
    from scipy.stats import norm

    by_run = _apart(by_run)
    known = ~np.isnan(by_run)
    if not known.any():
        return student_t(math.nan, math.nan, 0)
    if test_share is not None and parts is not None:
        se = _clustered(by_part(shares, parts, known))
        return replace(combined_t(by_part(by_run, parts, known), test_share, se, few=True), runs=int(known.sum()))
    se = _clustered(shares[known])
    if test_share is not None:
        return combined_t(by_run, test_share, se)
    return paired_test(float(by_run[known].mean()), se, int(known.sum()), norm)


def _clustered(shares: NDArray[np.float64]) -> float:
    """The standard error of a mean, from each patient's part in the error of each of its terms, (terms, n)."""
    return float(np.sqrt(np.square(shares.mean(axis=0)).sum()))


def _apart(differences: ArrayLike) -> NDArray[np.float64]:
    """The same, of any shape; 0 where equal AUCs differ in the last digit, by the order of their sums."""
    values = np.asarray(differences, dtype=float)
    return np.where(np.abs(values) < 1e-12, 0.0, values)


def corrected_auc(aucs: ArrayLike, test_share: float) -> Interval:
    """Mean AUC of the runs, (J,), with the interval of the corrected t on the logit scale, so within [0, 1]."""
    found = corrected_t(aucs, test_share)
    return logit_interval(found.value, found.high - found.value)


def combined_auc(
    aucs: NDArray[np.float64], shares: NDArray[np.float64], test_share: float, parts: NDArray[np.intp]
) -> Interval:
    """Mean AUC, or c, of hospitals, with the interval of `gain` on the logit scale, so within [0, 1].

    Of so few the corrected variance alone is too uncertain: as of a difference, the mean of both.

    Args:
        aucs, shares, parts: of each run, (runs,), (runs, n), (runs,), as of `gain`.
    """
    found = gain(aucs, shares, test_share, parts)
    return logit_interval(found.value, found.high - found.value)


def student_t(value: float, se: float, runs: int, more: float = 1.0) -> PairedTest:
    """A mean over runs by Student's t of `more` times one degree of freedom less than runs; NaN where there is none."""
    from scipy.stats import t as student

    if runs < 2:
        return PairedTest(value, math.nan, math.nan, math.nan, math.nan, runs)
    return paired_test(value, se, runs, student(more * (runs - 1)))


def is_corrected(results: Results) -> bool:
    """Whether differences of these results allow for other training patients; otherwise DeLong's test alone decides."""
    if results.provenance.get("protocol") == "loho":
        return results.judged["fold"].nunique() >= FEWEST_PARTS
    return results.provenance.get("protocol") in CORRECTED


def parts_of(results: Results, groups: Sequence[tuple[int, int]]) -> NDArray[np.intp] | None:
    """The hospital that each group (seed, fold) tests, (groups,), under `loho`; else None: each has its own part."""
    if results.provenance.get("protocol") != "loho":
        return None
    return np.array([fold for _, fold in groups], dtype=np.intp)


def test_share(results: Results) -> float:
    """n_test / n_train of the runs that are judged, the validation part counted as training; 0 without predictions."""
    predictions = results.judged
    if predictions.empty:
        return 0.0
    n_test = predictions.drop_duplicates(["seed", "fold", "patient_id"]).groupby(["seed", "fold"]).size().mean()
    n = results.provenance.get("n_patients") or results.predictions["patient_id"].nunique()
    return float(n_test / (n - n_test)) if n > n_test else 0.0
