"""Angles of made-up patients with known changes."""

import math

import numpy as np
import pytest
from made_up import made_up, plan

from strokebench.benchmarks.experiments.alignment import COMPLETE, VARIANTS, WITHOUT
from strokebench.reports.angles.figure import draw_angles
from strokebench.reports.angles.table import (
    CHANGE,
    angle_lead,
    angle_table,
    angles,
    bootstrap_mean,
    contrast,
    seeds_in_words,
)

RUNS = plan(variants=list(VARIANTS), seeds=(42,))
NEITHER = list(VARIANTS)[2]
ANGLES = {COMPLETE: (88, 70), WITHOUT: (88, 80), NEITHER: (90, 90)}


def lead(results) -> str:
    return angle_lead(results, VARIANTS, COMPLETE, WITHOUT)


def test_every_patient_is_tested_once():
    mine = angles(made_up(RUNS, angles=ANGLES), "vdafm", COMPLETE)
    assert len(mine) == 200 and mine.index.get_level_values("patient_id").is_unique
    assert mine[CHANGE].mean() == pytest.approx(-18, abs=0.5)


def test_the_bootstrap_agrees_with_the_normal_interval():
    values = np.random.default_rng(1).normal(-5, 2, 400)
    found = bootstrap_mean(values)
    half = 1.96 * values.std() / math.sqrt(400)
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)
    assert found == bootstrap_mean(values)


def test_too_few_patients_have_no_interval():
    assert math.isnan(bootstrap_mean([3.0]).low)
    assert bootstrap_mean([]).n == 0
    assert bootstrap_mean([2.0, 2.0, 2.0]).low == 2


def test_differences_are_paired_by_patient():
    results = made_up(RUNS, angles=ANGLES)
    first, second = angles(results, "vdafm", COMPLETE), angles(results, "vdafm", WITHOUT)
    found = contrast(results, "vdafm", COMPLETE, WITHOUT)
    assert found.estimate.value == pytest.approx((first[CHANGE] - second[CHANGE]).mean())
    assert found.clear and (found.agree, found.folds) == (5, 5)
    assert not contrast(results, "vdafm", COMPLETE, COMPLETE).clear


def test_patients_of_one_variant_alone_do_not_count():
    lost = {run: "missing" for run in RUNS if run[1] == WITHOUT and run[4] > 1}
    found = contrast(made_up(RUNS, angles=ANGLES, lost=lost), "vdafm", COMPLETE, WITHOUT)
    assert found.estimate.n == 80 and found.folds == 2


def test_the_lead_tells_noise_from_an_effect():
    assert "more than chance" in lead(made_up(RUNS, angles=ANGLES))
    same = lead(made_up(RUNS, angles={**ANGLES, WITHOUT: (88, 70)}))
    assert "not distinguishable from noise" in same and "narrows" in same
    assert "widens" in lead(made_up(RUNS, angles={**ANGLES, COMPLETE: (70, 88)}))


def test_another_seed_is_said():
    assert seeds_in_words(made_up(RUNS)) == "seed 42"
    other = made_up(plan(variants=list(VARIANTS), seeds=(40,)), angles=ANGLES)
    assert "seed 40, for 42 was not run" in lead(other)


def test_the_table_has_each_variant_and_each_difference():
    rows = {row.key: row for row in angle_table(made_up(RUNS, angles=ANGLES), VARIANTS, COMPLETE).rows}
    assert list(rows) == [
        *(f"vdafm/{variant}" for variant in VARIANTS),
        f"vdafm/{COMPLETE} - {WITHOUT}",
        f"vdafm/{COMPLETE} - {NEITHER}",
    ]
    assert rows[f"vdafm/{COMPLETE}"].cells["patients"].value == 200
    change = rows[f"vdafm/{COMPLETE} - {WITHOUT}"].cells["change"].text
    assert float(change.split()[0]) == pytest.approx(-10, abs=0.7) and " to " in change
    assert rows[f"vdafm/{COMPLETE} - {WITHOUT}"].runs == "10/10"


def test_a_method_that_tells_no_angles():
    results = made_up(RUNS)
    assert "no angles" in lead(results)
    rows = angle_table(results, VARIANTS, COMPLETE).rows
    assert {row.cells["patients"].value for row in rows} == {0}
    assert len(draw_angles(results, "vdafm", VARIANTS).axes) == 3


def test_the_picture_has_a_panel_a_variant():
    panels = draw_angles(made_up(RUNS, angles=ANGLES), "vdafm", VARIANTS).axes
    assert [axes.get_title(loc="left").split(":")[0] for axes in panels] == list(VARIANTS.values())
