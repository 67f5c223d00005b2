"""What figure 5 says of made-up hospitals."""

import io
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from grades import as_grades
from made_up import made_up, plan
from rich.console import Console
from scipy.special import logit

from strokebench.benchmarks.experiments.figure5 import Figure5
from strokebench.reports.hospitals.chance import by_hospital
from strokebench.reports.hospitals.figure import draw_forest, draw_hospitals
from strokebench.reports.hospitals.pooled import further_hospital, pooled, pooled_table
from strokebench.reports.hospitals.table import (
    auc_tables,
    few_patients,
    hospital_aucs,
    hospital_frame,
    hospital_lead,
    hospital_table,
    hospitals,
    worst_hospital,
)
from strokebench.reports.statistics.intervals import auc_interval
from strokebench.reports.statistics.random_effects import pool_aucs, pool_intervals
from strokebench.reports.summary import summarise
from strokebench.reports.table1.table import table1
from strokebench.reports.tables.terminal import TerminalTable
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


def test_the_chance_of_patients_is_their_influence_on_the_mean_over_methods_and_seeds():
    results = as_grades(made_up(plan(("vdafm", "concat"), seeds=(39, 40), folds=[0]), sites=SITES))
    shares = []
    for _, part in results.predictions.groupby(["method", "seed"]):
        y, score = part["y"].to_numpy(), part["p1"].to_numpy()
        pairs = y[:, None] < y
        right = np.where(pairs, score[:, None] < score, 0)
        c = right.sum() / pairs.sum()
        each = right.sum(axis=0) + right.sum(axis=1) - c * (pairs.sum(axis=0) + pairs.sum(axis=1))
        shares.append(each / pairs.sum() * np.sqrt(200 / 199))
    error = np.sqrt(np.square(np.mean(shares, axis=0)).sum())
    found = by_hospital(results)[0].interval(0.7, ["vdafm", "concat"])
    assert (logit(found.high) - logit(found.low)) / 2 == pytest.approx(1.959964 * error / (0.7 * 0.3))
    of_events = by_hospital(made_up(plan(("concat",), folds=[0]), sites=SITES))[0]
    assert of_events.interval(1.0, ["concat"]) == auc_interval(1.0, 60, 140)


def test_hospitals_are_compared_by_c_where_grades_are_predicted(tmp_path):
    results = as_grades(made_up(RUNS, 3.0, sites=SITES))
    view = Figure5().report(results, tmp_path)
    assert "mean c" in view.lead and "AUC" not in view.lead
    by_hand = results.metrics.groupby(["method", "fold"])["c"].mean()
    (table,) = auc_tables(results)
    assert table.title.startswith("c by hospital") and table.columns[0].title == "n"
    assert table.rows[1].cells["concat"].value == pytest.approx(by_hand["concat", 1])
    frame = hospital_frame(results).set_index(["hospital", "method"]).loc[("South", "concat")]
    assert 0 < frame["c_low"] < frame["c"] < frame["c_high"] < 1 and "events" not in frame
    assert hospitals(results)[0].facts == "n = 200, median mrs 0"
    chance = by_hospital(results)
    one = pooled(results)["concat"]
    expected = pool_intervals([chance[fold].interval(by_hand["concat", fold], ["concat"]) for fold in SITES])
    assert (one.mean.value, one.new.low) == pytest.approx((expected.mean.value, expected.new.low))
    written = {path.name for path in tmp_path.iterdir()}
    assert {"figure5_forest.svg", "figure5_pooled.csv", "figure5_table.csv"} <= written and "figure5.svg" not in written


def test_the_worst_hospital_is_named():
    results = weak_at(1)
    assert worst_hospital(results).name == "South"
    lead = hospital_lead(results)
    assert "Worst hospital: South (n = 167, 21.6 % positive)" in lead and "so more than chance" in lead


def test_equal_hospitals_are_within_chance():
    assert "so chance may be all of it" in hospital_lead(made_up(RUNS, 1.0, sites=SITES))


def test_who_leads_where():
    lead = hospital_lead(made_up(RUNS, {"concat": 4.0}, sites=SITES))
    assert "Concat has the highest mean AUC at 3 of 3 hospitals, at 3 of them" in lead


def means(results):
    (table,) = auc_tables(results)
    return {name: cell.value for name, cell in table.rows[-1].cells.items()}


def test_hospitals_of_one_class_or_few_patients_are_in_no_metric_and_named():
    small = {2: ("West", 30, 0), 3: ("East", 2, 1), 4: ("Isle", 40, 4)}
    results = made_up(plan(METHODS, folds=range(5)), sites={0: SITES[0], 1: SITES[1], **small})
    assert set(results.metrics["fold"]) == {0, 1} and results.metrics.notna().all(axis=None)
    without = made_up(plan(METHODS, folds=(0, 1)), sites={0: SITES[0], 1: SITES[1]})
    pd.testing.assert_frame_equal(
        summarise(results).drop(columns=["planned", "done"]), summarise(without).drop(columns=["planned", "done"])
    )
    said = (
        "Left out of every number, with fewer than 10 patients or fewer than 5 outside their commonest class "
        "(patients, of them outside it): East (2, 1), Isle (40, 4), West (30, 0)."
    )
    assert said in table1(results).caption and "Left out" not in table1(without).caption
    (table,) = auc_tables(results)
    by_name = {row.label: row for row in table.rows}
    for name in ("West", "East", "Isle"):
        assert {cell.value for cell in by_name[name].cells.values()} == {None}
    for method in METHODS:
        expected = (by_name["North"].cells[method].value + by_name["South"].cells[method].value) / 2
        assert means(results)[method] == pytest.approx(expected)
    assert worst_hospital(results).name in ("North", "South")
    assert "Not among these: 3 too small to be in any number." in hospital_lead(results)


@pytest.mark.parametrize(("n", "said"), [(9, ["Isle (9, 6)"]), (12, [])])
def test_fewer_than_ten_patients_are_too_few_of_grades_too(n, said):
    # Of each of three grades a third: six or more lie outside the commonest.
    sites = {0: SITES[0], 1: SITES[1], 2: ("Isle", n, 2 * n // 3)}
    assert list(as_grades(made_up(plan(("vdafm",), folds=sites), sites=sites)).too_small.values()) == said


def test_the_headline_rests_on_no_small_hospital():
    sites = {**SITES, 3: ("Isle", 40, 4)}
    results = made_up(plan(METHODS, folds=sites), sites=sites)
    p = results.predictions
    p["p"] = p["p"].where(p["fold"] != 3, 1 - p["p"])
    assert worst_hospital(results).name != "Isle" and "Isle" not in hospital_lead(results)


def test_a_hospital_whose_numbers_are_mostly_chance_is_warned_of():
    sites = {**SITES, 3: ("Isle", 40, 9)}
    (warning,) = few_patients(made_up(plan(METHODS, folds=sites), sites=sites))
    assert (
        "Isle (40 patients, 9 of them of the rarer class)" in warning and few_patients(made_up(RUNS, sites=SITES)) == []
    )


def test_numbered_hospitals_stand_in_the_order_of_their_numbers():
    sites = {0: ("1", 40, 12), 1: ("10", 40, 12), 2: ("2", 40, 12)}
    results = made_up(plan(METHODS, folds=sites), sites=sites)
    assert [hospital.name for hospital in hospitals(results)] == ["1", "2", "10"]
    (table,) = auc_tables(results)
    assert [row.label for row in table.rows[:3]] == ["1", "2", "10"]


def test_one_line_a_hospital_and_method():
    sites = {**SITES, 3: ("Isle", 2, 1)}
    frame = hospital_frame(made_up(plan(METHODS, folds=sites), sites=sites)).set_index(["hospital", "method"])
    assert len(frame) == 12
    south = frame.loc[("South", "concat")]
    assert (south["patients"], south["events"], south["left_out"]) == (167, 36, "")
    assert 0 < south["AUC_low"] < south["AUC"] < south["AUC_high"] < 1
    assert frame.loc[("Isle", "concat"), "left_out"] == "too small"


def test_thirty_six_hospitals_fit_a_terminal_and_a_page():
    sites = {fold: (f"Hospital of {fold:02d}", 60, 20) for fold in range(36)}
    results = made_up(plan(METHODS, seeds=(39,), folds=sites), sites=sites)
    console = Console(width=80, record=True, file=io.StringIO())
    for table in auc_tables(results):
        console.print(TerminalTable(table))
    lines = console.export_text().splitlines()
    for name, *_ in sites.values():
        (line,) = [line for line in lines if name in line]
        assert len(re.findall(r"\d+\.\d\d", line)) == len(METHODS) and line.endswith("3/3")
    (figure,) = draw_forest(results)
    assert figure.get_size_inches()[1] <= 11
    assert len(figure.axes) == len(METHODS) and len(figure.axes[0].get_yticklabels()) == 38


def test_long_names_leave_the_panels_of_a_forest_their_room(recwarn):
    long = "St. Mary's and the District General Hospital of a town whose name is long"
    sites = {fold: (f"{long} {fold}", 60, 20) for fold in range(10)}
    results = made_up(plan(METHODS[:2], seeds=(39,), folds=sites), sites=sites)
    (figure,) = draw_forest(results)
    figure.draw_without_rendering()
    assert not [warned for warned in recwarn if "layout" in str(warned.message)]
    assert all(axes.get_position().width * figure.get_figwidth() > 1.2 for axes in figure.axes)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(set(labels)) == 12 and "...ose name is long 7 (20/60)" in " ".join(labels)


def test_many_methods_take_several_tables_of_80_columns(make_results):
    results = make_results(seeds=(39,))
    tables = auc_tables(replace(results, predictions=results.predictions.assign(site="A")))
    assert len(tables) > 1 and len({table.name for table in tables}) == len(tables)
    columns = [column.title for table in tables for column in table.columns if column.key != "patients"]
    assert columns == [method.label for method in results.methods]
    assert all(sum(len(column.title) + 1 for column in table.columns[1:]) <= 40 for table in tables)


def test_the_tables_agree():
    results = made_up(RUNS, sites=SITES)
    (wide,) = auc_tables(results)
    long = hospital_table(results)
    assert len(long.rows) == 9 and {row.runs for row in long.rows} == {"4/4"}
    assert [row.runs for row in wide.rows] == ["12/12"] * 3 + ["36/36"]
    by_fold = {row.key: row for row in wide.rows}
    for row in long.rows:
        fold, method = row.key.split("/")
        assert row.cells["AUC"].value == by_fold[fold].cells[method].value
    assert "729" not in long.caption and "4 seeds" in long.caption


def test_an_unfinished_hospital_leaves_no_mean_to_compare():
    lost = {run: "missing" for run in RUNS if run[0] == "vdafm" and run[4] == 2}
    results = made_up(RUNS, sites=SITES, lost=lost)
    found = means(results)
    assert found["vdafm"] is None and found["concat"] is not None
    assert auc_tables(results)[0].rows[-1].runs == "32/36"
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


def test_random_effects_pool_the_hospitals_that_are_judged():
    sites = {**SITES, 3: ("Isle", 9, 4)}
    results = made_up(plan(METHODS, folds=sites), sites=sites)
    found = pooled(results)
    aucs = hospital_aucs(results).loc["concat", [0, 1, 2]]
    assert found["concat"] == pool_aucs(aucs, [60, 36, 70], [140, 131, 80])
    one = found["vdafm"]
    row = next(row for row in pooled_table(results).rows if row.key == "vdafm")
    assert row.cells["mean"].text == one.mean.text()
    assert row.cells["new"].text == f"[{100 * one.new.low:.1f}, {100 * one.new.high:.1f}]"
    assert f"like these 3, the AUC of VDAFM is to be expected between {100 * one.new.low:.0f}" in further_hospital(
        results
    )
    bars = [line for line in draw_forest(results)[0].axes[0].lines if line.get_linewidth() == 4]
    assert list(bars[0].get_xdata()) == [100 * one.new.low, 100 * one.new.high] and list(bars[0].get_ydata()) == [4, 4]


def test_an_unfinished_method_is_not_pooled():
    lost = {run: "missing" for run in RUNS if run[0] == "vdafm" and run[4] == 2}
    results = made_up(RUNS, sites=SITES, lost=lost)
    assert set(pooled(results)) == {"concat", "random_forest"} and "Concat" in further_hospital(results)
    few = {fold: SITES[fold] for fold in (0, 1)}
    two = made_up(plan(METHODS, folds=few), sites=few)
    assert further_hospital(two) == "" and pooled_table(two).rows[0].cells["new"].text == "–"


def test_of_grades_a_perfect_hospital_leaves_no_number_behind_and_units_are_said():
    results = as_grades(made_up(plan(("vdafm",), folds=SITES), sites=SITES))
    perfect = results.predictions["fold"] == 1
    results.predictions.loc[perfect, ["p0", "p1", "p2"]] = np.eye(3)[results.predictions.loc[perfect, "y"]]
    assert further_hospital(results) == ""
    assert {cell.text for cell in pooled_table(results).rows[0].cells.values()} == {"–"}
    assert "Kappa is no percentage. MAE is no percentage. A lower MAE is better." in hospital_table(results).caption
