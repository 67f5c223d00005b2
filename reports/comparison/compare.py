"""Which differences between methods are real? Every pair of methods, on the patients that both were tested on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Self

import numpy as np
import pandas as pd

from strokebench.errors import StrokebenchError
from strokebench.reports.results import Results, setting_names
from strokebench.reports.statistics.bootstrap import RESAMPLES, Difference, bootstrap
from strokebench.reports.statistics.decisions import ALPHA, hedges_g, holm
from strokebench.reports.statistics.decisions import probability_of_superiority as superiority
from strokebench.reports.statistics.delong import delong
from strokebench.reports.statistics.headline import Headline
from strokebench.reports.statistics.intervals import Interval
from strokebench.reports.statistics.paired import PairedTest
from strokebench.reports.statistics.scores import arrange
from strokebench.tasks.paper_setup import PROPOSED


@dataclass(frozen=True)
class Pair:
    """First method against second; every difference is first minus second, in AUC or c, over the `runs` that both have.

    Args:
        tested: what decides, with the interval of the headline (`strokebench.reports.statistics.headline`).
        drawn: by a bootstrap over patients, models as they are.
        p_holm: of the test, adjusted over all pairs. real: it is below 0.05.
        hedges: Hedges' g over runs. superiority: share of runs in which the first is the better one.
    """

    first: str
    second: str
    tested: PairedTest
    drawn: Difference
    hedges: float
    superiority: float
    p_holm: float = float("nan")
    real: bool = False

    @property
    def better(self) -> str:
        """The method with the higher value of the two."""
        return self.first if self.tested.value >= 0 else self.second

    @property
    def runs(self) -> int:
        """That both have."""
        return self.tested.runs

    def turned(self) -> Self:
        """The same comparison with the methods swapped."""
        return replace(
            self,
            first=self.second,
            second=self.first,
            tested=self.tested.turned(),
            drawn=self.drawn.turned(),
            hedges=-self.hedges,
            superiority=1 - self.superiority,
        )


@dataclass(frozen=True)
class MethodComparison:
    """Everything that the section prints.

    Args:
        names: methods with finished runs, the highest first. labels: as tables print them.
        metric: AUC, or c where grades are predicted.
        values: its mean over runs, or over hospitals left out, with the interval of the headline.
        narrow: with that of the bootstrap over patients.
        corrects: whether the headline allows for other training patients.
        pairs: by (first, second), both in the order of `names`.
        reference: None with fewer than two methods. left_out: labels of methods without a finished run.
        done, planned: runs by name.
        by_group: the metric by name and (seed, fold).
    """

    names: tuple[str, ...]
    labels: Mapping[str, str]
    metric: str
    values: Mapping[str, Interval]
    narrow: Mapping[str, Interval]
    pairs: Mapping[tuple[str, str], Pair]
    reference: str | None
    why_reference: str
    left_out: tuple[str, ...]
    done: Mapping[str, int]
    planned: Mapping[str, int]
    by_group: pd.DataFrame
    corrects: bool = False

    def pair(self, first: str, second: str) -> Pair:
        """First against second, in this direction."""
        found = self.pairs.get((first, second))
        return found if found is not None else self.pairs[second, first].turned()


def compare(
    results: Results, reference: str | None = None, n_resamples: int = RESAMPLES, seed: int = 0
) -> MethodComparison:
    """Compare all methods of these results with each other.

    Args:
        reference: a method; default VDAFM, or without it the best on the validation parts.
        n_resamples, seed: of the bootstrap; equal inputs give equal outputs.

    Raises:
        StrokebenchError: the reference is not among the methods with finished runs.
    """
    runs = results.runs.assign(name=setting_names(results.runs))
    counts = runs.groupby("name", sort=False)["status"]
    planned = {str(name): len(status) for name, status in counts}
    done = {str(name): int((status == "done").sum()) for name, status in counts}
    labels = {name: setting.label for name, setting in results.settings.items()}
    left_out = tuple(labels[name] for name in planned if not done[name])
    metric = results.endpoint.ranked_by
    if results.judged.empty:
        return MethodComparison((), labels, metric, {}, {}, {}, None, "", left_out, done, planned, pd.DataFrame())
    scores = arrange(results.judged, runs=results.runs, endpoint=results.endpoint)
    analytic = delong(scores)
    drawn = bootstrap(scores, n_resamples=n_resamples, seed=seed)
    headline = Headline(results, scores, analytic)
    order = sorted(range(len(scores.names)), key=lambda number: -np.nan_to_num(drawn.interval(number).value))
    names = tuple(scores.names[number] for number in order)
    chosen, why = _reference(results, names, reference)
    pairs = {}
    for first, second in combinations(order, 2):
        differences = analytic.aucs[first] - analytic.aucs[second]
        pair = Pair(
            scores.names[first],
            scores.names[second],
            headline.difference(scores.names[first], scores.names[second]),
            drawn.difference(first, second),
            hedges_g(differences),
            superiority(differences),
        )
        pairs[pair.first, pair.second] = pair
    return MethodComparison(
        names,
        labels,
        metric,
        {name: headline.auc(name) for name in names},
        {scores.names[number]: drawn.interval(number) for number in order},
        _judged(pairs),
        chosen,
        why,
        left_out,
        done,
        planned,
        pd.DataFrame(
            analytic.aucs.T, pd.MultiIndex.from_tuples(scores.groups, names=["seed", "fold"]), list(scores.names)
        ),
        headline.corrects,
    )


def _judged(pairs: Mapping[tuple[str, str], Pair]) -> dict[tuple[str, str], Pair]:
    adjusted = holm([pair.tested.p for pair in pairs.values()])
    return {
        key: replace(pair, p_holm=float(p), real=bool(p < ALPHA))
        for (key, pair), p in zip(pairs.items(), adjusted, strict=True)
    }


def _reference(results: Results, names: tuple[str, ...], wanted: str | None) -> tuple[str, str]:
    """Which method the others are held against, and why; never the best on the test parts, which would favour it."""
    own = {s.method.name: name for name, s in results.settings.items() if name in names and s.own}
    if wanted is not None:
        if wanted not in own:
            raise StrokebenchError(
                f"The reference {wanted!r} has no finished run.", f"Choose from: {', '.join(sorted(own))}."
            )
        return own[wanted], "as chosen"
    if PROPOSED in own:
        return own[PROPOSED], "the proposed method"
    runs = results.runs.assign(name=setting_names(results.runs))
    validation = pd.to_numeric(runs.loc[runs["name"].isin(names)].set_index("name")["validation_score"])
    means = validation.groupby(level=0, sort=True).mean()
    if means.notna().any():
        return str(means.idxmax()), f"the best by validation {results.endpoint.ranked_by}"
    return sorted(names)[0], f"the first by name: no validation {results.endpoint.ranked_by} is known"
