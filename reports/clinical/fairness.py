"""Are patients of one group served worse than the others? Each group's own numbers, and gaps, with intervals."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strokebench.reports.clinical.pooled import of_patients
from strokebench.reports.clinical.subgroups import Grouping, small
from strokebench.reports.statistics.delong import delong
from strokebench.reports.statistics.intervals import (
    ENDS,
    LEVEL,
    UNDEFINED,
    Interval,
    at_its_ends,
    independent_difference,
)
from strokebench.reports.statistics.scores import Scores
from strokebench.tasks.metrics.evaluate import THRESHOLD


@dataclass(frozen=True)
class Side:
    """One method on the patients of one side of a gap alone.

    Args:
        n: patients. warning: why so few say little.
        observed_less_predicted: how much more often than predicted the outcome comes: above 0 risk is understated.
    """

    n: int
    warning: str
    auc: Interval
    sensitivity: Interval
    specificity: Interval
    observed_less_predicted: Interval


@dataclass(frozen=True)
class Gap:
    """A group less all other patients, for one method; different patients, hence independent.

    Args:
        grouping, group: `sex`, `F`. against: `M` where there are two groups, else `others`.
        n: patients of the group. warning: why its numbers say little, on the smaller of both sides.
        sides: the group's own numbers, and those of the second group where there are two.
        auc, sensitivity, specificity: gaps, below 0 where the group is served worse.
        observed_less_predicted: how much more often than predicted the outcome comes, in the group less in the others:
            above 0 its risk is understated, relative to theirs.
    """

    grouping: str
    group: str
    against: str
    n: int
    warning: str
    sides: Mapping[str, Side]
    auc: Interval
    sensitivity: Interval
    specificity: Interval
    observed_less_predicted: Interval


def gaps(raw: Scores, calibrated: Scores, name: str, groupings: Sequence[Grouping]) -> list[Gap]:
    """Every group against the others; of two groups the first alone, for the second is its mirror.

    Args:
        raw: probabilities as trained, by which patients are called from `THRESHOLD` on, as in Table 1.
        calibrated: with the balance of training undone; the same patients and seeds.
    """
    found = []
    for grouping, membership, order in groupings:
        groups = [group for group in order if (membership == group).any()]
        for group in groups[:1] if len(groups) == 2 else groups if len(groups) > 2 else []:
            inside = membership == group
            measured = [[*_measures(raw, calibrated, name, part)] for part in (inside, ~inside)]
            ends = [independent_difference(one, other) for one, other in zip(*measured, strict=True)]
            sizes = [(int(part.sum()), int(raw.y[part].sum())) for part in (inside, ~inside)]
            own, rest = (Side(size[0], small(*size), *four) for size, four in zip(sizes, measured, strict=True))
            sides = dict(zip(groups, (own, rest), strict=True)) if len(groups) == 2 else {group: own}
            against = groups[1] if len(groups) == 2 else "others"
            found.append(Gap(grouping, group, against, own.n, own.warning or rest.warning, sides, *ends))
    return found


def _measures(raw: Scores, calibrated: Scores, name: str, part: NDArray[np.bool_]) -> Iterator[Interval]:
    """AUC, sensitivity, specificity and observed less predicted risk of these patients, (n,), with intervals."""
    from scipy.stats import t

    scores = of_patients(raw, part)
    place = scores.names.index(name)
    events = int(scores.y.sum())
    if 0 < events < len(scores.y):
        yield at_its_ends(delong(scores).interval(place), events, len(scores.y) - events)
    else:
        yield UNDEFINED
    p = scores.p[place]
    called = np.where(np.isnan(p), np.nan, p >= THRESHOLD)
    yield _share(called[:, scores.y])
    yield _share(1 - called[:, ~scores.y])
    risks = of_patients(calibrated, part)
    excess = _by_patient(risks.y - risks.p[place])
    # By Student's t: of two or three patients the normal interval is far too short.
    half = t.ppf(ENDS[1], len(excess) - 1) * excess.std(ddof=1) / np.sqrt(len(excess)) if len(excess) > 1 else np.nan
    mean = float(excess.mean()) if len(excess) else np.nan
    yield Interval(mean, mean - half, mean + half)


def _by_patient(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means over seeds of the patients who were tested: (seeds, n) -> (tested,)."""
    tested = ~np.isnan(values)
    counts = tested.sum(axis=0)
    return (np.where(tested, values, 0).sum(axis=0) / np.maximum(counts, 1))[counts > 0]


def _share(called: NDArray[np.float64]) -> Interval:
    """Wilson's interval of a share, (seeds, n); a patient counts once, however many seeds called it."""
    from statsmodels.stats.proportion import proportion_confint

    shares = _by_patient(called)
    if not len(shares):
        return UNDEFINED
    low, high = proportion_confint(shares.sum(), len(shares), alpha=1 - LEVEL, method="wilson")
    return Interval(float(shares.mean()), float(low), float(high))
