"""Missing modalities on made-up predictions whose modalities' worth is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from grades import as_grades
from made_up import made_up, plan
from missing_results import make_missing_results
from rich.console import Console

from strokebench.benchmarks.experiments.missing import MissingModalities
from strokebench.reports.missing.table import (
    ORDER,
    RAW,
    TESTED,
    TRAINED,
    TRAINED_ANY,
    WAYS,
    measure,
    missing_conditions,
    rate_condition,
    shapley_table,
    subset_condition,
    subsets,
    subsets_table,
)
from strokebench.reports.tables.table import DASH
from strokebench.tasks.conditions import COMPLETE

DRAWS = 100


@pytest.fixture(scope="module")
def found():
    return measure(make_missing_results(), "vdafm", DRAWS)


def test_conditions_have_names_of_their_own_and_few_fits():
    conditions = missing_conditions()
    assert len({condition.name for condition in conditions}) == len(conditions) == 1 + 3 * 6 + 4 * 4 + 1
    assert len({condition.trained for condition in conditions}) == 8


def test_the_whole_is_the_same_in_every_way():
    assert {subset_condition(way, frozenset(ORDER)) for way in WAYS} == {COMPLETE}


def test_curves_begin_complete_and_end_without():
    for modality in ORDER:
        assert rate_condition(modality, 0) == COMPLETE
        without = frozenset(ORDER) - {modality}
        assert rate_condition(modality, 1) == subset_condition(TESTED, without)
    assert rate_condition("any", 1) is None
    assert [rate_condition(TRAINED_ANY, rate) is not None for rate in (0.1, 0.3, 0.5)] == [False, True, False]


@pytest.mark.parametrize("way", [TESTED, RAW, TRAINED])
def test_contributions_sum_to_the_auc_above_chance_in_every_run_and_resample(found, way):
    shares = found.contributions(way)
    complete = found.index(COMPLETE)
    np.testing.assert_allclose(shares.values.sum(axis=0), found.drawn.values[complete] - 0.5)
    np.testing.assert_allclose(shares.draws.sum(axis=0), found.drawn.draws[complete] - 0.5)
    assert shares.draws.shape == (3, 10, DRAWS)


def test_equal_modalities_are_worth_about_the_same_and_the_stronger_more(found):
    image, text, table = (found.contributions(TESTED).interval(number) for number in range(3))
    assert image.low < text.value < image.high
    assert table.low > max(image.high, text.high)


def test_a_modality_that_says_nothing_is_worth_nothing():
    weights = {"image": 0.0, "text": 1.0, "table": 1.0}
    shares = measure(make_missing_results(n=150, weights=weights), "vdafm", 10).contributions(TESTED)
    assert np.abs(shares.values[0]).max() < 1e-12


def test_a_hospital_left_out_of_every_number_is_in_no_condition_either():
    results = make_missing_results(n=200, seeds=(39,))
    fold = results.predictions["fold"]
    few = results.predictions.loc[fold == 4, "patient_id"].unique()[:9]
    small = replace(
        results,
        predictions=results.predictions[(fold != 4) | results.predictions["patient_id"].isin(few)],
        provenance=results.provenance | {"protocol": "loho"},
    )
    assert set(small.too_small) == {4}
    every = measure(results, "vdafm", 10).runs(COMPLETE)
    np.testing.assert_array_equal(measure(small, "vdafm", 10).runs(COMPLETE), every[:4])


def test_more_gaps_cost_more(found):
    table = [found.runs(rate_condition("table", rate)).mean() for rate in (0, 0.3, 0.7, 1)]
    assert table == sorted(table, reverse=True)


def test_report_of_finished_runs(tmp_path):
    results = make_missing_results(n=200, seeds=(39,))
    console = Console(record=True, width=140)
    console.print(MissingModalities().report(results, tmp_path))
    assert "Of its points above chance the model owes the table" in " ".join(console.export_text().split())
    wrong_way = replace(results, predictions=results.predictions.assign(p=1 - results.predictions["p"]))
    console.print(MissingModalities().report(wrong_way, tmp_path / "wrong"))
    assert "above chance" not in " ".join(console.export_text().split()), "VDAFM has none"
    subset = pd.read_csv(tmp_path / "missing_subsets.csv")
    assert len(subset) == 7
    assert subset[TESTED].is_monotonic_increasing is False
    assert subset[TESTED].iloc[-1] == subset[TRAINED].iloc[-1] == subset[TESTED].max()
    assert (tmp_path / "shapley_picture.svg").is_file()
    # The table travels without the picture, and so has the picture's caution.
    assert "the chance of test patients alone, too narrow" in (tmp_path / "shapley.md").read_text()
    curves = (tmp_path / "missing_curves.svg").read_text()
    # Beside each other stand the points, and yet each tells its own rate.
    assert "<title>no image, 30 %, " in curves and "<title>any, 30 %, " in curves


@pytest.mark.parametrize(
    "finished",
    [
        lambda run: False,
        lambda run: run["condition"] == "complete" and run["fold"] == 0,
        lambda run: "@test" in run["condition"] or (run["condition"] == "complete" and run["seed"] == 39),
    ],
)
def test_report_of_unfinished_runs(finished, tmp_path):
    results = make_missing_results(n=120, finished=finished)
    Console(record=True, width=140).print(MissingModalities().report(results, tmp_path))
    assert (tmp_path / "section.json").is_file()


def test_runs_that_lack_a_subset_are_left_out_of_contributions():
    one = next(subset_condition(TESTED, keep).name for keep in subsets() if len(keep) == 1)
    results = make_missing_results(finished=lambda run: (run["condition"], run["fold"]) != (one, 0))
    shares = measure(results, "vdafm", 20).contributions(TESTED)
    assert np.isnan(shares.values).any(axis=0).sum() == 2
    assert not np.isnan(shares.interval(0).low)


def test_grades_are_ranked_by_c_in_every_word_and_number(tmp_path):
    results = as_grades(make_missing_results(n=150, seeds=(39,)))
    view = MissingModalities().report(results, tmp_path)
    found = measure(results, "vdafm", 10)
    whole = results.metrics.query("condition == @COMPLETE.id")["c"]
    np.testing.assert_allclose(found.runs(COMPLETE), whole)
    np.testing.assert_allclose(found.contributions(TESTED).values.sum(axis=0), whole - 0.5)
    assert f"VDAFM: c {100 * whole.mean():.1f} with everything" in view.lead
    assert not [path for path in tmp_path.glob("*.md") if "AUC" in path.read_text()]
    assert "AUC" not in (tmp_path / "section.json").read_text()


def test_a_single_run_has_no_deviation_and_a_hospital_left_out_makes_no_row_incomplete():
    planned = plan(("concat",), conditions=[COMPLETE.id, *(one.id for one in missing_conditions() if one != COMPLETE)])
    one = made_up([run for run in planned if run[3:] == (39, 2)])
    measured = {"concat": measure(one, "concat", 10)}
    assert all(cell.std is None for row in subsets_table(one, measured).rows for cell in row.cells.values())
    assert {row.cells["spread"].text for row in shapley_table(one, measured).rows} == {DASH}
    sites = {0: ("A", 60, 20), 1: ("B", 60, 20), 2: ("C", 30, 1)}
    loho = made_up([run for run in planned if run[3] == 39 and run[4] in sites], sites=sites)
    assert {row.runs for row in shapley_table(loho, {"concat": measure(loho, "concat", 10)}).rows} == {"2/2"}
