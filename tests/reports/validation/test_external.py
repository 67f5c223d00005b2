"""What methods lose elsewhere: other patients, so that both intervals count."""

from dataclasses import replace

import pytest
from made_up import made_up, plan
from statsmodels.stats.proportion import proportion_confint

from strokebench.reports.results import Results
from strokebench.reports.statistics.headline import Headline
from strokebench.reports.statistics.intervals import Interval, independent_difference
from strokebench.reports.validation.external import Direction, external_section, losses


def test_two_shares_are_as_far_apart_as_newcombe_says():
    """56 of 70 against 48 of 80 by Wilson's intervals: 0.2 (0.0524 to 0.3339), method 10 of Newcombe 1998."""
    shares = [Interval(k / n, *map(float, proportion_confint(k, n, method="wilson"))) for k, n in ((56, 70), (48, 80))]
    found = independent_difference(*shares)
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


def elsewhere(signal: dict[str, float]) -> Results:
    runs = plan(methods=tuple(signal), seeds=(0,), folds=(0,))
    results = made_up(runs, signal=signal, sites={0: ("elsewhere", 300, 100)})
    return replace(results, provenance={**results.provenance, "protocol": "external"})


@pytest.fixture(scope="module")
def direction() -> Direction:
    methods = ("concat", "random_forest")
    made, there = (made_up(plan(methods=methods), signal=2.0, n=n) for n in (200, 220))
    return Direction(made, elsewhere({"concat": 2.0, "random_forest": 0.3}), there, left_out=4)


def test_a_loss_joins_both_intervals(direction):
    forest, concat = losses(direction)
    assert (forest.label, concat.label) == ("Random Forest", "Concat")
    assert forest.made == Headline(direction.made).auc("random_forest")
    assert forest.tested == Headline(direction.tested).auc("random_forest")
    assert forest.lost == independent_difference(forest.tested, forest.made) and forest.lost.high < 0 < concat.lost.high
    assert forest.there == Headline(direction.there).auc("random_forest") and forest.slope.value < concat.slope.value


def test_what_is_lost_is_said_in_the_lead_and_counted_in_the_table(direction):
    section = external_section([direction])
    assert section.lead.endswith("a loss of AUC is shown for Random Forest (of 2 methods).")
    table = section.panels[0].content
    assert "Protocol external" in table.caption and [row.label for row in table.rows] == ["Random Forest", "Concat"]
    assert "(200 patients)" in table.rows[0].group and "4 of whom a model was made are left out" in table.rows[0].group
