"""What figure 5 says of made-up hospitals."""

import math

import pytest
from made_up import made_up, plan

from strokebench.reports.hospitals.figure import draw_hospitals
from strokebench.reports.hospitals.table import (
    Hospital,
    auc_table,
    few_patients,
    hospital_aucs,
    hospital_lead,
    hospital_table,
    hospitals,
    worst_hospital,
)
from strokebench.tasks.metrics.paper import PAPER_METRICS

SITES = {0: ("North", 200, 60), 1: ("South", 167, 36), 2: ("West", 150, 70)}
METHODS = ("vdafm", "concat", "random_forest")
RUNS = plan(METHODS, folds=SITES)


def weak_at(fold: int, sites=SITES, **more):
    """Methods see nothing at this hospital."""
    results = made_up(RUNS, 3.0, sites=sites, **more)
    p = results.predictions
    p["p"] = p["p"].where(p["fold"] != fold, 0.5 + 0.4 * (p["p"].rank() % 2 - 0.5))
    return results


def test_hospitals_with_size_and_prevalence():
    assert [hospital.facts for hospital in hospitals(made_up(RUNS, sites=SITES))] == [
        *("n = 200, 30.0 % positive", "n = 167, 21.6 % positive", "n = 150, 46.7 % positive")
    ]


def test_the_standard_error_is_hanley_and_mcneils():
    # An AUC of 0.8 on 46 positives and 100 negatives, worked by hand.
    q1, q2 = 0.8 / 1.2, 1.28 / 1.8
    expected = math.sqrt((0.16 + 45 * (q1 - 0.64) + 99 * (q2 - 0.64)) / 4600)
    assert Hospital(0, "x", 146, 46).standard_error(0.8) == pytest.approx(expected)
    assert math.isnan(Hospital(0, "x", 10, 0).standard_error(0.8))


def test_the_worst_hospital_is_named():
    results = weak_at(1)
    assert worst_hospital(results).name == "South"
    lead = hospital_lead(results)
    assert "Worst hospital: South (n = 167, 21.6 % positive)" in lead and "more than two of them" in lead


def test_equal_hospitals_are_within_chance():
    assert "within two of them" in hospital_lead(made_up(RUNS, 1.0, sites=SITES))


def test_who_leads_where():
    lead = hospital_lead(made_up(RUNS, {"concat": 4.0}, sites=SITES))
    assert "Concat has the highest mean AUC at 3 of 3 hospitals, at 3 of them" in lead


def test_a_hospital_of_one_class_has_no_auc_and_spoils_no_mean():
    results = made_up(RUNS, sites={**SITES, 2: ("West", 30, 0)})
    aucs = hospital_aucs(results)
    assert aucs[2].isna().all() and aucs[[0, 1]].notna().all(axis=None)
    for row in auc_table(results).rows:
        assert row.cells["AUC at West"].value is None
        expected = (row.cells["AUC at North"].value + row.cells["AUC at South"].value) / 2
        assert row.cells["mean"].value == pytest.approx(expected)
    assert worst_hospital(results).name in ("North", "South")
    assert "one class only" in few_patients(results)[0]
    axes = draw_hospitals(results).axes[2]
    assert "undefined" in [text.get_text() for text in axes.texts]


def test_small_hospitals_are_warned_of():
    assert few_patients(made_up(RUNS, sites=SITES)) == []
    (warning,) = few_patients(made_up(RUNS, sites={**SITES, 1: ("South", 12, 3)}))
    assert "South has 12 patients, 3 of them positive" in warning


def test_the_tables_agree():
    results = made_up(RUNS, sites=SITES)
    wide = {row.key: row for row in auc_table(results).rows}
    long = hospital_table(results)
    assert len(long.rows) == 9 and {row.runs for row in long.rows} == {"4/4"}
    assert {row.runs for row in wide.values()} == {"12/12"}
    for row in long.rows:
        fold, method = row.key.split("/")
        assert row.cells["AUC"].value == wide[method].cells[f"AUC at {SITES[int(fold)][0]}"].value
    assert "729" not in long.caption and "4 seeds" in long.caption


def test_an_unfinished_hospital_leaves_no_mean_to_compare():
    lost = {run: "missing" for run in RUNS if run[0] == "vdafm" and run[4] == 2}
    results = made_up(RUNS, sites=SITES, lost=lost)
    rows = {row.key: row for row in auc_table(results).rows}
    assert rows["vdafm"].cells["mean"].value is None and rows["vdafm"].runs == "8/12"
    assert rows["concat"].cells["mean"].value is not None
    assert "over 2 methods" in hospital_lead(results)


def test_a_panel_a_hospital_with_all_metrics_of_all_methods():
    results = weak_at(2)
    panels = draw_hospitals(results).axes
    assert len(panels) == 3
    for axes, (name, n, _) in zip(panels, SITES.values(), strict=True):
        assert axes.get_title(loc="left").startswith(f"{name}: n = {n}, ")
        assert [label.get_text() for label in axes.get_xticklabels()] == list(PAPER_METRICS)
        assert len(axes.containers) == len(METHODS)
    assert "lowest AUC" in panels[2].get_title(loc="left")
