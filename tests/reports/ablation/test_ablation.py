"""What an ablation says of made-up runs with known effects."""

from dataclasses import replace

import pandas as pd
import pytest
from made_up import made_up, plan
from statsmodels.stats.multitest import multipletests

from strokebench.benchmarks.experiments.table2 import conditions, entries
from strokebench.reports.ablation.figure import draw_ablation
from strokebench.reports.ablation.table import ablation_lead, ablation_table, below_complete, differences
from strokebench.reports.statistics.delong import delong
from strokebench.reports.statistics.paired import UNTESTED
from strokebench.reports.statistics.scores import arrange

NAMES = [condition.id for condition in conditions(["image", "text", "table"])]
ALIKE = dict.fromkeys(NAMES, 2.0)


def table(results, when="always"):
    return ablation_table(results, "table2", "T", entries(results, when), "table2" if when == "always" else "")


def test_rows_are_the_papers_in_its_order_with_its_numbers():
    found = table(made_up(plan(conditions=NAMES, seeds=(39,))))
    assert [row.label for row in found.rows] == [
        *("Text", "Image", "Table", "Text + Image", "Text + Table", "Image + Table", "Text + Image + Table")
    ]
    paper = {row.label: row.cells["AUC"].paper.mean for row in found.rows}
    assert (paper["Text"], paper["Image + Table"], paper["Text + Image + Table"]) == (49.51, 79.97, 81.06)


def test_the_papers_numbers_stand_neither_beside_other_methods_nor_beside_our_own_mode():
    results = made_up(plan(("vdafm", "concat"), conditions=NAMES, seeds=(39,)))
    assert all(row.has_paper == (row.group == "VDAFM") for row in table(results).rows)
    at_test = table(results, "test_only")
    assert not any(row.has_paper for row in at_test.rows)
    assert [row.label for row in at_test.rows][6] == "Text + Image + Table"


def test_each_row_is_compared_with_the_complete_one():
    results = made_up(plan(conditions=NAMES, seeds=(39, 40)), {**ALIKE, "text": 0.0})
    cells = {row.label: row.cells for row in table(results).rows}
    assert cells["Text + Image + Table"]["difference"].text == "reference"
    difference = cells["Text"]["AUC"].value - cells["Text + Image + Table"]["AUC"].value
    assert cells["Text"]["difference"].text.startswith(f"{100 * difference:+.2f} ± ")


def test_the_lead_tells_noise_from_an_effect():
    alike = made_up(plan(conditions=NAMES, seeds=(39, 40)), ALIKE)
    lead = ablation_lead(alike, "vdafm", entries(alike, "always"))
    assert "not distinguishable" in lead and "0 of 6" in lead
    lame = made_up(plan(conditions=NAMES, seeds=(39, 40)), {**ALIKE, "text": 0.0, "image@test": 0.0})
    lead = ablation_lead(lame, "vdafm", entries(lame, "always"))
    assert "1 of 6" in lead and "(text)" in lead
    assert "(image)" in below_complete(lame, "vdafm", entries(lame, "test_only"))


def under(protocol: str, results):
    return replace(results, provenance={**results.provenance, "protocol": protocol})


@pytest.mark.parametrize("protocol", ["holdout", "loho"])
def test_outside_of_cross_validation_delong_decides_with_holms_adjustment(protocol):
    """The runs of a hold-out share their test patients: a difference that all seeds share may be these patients'."""
    signal = {**ALIKE, "text": 1.5, "image": 0.0}
    results = under(protocol, made_up(plan(conditions=NAMES, seeds=(39, 40), folds=[0]), signal, n=400))
    scores = arrange(results.predictions, runs=results.runs)
    reduced = [name for name in NAMES if "@" not in name and name != "complete"]
    place = {name: scores.names.index(f"vdafm//{name}") for name in (*reduced, "complete")}
    tests = [delong(scores).test(place[name], place["complete"]) for name in reduced]
    adjusted = multipletests([test.p for test in tests], method="holm")[1]
    found = differences(results, entries(results, "always"))
    for name, test, p in zip(reduced, tests, adjusted, strict=True):
        mine = found["vdafm", "", name]
        assert (mine.value, mine.se, mine.p) == pytest.approx((test.value, test.se, p))
    count = sum(adjusted < 0.05)
    assert 0 < count < 6 and f"{count} of 6" in ablation_lead(results, "vdafm", entries(results, "always"))
    assert "DeLong" in table(results).notes[-2] + table(results).notes[-1]
    assert "Nadeau" not in "".join(table(results).notes)


def test_seeds_that_agree_on_the_same_patients_are_no_evidence():
    results = under(
        "holdout", made_up(plan(conditions=NAMES, seeds=(39, 40), folds=[0]), ALIKE, sites={0: ("North", 100, 40)})
    )
    p = results.predictions
    first = p.query("seed == 39").set_index(["condition", "patient_id"])["p"]
    p["p"] = first.loc[pd.MultiIndex.from_frame(p[["condition", "patient_id"]])].to_numpy()
    assert "0 of 6" in ablation_lead(results, "vdafm", entries(results, "always"))


def test_one_run_of_each_tells_nothing():
    results = made_up(plan(conditions=NAMES, seeds=(39,), folds=[0]), {**ALIKE, "text": -5.0})
    assert "Too few runs" in ablation_lead(results, "vdafm", entries(results, "always"))


def test_where_all_runs_are_finished_too_few_are_not_the_only_reason():
    perfect = made_up(plan(conditions=NAMES), 200.0)
    assert UNTESTED in ablation_lead(perfect, "vdafm", entries(perfect, "always"))


def test_without_the_complete_runs_nothing_is_compared():
    runs = plan(conditions=NAMES, seeds=(39,))
    results = made_up(runs, lost=dict.fromkeys([run for run in runs if run[2] == "complete"], "failed"))
    found = table(results)
    assert "nothing to compare" in ablation_lead(results, "vdafm", entries(results, "always"))
    assert {row.label: row.runs for row in found.rows}["Text + Image + Table"] == "0/5 (5 failed)"
    assert found.failures[0].label == "VDAFM, Text + Image + Table"


def test_the_lead_counts_incomplete_settings():
    runs = plan(conditions=NAMES, seeds=(39, 40))
    results = made_up(runs, ALIKE, lost={runs[0]: "missing"})
    assert "1 of 7 settings are incomplete" in ablation_lead(results, "vdafm", entries(results, "always"))


@pytest.mark.parametrize("lost", [False, True])
def test_the_picture_has_a_point_a_row_and_way(lost):
    runs = plan(conditions=NAMES, seeds=(39,))
    dead = [run for run in runs if run[2] == "text"] if lost else []
    results = made_up(runs, lost=dict.fromkeys(dead, "failed"))
    axes = draw_ablation(results, [(way, table(results, way)) for way in ("always", "test_only")]).axes[0]
    assert len(axes.containers) == 14 - lost
    assert any("no finished run" in text.get_text() for text in axes.texts) == lost
    assert "synthetic" in axes.figure.get_suptitle()
