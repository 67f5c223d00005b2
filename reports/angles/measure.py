"""The angle between a patient's image and text representations, before and after both are encoded jointly."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from strokebench.reports.results import Results
from strokebench.reports.statistics.intervals import LEVEL, Interval
from strokebench.reports.tables.table import DASH

BEFORE, AFTER, CHANGE = "angle_before", "angle_after", "change"
RESAMPLES = 9999


@dataclass(frozen=True)
class Estimate(Interval):
    """A mean over n patients with its confidence interval, in degrees; NaN where there is none."""

    n: int

    def __str__(self) -> str:
        if not self.n:
            return DASH
        interval = "" if math.isnan(self.low) else f" ({self.low:+.2f} to {self.high:+.2f})"
        return f"{self.value:+.2f}{interval}"


@dataclass(frozen=True)
class Contrast:
    """How much more one variant changes the angle than another, for the same patients.

    Args:
        agree, folds: how many of the folds, hence pairs of fitted networks, have the sign of the mean.
    """

    estimate: Estimate
    agree: int
    folds: int

    @property
    def clear(self) -> bool:
        """The interval is on one side of 0, and so is every one of at least two folds."""
        one_side = self.estimate.low > 0 or self.estimate.high < 0
        return one_side and 1 < self.folds == self.agree


def angles(results: Results, method: str, variant: str) -> pd.DataFrame:
    """Angles in degrees of one variant's test patients: `BEFORE`, `AFTER`, `CHANGE`, by seed, fold and patient."""
    facts = results.patient_facts
    if facts is None or not {BEFORE, AFTER} <= set(facts):
        facts = pd.DataFrame({name: [] for name in ("method", "variant", "seed", "fold", "patient_id", BEFORE, AFTER)})
    mine = facts[(facts["method"] == method) & (facts["variant"] == variant)]
    mine = mine.set_index(["seed", "fold", "patient_id"])[[BEFORE, AFTER]].astype(float).dropna()
    return mine.assign(**{CHANGE: mine[AFTER] - mine[BEFORE]})


def bootstrap_mean(values: ArrayLike, seed: int = 0) -> Estimate:
    """Mean of values (n,) with its 95 % percentile interval, drawing patients again; no interval below two patients."""
    from scipy.stats import bootstrap

    known = np.asarray(values, dtype=float)
    if len(known) < 2:
        return Estimate(float(known.mean()) if len(known) else math.nan, math.nan, math.nan, len(known))
    # In batches, for all resamples of a thousand patients at once would take a hundred megabytes.
    interval = bootstrap(
        (known,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=500,
        confidence_level=LEVEL,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Estimate(float(known.mean()), float(interval.low), float(interval.high), len(known))


def contrast(results: Results, method: str, first: str, second: str) -> Contrast:
    """First variant's change of the angle less the second's, paired by patient; patients of both alone count."""
    pairs = (angles(results, method, first)[CHANGE] - angles(results, method, second)[CHANGE]).dropna()
    estimate = bootstrap_mean(pairs)
    by_fold = pairs.groupby(level=["seed", "fold"]).mean()
    return Contrast(estimate, int((np.sign(by_fold) == np.sign(estimate.value)).sum()), len(by_fold))
