"""The angle between a patient's image and text representations before and after both are encoded jointly, in a table
and in words: before, after, the change, and what the losses have to do with it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from strokebench.reports.results import SETTING, Results
from strokebench.reports.statistics.intervals import LEVEL, Interval
from strokebench.reports.summary import run_counts
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.results_table import results_table
from strokebench.reports.tables.table import DASH, Cell, Column, Kind, Row, Table, text_columns
from strokebench.tasks.metrics.evaluate import mean_std
from strokebench.tasks.paper_setup import ANGLE_SEED

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


def bootstrap_mean(values: ArrayLike) -> Estimate:
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
        rng=np.random.default_rng(0),
    ).confidence_interval
    return Estimate(float(known.mean()), float(interval.low), float(interval.high), len(known))


def contrast(results: Results, method: str, first: str, second: str) -> Contrast:
    """First variant's change of the angle less the second's, paired by patient; patients of both alone count."""
    pairs = (angles(results, method, first)[CHANGE] - angles(results, method, second)[CHANGE]).dropna()
    estimate = bootstrap_mean(pairs)
    by_fold = pairs.groupby(level=["seed", "fold"]).mean()
    return Contrast(estimate, int((np.sign(by_fold) == np.sign(estimate.value)).sum()), len(by_fold))


NOTES = (
    f"Intervals: percentile bootstrap over patients, {RESAMPLES} resamples; differences are paired by patient. "
    "They take the fitted networks as given: how much another training would change is seen by fold only.",
    "Which two representations the paper compares is our reading. Before, image and text lie in spaces of "
    "their own; the contrastive loss compares the text with the image mapped into its space, which is neither.",
)


def angle_table(results: Results, variants: Mapping[str, str], reference: str) -> Table:
    """Mean angles and their change a variant, and how much more `reference` changes them than each other one.

    Args:
        variants: variant -> its label, in the order of rows. reference: one of them.
    """
    columns = [
        Column("patients", "Patients", Kind.COUNT),
        *text_columns(before="Before", after="After", change="Change (95 % CI)", folds="Change by fold"),
    ]
    rows: list[Row] = []
    labels: dict[tuple[str, ...], str] = {}
    for method in results.methods:
        mine = results.runs[results.runs["method"] == method.name]
        runs = {variant: mine[mine["variant"] == variant] for variant in variants}
        for variant, label in variants.items():
            if runs[variant].empty:
                continue
            labels |= {tuple(map(str, key)): label for key in runs[variant][list(SETTING)].itertuples(index=False)}
            cells = _angle_cells(results, method.name, variant)
            rows.append(_row(method.name, variant, label, method.label, cells, runs[variant]))
        for variant, label in variants.items():
            if variant == reference or runs[variant].empty or runs[reference].empty:
                continue
            named = f"{variants[reference]} less {label[0].lower()}{label[1:]}"
            both = pd.concat([runs[reference], runs[variant]])
            cells = _contrast_cells(contrast(results, method.name, reference, variant))
            rows.append(
                _row(method.name, f"{reference} - {variant}", named, f"{method.label}: difference", cells, both)
            )
    title = "Angle between image and text before and after joint encoding"
    incomplete = "Incomplete: a row with fewer runs than planned shows the patients of its finished runs only."
    return results_table(
        results, "alignment", title, columns, rows, _caption(results), NOTES, labels, incomplete, head="Losses"
    )


def angle_lead(results: Results, variants: Mapping[str, str], reference: str, other: str) -> str:
    """The change with all losses, without one, and whether the difference is more than chance."""
    if not len(results.runs):
        return "Nothing was planned: no wanted method can be run on this cohort."
    sentences = []
    for method in results.methods:
        mine = angles(results, method.name, reference)
        if mine.empty:
            sentences.append(f"{method.label}: no angles with {variants[reference].lower()} yet.")
            continue
        change = bootstrap_mean(mine[CHANGE])
        verb = "narrows" if change.value < 0 else "widens"
        with_all = variants[reference].lower()
        sentences.append(
            f"{method.label} ({seeds_in_words(results)}, {change.n} test patients): with {with_all}, joint encoding "
            f"{verb} the mean angle between image and text from {mine[BEFORE].mean():.1f}° to "
            f"{mine[AFTER].mean():.1f}°, a change of {_interval(change)}."
        )
        against = contrast(results, method.name, reference, other)
        if against.estimate.n < 2:
            sentences.append(f"{variants[other]}: nothing to compare yet.")
            continue
        verdict = (
            "more than chance over patients, and of one sign in every fold"
            if against.clear
            else f"of that sign in {against.agree} of {against.folds} folds: not distinguishable from noise"
        )
        without = angles(results, method.name, other)[CHANGE].mean()
        sentences.append(
            f"{variants[other]}, the change is {without:+.2f}°; "
            f"the difference is {_interval(against.estimate)}, {verdict}."
        )
    lacking = int((results.runs["status"] != "done").sum())
    sentences += [f"{lacking} of {len(results.runs)} runs are not finished."] if lacking else []
    return " ".join(sentences)


def seeds_in_words(results: Results) -> str:
    """`seed 42`, or which one stands for it."""
    seeds = sorted(int(seed) for seed in results.runs["seed"].unique())
    named = f"seed{'' if len(seeds) == 1 else 's'} {', '.join(map(str, seeds))}"
    return named if ANGLE_SEED in seeds or not seeds else f"{named}, for {ANGLE_SEED} was not run"


def _interval(estimate: Estimate) -> str:
    return f"{estimate.value:+.2f}° (95 % interval {estimate.low:+.2f} to {estimate.high:+.2f})"


def _angle_cells(results: Results, method: str, variant: str) -> dict[str, Cell]:
    mine = angles(results, method, variant)
    by_fold = mine[CHANGE].groupby(level=["seed", "fold"]).mean()
    return {
        "patients": Cell(len(mine)),
        "before": Cell(text=_mean_deviation(mine[BEFORE])),
        "after": Cell(text=_mean_deviation(mine[AFTER])),
        "change": Cell(text=str(bootstrap_mean(mine[CHANGE]))),
        "folds": Cell(text=f"{by_fold.min():+.2f} to {by_fold.max():+.2f}" if len(by_fold) else DASH),
    }


def _contrast_cells(found: Contrast) -> dict[str, Cell]:
    return {
        "patients": Cell(found.estimate.n),
        "before": Cell(),
        "after": Cell(),
        "change": Cell(text=str(found.estimate)),
        "folds": Cell(text=f"same sign in {found.agree} of {found.folds}" if found.folds else DASH),
    }


def _row(method: str, variant: str, label: str, group: str, cells: dict[str, Cell], runs: pd.DataFrame) -> Row:
    return Row(f"{method}/{variant}", label, group, cells, **run_counts(runs))


def _mean_deviation(values: pd.Series) -> str:
    return "{:.2f} ({:.2f})".format(*mean_std(values.tolist())) if len(values) else DASH


def _caption(results: Results) -> str:
    return (
        f"{words.outcome_in_words(results)} Degrees: mean (population "
        f"standard deviation over patients) of the test patients of {seeds_in_words(results)}. Before: the image's and "
        "the text's representations as they are reduced to one size; after: the same two as they leave the joint "
        "encoder. 90° is what unrelated directions have."
    )
