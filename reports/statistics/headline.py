"""Which interval and which test stand in the headline. `docs/statistics.md` has the simulation that decided it."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from strokebench.reports.results import SETTING, Results
from strokebench.reports.statistics.decisions import holm
from strokebench.reports.statistics.delong import DeLong, delong
from strokebench.reports.statistics.discordance import widening
from strokebench.reports.statistics.gains import auc_gain
from strokebench.reports.statistics.intervals import Interval
from strokebench.reports.statistics.paired import (
    FEWEST_PARTS,
    PairedTest,
    by_part,
    combined_auc,
    corrected_auc,
    corrected_t,
    is_corrected,
    parts_of,
    test_share,
)
from strokebench.reports.statistics.scores import Scores, arrange
from strokebench.reports.summary import once

Key = tuple[str, str, str]
"""Values of `SETTING`."""

FEWEST_RUNS = 5
"""One whole cross-validation of five folds."""


class Headline:
    """Intervals and tests of the AUCs of these results, or of the generalised c where grades are predicted.

    Under cross-validation and `loho` they know the chance of test patients and of training patients; under other
    protocols that of test patients alone, by DeLong's test with the patient as cluster.

    Args:
        results: of an endpoint with `ranked_by`, with predictions.
        scores, analytic: these predictions arranged, and their `delong`, where they are known.
        share: n_test / n_train of the runs; default: as the protocol draws test parts.

    Attributes:
        corrects: whether training patients count. parts: see `parts_of`.
    """

    def __init__(
        self, results: Results, scores: Scores | None = None, analytic: DeLong | None = None, share: float | None = None
    ) -> None:
        self.scores = scores or arrange(results.judged, runs=results.runs, endpoint=results.endpoint)
        self.names, self.analytic = self.scores.names, analytic or delong(self.scores)
        self.parts = parts_of(results, self.scores.groups)
        self.corrects, self.share = is_corrected(results), test_share(results) if share is None else share

    def auc(self, name: str) -> Interval:
        """Mean AUC, or c, over the method's runs with its 95 % interval, symmetric on the logit scale.

        Under cross-validation it is DeLong's, widened by the method's discordance; of one seed, which has none, the
        corrected t, or DeLong's where runs that happen to agree make it narrower; where a test part holds a single
        patient of a class, the corrected t.
        """
        number = self.names.index(name)
        if not self.corrects:
            return self.analytic.interval(number)
        if self.parts is None:
            found = self.analytic.interval(number, widening(self.scores, number))
            if not math.isnan(found.low):
                return found
            corrected, plain = corrected_auc(self.analytic.aucs[number], self.share), self.analytic.interval(number)
            return plain if plain.high - plain.low > corrected.high - corrected.low else corrected
        return combined_auc(self.analytic.aucs[number], self.analytic.shares[number], self.share, self.parts)

    @property
    def fewest(self) -> int:
        """Runs from which on their spread tells something; of hospitals left out so many suffice, of patients none."""
        return 0 if not self.corrects else FEWEST_RUNS if self.parts is None else FEWEST_PARTS

    def difference(self, first: str, second: str) -> PairedTest:
        """First minus second on the runs that both have."""
        one, other = self.names.index(first), self.names.index(second)
        return auc_gain(self.analytic, other, one, self.share if self.corrects else None, self.parts)


@once
def headline_of(results: Results, share: float | None = None) -> Headline | None:
    """None where settings are not compared by what ranks patients, or nothing is predicted yet; `share` as there."""
    ranked = results.endpoint.ranked_by
    if ranked not in results.judged_by or results.compared_by != ranked or results.judged.empty:
        return None
    return Headline(results, share=share)


def differences_of(
    results: Results, pairs: Mapping[Key, Key], headline: Headline | None = None
) -> dict[Key, PairedTest]:
    """Settings against others in `Results.compared_by`, each by the test that holds under these results' protocol.

    Under `cv5` and `loho` the headline's; of another metric than AUC or c the corrected t. Elsewhere runs share their
    test part, and the corrected t would call equal methods different in up to half of the cohorts: there DeLong's test
    decides, the patient as cluster, adjusted by Holm over those that are held against one other. It needs an AUC or c;
    no test is made of another metric.

    Args:
        pairs: setting (`SETTING` values) -> the one that it is held against.
        headline: `headline_of` these results, where it is known.
    """
    metric, corrects = results.compared_by, is_corrected(results)
    by_run = {
        tuple(map(str, key)): runs.set_index(["seed", "fold"])[metric]
        for key, runs in results.metrics.groupby(list(SETTING), dropna=False)
    }
    share, none = test_share(results), results.metrics.iloc[:0].set_index(["seed", "fold"])[metric]
    headline = headline or headline_of(results)
    places = {s.key: name for name, s in results.settings.items() if headline and name in headline.names}
    found = {}
    for key, other in pairs.items():
        if headline and {key, other} <= places.keys():
            found[key] = headline.difference(places[key], places[other])
        else:
            apart = by_run.get(key, none) - by_run.get(other, none)
            parts = parts_of(results, list(apart.index))
            t = corrected_t(apart if parts is None else by_part(apart.to_numpy(float), parts), share)
            found[key] = t if corrects else replace(t, low=math.nan, high=math.nan, se=math.nan, p=math.nan)
    for other in () if corrects else set(pairs.values()):
        family = [key for key in pairs if pairs[key] == other]
        for key, p in zip(family, holm([found[key].p for key in family]), strict=True):
            found[key] = replace(found[key], p=float(p))
    return found


def auc_intervals(results: Results, headline: Headline | None = None) -> dict[str, Interval]:
    """The AUC, or c, of every setting by name; empty where neither compares them, or one has too few runs yet.

    Under cross-validation the interval is made of the spread over runs: under `FEWEST_RUNS` it has any width by luck.
    Under `loho` that is over hospitals, which suffice from `FEWEST_PARTS` on.
    """
    headline = headline or headline_of(results)
    if headline is None:
        return {}
    known = np.isfinite(headline.analytic.aucs)
    if headline.parts is not None:
        enough = min(len(set(headline.parts[runs])) for runs in known) >= FEWEST_PARTS
    else:
        enough = known.sum(axis=1).min() >= FEWEST_RUNS
    if headline.corrects and not enough:
        return {}
    return {name: headline.auc(name) for name in headline.names}
