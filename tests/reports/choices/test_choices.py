"""Settings against the chosen one: gains, adjusted p, and what is said of them."""

import pytest
from made_up import made_up, plan

from strokebench.reports.ablation.table import Entry
from strokebench.reports.choices.table import choices_lead, choices_table, setting_gains
from strokebench.reports.statistics.decisions import holm
from strokebench.reports.statistics.headline import Headline, headline_of
from strokebench.reports.statistics.paired import UNTESTED

VARIANTS = {"": "as it is", "good": "a good one", "same": "another"}
ENTRIES = [Entry("concat", variant, "complete", label, complete=not variant) for variant, label in VARIANTS.items()]


@pytest.fixture(scope="module")
def results():
    return made_up(plan(("concat",), tuple(VARIANTS)), {"good": 3.0, "same": 1.0, "concat": 1.0})


def test_gains_are_the_headline_s_and_p_is_adjusted_over_the_method_s_settings(results):
    headline = Headline(results)
    good, same = setting_gains(results, headline, ENTRIES)
    name = {setting.variant: name for name, setting in results.settings.items()}
    tests = [headline.difference(name[variant], name[""]) for variant in ("good", "same")]
    assert [good.gain, same.gain] == tests
    assert [good.p_holm, same.p_holm] == pytest.approx(list(holm([test.p for test in tests])))
    assert good.shown and not same.shown
    said = choices_lead(results, [good, same], "the default")
    assert "of 2 changes against the default 1 shown to matter (a good one +" in said and "another" not in said


def test_the_table_has_a_row_a_setting_and_says_what_is_shown(results):
    table = choices_table(results, headline_of(results), "t", "T", ENTRIES, "the default", "Choice", [])
    chosen, good, same = table.rows
    assert chosen.cells["gain"].text == "the default" and "verdict" not in chosen.cells
    assert good.cells["verdict"].text == "a gain is shown" and same.cells["gain"].text.count(",") == 1
    assert [row.done for row in table.rows] == [20, 20, 20]


def test_under_five_runs_nothing_is_tested_and_so_said(results):
    few = made_up(plan(("concat",), tuple(VARIANTS), seeds=(39,), folds=range(4)))
    assert setting_gains(few, headline_of(few), ENTRIES) == []
    assert choices_lead(few, [], "the default").startswith("Too few runs")
    planned = plan(("concat",), tuple(VARIANTS))
    nothing = made_up(planned, lost=dict.fromkeys(planned, "missing"))
    table = choices_table(nothing, headline_of(nothing), "t", "T", ENTRIES, "the default", "Choice", [])
    assert [row.done for row in table.rows] == [0, 0, 0]


def test_of_perfect_predictions_it_says_why_nothing_is_tested():
    perfect = made_up(plan(("concat",), tuple(VARIANTS)), 200.0)
    found = setting_gains(perfect, headline_of(perfect), ENTRIES)
    assert found == [] and UNTESTED in choices_lead(perfect, found, "the default")


def test_four_hospitals_of_one_seed_are_enough():
    sites = {fold: (name, 60, 20) for fold, name in enumerate("ABCD")}
    loho = made_up(
        plan(("concat",), tuple(VARIANTS), seeds=(39,), folds=sites), {"good": 4.0, "concat": 0.0}, sites=sites
    )
    assert [found.gain.runs for found in setting_gains(loho, headline_of(loho), ENTRIES)] == [4, 4]
