"""What is said of image and text: gains that are there are found, and none where there is none."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from made_up import made_up, plan
from scipy.special import expit, logit

from strokebench.reports.added_value.measure import CLINICAL, STEPS, THRESHOLDS, Step, measure
from strokebench.reports.added_value.section import added_value_section, lead, sentence
from strokebench.reports.statistics.decisions import non_inferior, verdict
from strokebench.reports.statistics.paired import PairedTest
from strokebench.tasks.endpoints.ordinal import Ordinal

CONDITIONS = tuple(condition.id for condition in (CLINICAL, *STEPS.values()))


def results(method="concat", lost=None, **signal):
    named = dict(zip(("table", "image", "text", "both"), CONDITIONS, strict=True))
    strengths = {condition: signal.get(name, 1.0) for name, condition in named.items()}
    return made_up(plan((method,), conditions=CONDITIONS), strengths, lost)


@cache
def first_step() -> Step:
    return measure(results())[0]


def step(value: float, low: float, high: float, p: float) -> Step:
    first = first_step()
    return replace(first, gain=PairedTest(value, low, high, se=np.nan, p=p, runs=first.runs), p_holm=p)


def test_a_source_that_tells_more_is_found_to_add_and_one_that_tells_nothing_new_is_not():
    image, text, both = measure(results(image=3.0, both=3.0))
    assert image.gains and both.gains and image.after - image.before == pytest.approx(image.gain.value)
    assert not text.gains and text.gain.low < 0 < text.gain.high
    assert image.brier.low > 0 and image.net_benefit[0.3].low > 0
    assert [found.added for found in (image, text, both)] == list(STEPS)


def test_a_loss_is_a_loss():
    image, *_ = measure(results(image=0.0))
    assert image.loses and not non_inferior(image.gain) and "loss is shown" in sentence(image)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((0.04, 0.01, 0.07, 0.01), "a gain is shown"),
        ((0.04, 0.001, 0.08, 0.06), "no gain shown, no loss of 2 points"),
        ((-0.04, -0.07, -0.01, 0.01), "a loss is shown"),
        ((0.001, -0.01, 0.012, 0.9), "no gain or loss of 2 points"),
        ((0.01, -0.015, 0.035, 0.4), "no gain shown, no loss of 2 points"),
        ((-0.01, -0.03, 0.015, 0.6), "no loss shown, no gain of 2 points"),
        ((-0.04, -0.07, -0.001, 0.06), "no loss shown, no gain of 2 points"),
        ((0.01, -0.03, 0.05, 0.6), "nothing is shown"),
    ],
)
def test_what_is_said_follows_the_interval_and_the_adjusted_p(given, said):
    assert verdict(step(*given).gain, given[-1]) == said
    assert f"{100 * given[0]:+.1f} points" in sentence(step(*given))


def test_an_interval_beside_zero_whose_adjusted_p_shows_nothing_says_why():
    alone = step(0.04, 0.001, 0.08, 0.04)
    said = sentence(replace(alone, p_holm=0.08))
    assert said.endswith(": not shown, since p is 0.080 by Holm over the method's steps")


def test_a_gain_that_cannot_be_is_ruled_out():
    assert sentence(step(-0.01, -0.03, 0.015, 0.6)).endswith("gain of 2 points is ruled out; a loss is not, nor shown")
    assert sentence(step(0.01, -0.03, 0.05, 0.6)).endswith(": neither a gain nor its absence is shown")


def test_of_a_single_run_nothing_is_shown():
    said = sentence(step(0.04, np.nan, np.nan, np.nan))
    assert said.endswith("+4.0 points of AUC: no interval can be given, so nothing is shown")
    assert verdict(step(0.04, np.nan, np.nan, np.nan).gain, np.nan) == "nothing is shown"


def test_the_p_of_a_method_s_steps_is_adjusted_for_their_number():
    steps = measure(results(image=1.4))
    least = min(steps, key=lambda found: found.gain.p)
    assert least.p_holm == pytest.approx(min(1, 3 * least.gain.p))


def test_a_step_without_finished_runs_is_left_out_and_none_is_said():
    lost = dict.fromkeys(plan(("concat",), conditions=CONDITIONS[:1]), "missing")
    assert measure(results(lost=lost)) == []
    assert "nothing can be said" in lead([])
    lost = dict.fromkeys(plan(("concat",), conditions=CONDITIONS[1:2]), "missing")
    assert [found.added for found in measure(results(lost=lost))] == ["text", "image and text"]


def test_the_section_has_a_row_and_a_sentence_a_step():
    section = added_value_section(results(image=3.0), "Added value")
    table = section.panels[0].content
    assert [row.label for row in table.rows] == ["+ image", "+ text", "+ image and text"]
    titles = [column.title for column in section.panels[1].content.columns]
    assert titles[1:] == [f"Net benefit at {100 * at:g} %" for at in THRESHOLDS]
    assert "Mean in percent over 20 runs" in table.caption and "bold" not in table.caption
    assert all(row.done == row.planned == 20 for row in table.rows)
    assert section.lead.count("points of AUC") == 3 and "a gain is shown" in section.lead


def test_without_a_draw_of_test_parts_the_patients_alone_decide():
    found = results(image=1.5)
    other = replace(found, provenance={**found.provenance, "protocol": "holdout"})
    cv5, holdout = measure(found)[0], measure(other)[0]
    assert cv5.gain.value == holdout.gain.value and not np.isclose(cv5.gain.low, holdout.gain.low)


def test_of_grades_the_gain_is_one_of_c_and_no_net_benefit_is_made_up():
    binary = results(image=3.0)
    above = expit(logit(binary.predictions["p"].to_numpy())[:, None] + [1, -1])
    grades = Ordinal("mrs", 0, 2)
    y = binary.predictions["y"] + (binary.predictions["patient_id"].str[-1] == "0")
    columns = grades.columns(grades.from_cuts(above))
    predictions = binary.predictions.drop(columns="p").assign(y=y.astype("int8"), **columns)
    graded = replace(binary, predictions=predictions, provenance=binary.provenance | {"outcome": grades.expression})
    image, text, _ = measure(graded)
    assert image.metric == "c" and image.gains and not text.gains
    means = graded.metrics.groupby("condition")["c"].mean()
    assert image.gain.value == pytest.approx(means[STEPS["image"].id] - means[CLINICAL.id])
    assert image.brier.low > 0 and not image.net_benefit
    section = added_value_section(graded, "Added value")
    titles = [column.title for panel in section.panels[:2] for column in panel.content.columns]
    assert titles == ["c, table", "with it", "Gain, points", "p (Holm)", "What is shown", "Brier falls by"]
    assert "points of c" in section.lead and "AUC" not in section.lead


def test_a_hospital_left_out_of_every_number_is_in_no_step_either():
    """One event alone has no variance: with it no step had an interval."""
    sites = {fold: (name, 60, 20) for fold, name in enumerate("ABC")} | {3: ("D", 30, 1)}
    planned = plan(("concat",), conditions=CONDITIONS, seeds=(39, 40), folds=sites)
    without = made_up([run for run in planned if run[-1] < 3], sites=sites)
    every = made_up(planned, sites=sites)
    assert list(every.too_small) == [3]
    rows = added_value_section(every, "Added value").panels[0].content.rows
    assert [row.runs for row in rows] == ["6/6"] * 3
    for found, expected in zip(measure(every), measure(without), strict=True):
        assert found.gain.value == expected.gain.value and found.brier.value == pytest.approx(
            expected.brier.value, abs=0.01
        )
        assert found.gain.tested and found.net_benefit[0.3].runs == 6
