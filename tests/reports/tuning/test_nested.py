"""What folds choose on their validation parts, and what stands beside the defaults."""

from dataclasses import replace

import numpy as np
import pytest
from made_up import made_up, plan

from strokebench.reports.results import Results
from strokebench.reports.statistics.paired import UNTESTED
from strokebench.reports.tuning.nested import TUNED, choices, nested_lead, nested_table, with_choices

VARIANTS = ("", "a=1", "a=2")


def searched(signal: dict[str, float], lost=None) -> Results:
    """VDAFM at three settings; the validation part tells what the signal is."""
    results = made_up(plan(variants=VARIANTS), signal, lost)
    scores = results.runs["variant"].map(signal).where(results.runs["status"] == "done")
    return replace(results, runs=results.runs.assign(validation_score=scores))


def test_each_fold_takes_what_is_best_on_its_validation_part():
    results = searched({"": 1.0, "a=1": 0.5, "a=2": 3.0})
    fold = (results.runs["seed"] == 40) & (results.runs["fold"] == 2)
    results.runs.loc[fold & (results.runs["variant"] == "a=1"), "validation_score"] = 9.0
    chosen = choices(results).set_index(["seed", "fold"])["variant"]
    assert len(chosen) == 20 and chosen[40, 2] == "a=1"
    assert set(chosen.drop((40, 2))) == {"a=2"}
    by_run = with_choices(results, choices(results)).predictions.groupby(["variant", "seed", "fold"])["p"]
    original = results.predictions.groupby(["variant", "seed", "fold"])["p"]
    for fold, variant in ((40, 2), "a=1"), ((39, 0), "a=2"):
        np.testing.assert_array_equal(by_run.get_group((TUNED, *fold)), original.get_group((variant, *fold)))


def test_of_equals_the_default_is_kept():
    assert set(choices(searched(dict.fromkeys(VARIANTS, 1.0)))["variant"]) == {""}


@pytest.mark.parametrize(("status", "known"), [("missing", 19), ("failed", 20)])
def test_no_fold_chooses_before_all_settings_have_ended(status: str, known: int):
    results = searched({"": 1.0, "a=1": 0.5, "a=2": 3.0}, {("vdafm", "a=1", "complete", 39, 0): status})
    both = with_choices(results, choices(results))
    done = both.runs.query("variant == @TUNED and status == 'done'")
    assert len(both.runs.query("variant == @TUNED")) == 20 and len(done) == known
    assert [row.done for row in nested_table(both, 3).rows] == [20, known]


def test_the_lead_counts_gains_that_are_more_than_noise():
    better = searched({"": 0.5, "a=1": 0.5, "a=2": 3.0})
    assert "in 1 of 1 methods (VDAFM)" in nested_lead(with_choices(better, choices(better)))
    alike = searched(dict.fromkeys(VARIANTS, 1.0))
    assert "in 0 of 1 methods and loses in 0; the mean change is +0.00 points" in nested_lead(
        with_choices(alike, choices(alike))
    )


def test_of_perfect_predictions_it_says_why_nothing_is_tested():
    perfect = searched(dict.fromkeys(VARIANTS, 200.0))
    assert UNTESTED in nested_lead(with_choices(perfect, choices(perfect)))
