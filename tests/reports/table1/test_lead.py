"""The finding of Table 1 is what its rows and the paired test say."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from strokebench.reports.statistics.decisions import equivalent
from strokebench.reports.statistics.headline import Headline
from strokebench.reports.statistics.paired import PairedTest
from strokebench.reports.summary import summarise
from strokebench.reports.table1.table import _distance, table1_lead
from strokebench.tasks.paper_setup import REFERENCE


def test_it_names_the_best_and_how_far_the_next_is(results):
    means = summarise(results).set_index("method")["AUC"].sort_values(ascending=False)
    first, second = means.index[:2]
    label = {method.name: method.label for method in results.methods}
    test = Headline(results).difference(first, second)
    lead = table1_lead(results)
    assert f"{label[first]} has the highest mean AUC of 8 methods, {100 * means.iloc[0]:.2f}" in lead
    assert f"The next, {label[second]}, lies {100 * test.value:.2f} points below it" in lead
    assert f"(95 % interval {100 * test.low:.2f} to {100 * test.high:.2f})" in lead
    assert ("not shown" in lead) == (not test.distinguishable)


def test_it_names_who_is_shown_to_be_practically_as_good(results):
    """A twin of the best, whose every prediction differs a little; the others are far or unsure."""
    best = summarise(results).set_index("method")["AUC"].idxmax()
    noise = np.random.default_rng(0).normal(0, 0.002, len(results.predictions))
    near = (results.predictions["p"] + noise).clip(0, 1)
    own = results.predictions[results.predictions["method"] == best]
    twin = own.assign(variant="twin", p=near.loc[own.index])
    runs = results.runs[results.runs["method"] == best].assign(variant="twin", variant_label="twin")
    both = replace(results, runs=pd.concat([results.runs, runs]), predictions=pd.concat([results.predictions, twin]))
    headline, methods = Headline(both), [s for s in both.settings.values() if s.method.name != best]
    first = next(name for name, s in both.settings.items() if s.method.name == best and not s.variant)
    alike = [s.label for s in methods if equivalent(headline.difference(s.name, first))]
    lead = table1_lead(both)
    assert f"Of all others {1 + len(alike)} {'are' if alike else 'is'} shown to lie within 2 points of it" in lead
    assert "(twin)" in lead.partition("Of all others")[2] or "(twin)" in lead.partition(" has the highest")[0]
    assert "Of all others none is shown to lie within 2 points of it, by the whole" in table1_lead(results)


def test_a_reference_row_that_is_better_is_above_and_never_the_best(results):
    methods = [replace(m, family=REFERENCE) if m.name == "vdafm" else m for m in results.methods]
    lead = table1_lead(replace(results, methods=methods))
    best = next(m.label for m in methods if m.name in ("sparsemm", "concat") and lead.startswith(m.label))
    assert f"{best} has the highest mean AUC of 7 methods" in lead
    assert "The best reference row, VDAFM, lies" in lead and "points above it" in lead


def test_two_of_the_same_mean_are_level():
    same = PairedTest(0.0, -0.02, 0.02, 0.01, 1.0, 20)
    assert _distance(same).startswith("level with it (95 % interval -2.00 to 2.00)")
    assert _distance(replace(same, value=-0.00004)).startswith("level with it")
    assert _distance(replace(same, value=-0.01)).startswith("1.00 points below it")


def test_what_is_incomplete_is_not_the_best(incomplete):
    assert "VDAFM" not in table1_lead(incomplete)


def test_few_runs_tell_nothing(make_results):
    lead = table1_lead(make_results(seeds=(39,), missing=dict.fromkeys(("concat", "svm"), 5)))
    assert "too few" not in lead
    two = make_results(seeds=(39,))
    two = replace(two, runs=two.runs[two.runs["fold"] < 2], predictions=two.predictions[two.predictions["fold"] < 2])
    assert "too few runs to tell that from chance" in table1_lead(two)
    assert "95 %" not in table1_lead(two)


@pytest.mark.parametrize(("protocol", "folds"), [("loho", 3), ("loho", 2), ("holdout", 1)])
def test_hospitals_and_patients_tell_something_whatever_the_runs(make_results, protocol: str, folds: int):
    few = make_results(seeds=(39,))
    runs, told = (frame[frame["fold"] < folds] for frame in (few.runs, few.predictions))
    few = replace(few, runs=runs, predictions=told, provenance={**few.provenance, "protocol": protocol})
    assert "95 % interval" in (lead := table1_lead(few)) and "too few runs" not in lead


def test_a_method_at_two_sizes_is_one_method(results):
    def twice(part):
        return pd.concat([part, part[part["method"] == "svm"].assign(variant="C=2", variant_label="C=2")])

    both = replace(results, runs=twice(results.runs), predictions=twice(results.predictions))
    assert "of 8 methods" in table1_lead(both)


def test_one_method_alone_is_the_best_of_its_settings(results):
    keep = lambda part: part[part["method"] == "svm"]  # noqa: E731
    parts = {
        name: pd.concat([keep(part), keep(part).assign(variant="C=2", variant_label="C=2")])
        for name, part in (("runs", results.runs), ("predictions", results.predictions))
    }
    assert "has the highest mean AUC of its settings, " in table1_lead(replace(results, **parts))
