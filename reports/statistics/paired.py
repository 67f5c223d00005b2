"""Differences over runs, which share training patients and so are no independent sample; which test holds where."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from strokebench.reports.results import SETTING, Results
from strokebench.reports.statistics.decisions import ALPHA, holm
from strokebench.reports.statistics.delong import delong
from strokebench.reports.statistics.intervals import LEVEL, Interval
from strokebench.reports.statistics.scores import arrange

CORRECTED = ("cv5",)
"""Protocols whose runs vary as the corrected t assumes: another test part each, drawn at random."""

Key = tuple[str, str, str]
"""Values of `SETTING`."""


@dataclass(frozen=True)
class CorrectedT(Interval):
    """Mean over `runs` runs, with standard error and two-sided p."""

    se: float
    runs: int
    p: float


@dataclass(frozen=True)
class Difference:
    """One setting minus another in `Results.compared_by`, the mean over the `runs` that both finished.

    Args:
        p: of the test that holds under the protocol, see `differences_of`; NaN where none can be made.
    """

    value: float
    se: float
    runs: int
    p: float

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
    if not test_share >= 0:
        raise ValueError(f"The share of test patients is {test_share}, not 0 or more.")
    values = np.asarray(differences, dtype=float)
    values = values[~np.isnan(values)]
    mean, runs = float(values.mean()) if len(values) else math.nan, len(values)
    se = float(np.sqrt(values.var(ddof=1) * (1 / runs + test_share))) if runs > 1 else math.nan
    return student_t(mean, se, runs, level)


def combined_t(differences: ArrayLike, test_share: float, delong_se: float, level: float = LEVEL) -> CorrectedT:
    """The same with the mean of two variances: the corrected one, and DeLong's, which takes the models as given.

    The first alone rejects too rarely and the second too often (ours, by the simulation in `docs/statistics.md`).

    Args:
        differences, test_share: as of `corrected_t`, (J,) and one number.
        delong_se: standard error of the same mean by DeLong's test.
    """
    corrected = corrected_t(differences, test_share, level)
    se = math.sqrt((corrected.se**2 + delong_se**2) / 2)
    return student_t(corrected.value, se, corrected.runs, level)


def corrected_auc(aucs: ArrayLike, test_share: float, level: float = LEVEL) -> Interval:
    """Mean AUC of the runs, (J,), with the interval of the corrected t on the logit scale, so within [0, 1]."""
    from scipy.special import expit, logit

    found = corrected_t(aucs, test_share, level)
    if not 0 < found.value < 1:
        return Interval(found.value, found.value, found.value)
    half = (found.high - found.value) / (found.value * (1 - found.value))
    return Interval(found.value, *(float(expit(logit(found.value) + end)) for end in (-half, half)))


def student_t(value: float, se: float, runs: int, level: float = LEVEL) -> CorrectedT:
    """A mean over runs by Student's t with a degree of freedom less than runs; NaN where there is none."""
    from scipy.stats import t as student

    if runs < 2:
        return CorrectedT(value, math.nan, math.nan, math.nan, runs, math.nan)
    with np.errstate(divide="ignore"):
        t = 0.0 if value == 0 else float(np.divide(value, se))
    half = float(student.ppf((1 + level) / 2, runs - 1)) * se
    return CorrectedT(value, value - half, value + half, se, runs, float(2 * student.sf(abs(t), runs - 1)))


def is_corrected(results: Results) -> bool:
    """Whether differences of these results allow for other training patients; otherwise DeLong's test alone decides."""
    return results.provenance.get("protocol") in CORRECTED


def differences_of(results: Results, pairs: Mapping[Key, Key]) -> dict[Key, Difference]:
    """Settings against others, each by the test that holds under the protocol of these results.

    Under `cv5` the mean of DeLong's and the corrected variance; of another metric than AUC the corrected t. Elsewhere
    runs share their test part, or are hospitals that differ, and the corrected t would call equal methods different in
    up to half of the cohorts: there DeLong's test decides, the patient as cluster, adjusted by Holm over the settings
    that are held against one other. It needs an AUC; no test is made of another metric.

    Args:
        pairs: setting (`SETTING` values) -> the one that it is held against.
    """
    metric = results.compared_by
    by_run = {
        tuple(map(str, key)): runs.set_index(["seed", "fold"])[metric]
        for key, runs in results.metrics.groupby(list(SETTING), dropna=False)
    }
    share, none = test_share(results), results.metrics.iloc[:0].set_index(["seed", "fold"])[metric]
    tests, places = None, {}
    if metric == "AUC" and not results.judged.empty:
        scores = arrange(results.judged, runs=results.runs, endpoint=results.endpoint)
        tests = delong(scores)
        places = {s.key: scores.names.index(name) for name, s in results.settings.items() if name in scores.names}
    found = {}
    for key, other in pairs.items():
        t = corrected_t(by_run.get(key, none) - by_run.get(other, none), share)
        if tests and {key, other} <= places.keys():
            one, two = places[key], places[other]
            t = combined_t(tests.aucs[one] - tests.aucs[two], share, tests.test(one, two).se)
        found[key] = Difference(t.value, t.se, t.runs, t.p)
    if is_corrected(results):
        return found
    found = {key: replace(difference, se=math.nan, p=math.nan) for key, difference in found.items()}
    for other in set(pairs.values()) & set(places):
        family = [key for key in pairs if pairs[key] == other and key in places]
        by_delong = [tests.test(places[key], places[other]) for key in family] if tests else []
        for key, test, p in zip(family, by_delong, holm([test.p for test in by_delong]), strict=True):
            found[key] = replace(found[key], se=test.se, p=float(p))
    return found


def test_share(results: Results) -> float:
    """n_test / n_train of these runs, the validation part counted as training; 0 without predictions."""
    predictions = results.predictions
    if predictions.empty:
        return 0.0
    n_test = predictions.drop_duplicates(["seed", "fold", "patient_id"]).groupby(["seed", "fold"]).size().mean()
    n = results.provenance.get("n_patients") or predictions["patient_id"].nunique()
    return float(n_test / (n - n_test)) if n > n_test else 0.0
