"""What grids say of made-up runs with known differences."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from grades import as_grades
from matplotlib.text import Text

from strokebench.reports.grids.figure import draw_grid
from strokebench.reports.grids.table import GridPoint, grid_lead, grid_table
from strokebench.reports.results import Results
from strokebench.reports.statistics.paired import corrected_t, test_share
from strokebench.tasks.metrics.paper import PAPER_METRICS

# Not a test, whatever pytest thinks of its name.
test_share.__test__ = False


def grid_points(layers=(1, 2), heads=(4, 8)) -> list[GridPoint]:
    return [
        GridPoint(
            f"layers={x}, heads={y}",
            {"layers": x, "heads": y},
            {} if (x, y) == (1, 8) else {"layers": x, "heads": y},
            (x, y) == (1, 8),
        )
        for x in layers
        for y in heads
    ]


def grid_results(make_results, points, shift=None, unfinished=()) -> Results:
    """VDAFM's made-up predictions under every setting, sharpened towards the label by `shift[variant]`."""
    base = make_results()
    rng = np.random.default_rng(1)
    predictions, runs = [], []
    for point in points:
        part = base.predictions[base.predictions["method"] == "vdafm"].assign(variant=point.variant)
        logit = np.log(part["p"] / (1 - part["p"])) + (shift or {}).get(point.label, 0) * (part["y"] - 0.5)
        part["p"] = 1 / (1 + np.exp(-(logit + rng.normal(0, 0.3, len(part)))))
        planned = base.runs[base.runs["method"] == "vdafm"].assign(variant=point.variant, variant_label=point.label)
        if point.label in unfinished:
            planned["status"] = "missing"
            part = part.iloc[:0]
        predictions.append(part)
        runs.append(planned)
    return Results(
        pd.concat(predictions, ignore_index=True),
        pd.concat(runs, ignore_index=True),
        [base.method("vdafm")],
        base.provenance,
    )


def test_the_corrected_error_is_nadeau_and_bengios():
    runs = pd.MultiIndex.from_product([(39, 40), range(5)])
    a = pd.Series(np.linspace(0.7, 0.8, 10), runs)
    b = pd.Series(0.7, runs).where(np.arange(10) != 3)
    found = corrected_t(a - b, test_share=0.25)
    d = (a - b).dropna().to_numpy()
    assert found.runs == 9
    assert found.value == pytest.approx(d.mean())
    assert found.se == pytest.approx(math.sqrt(d.var(ddof=1) * (1 / 9 + 0.25)))


def test_one_run_distinguishes_nothing():
    assert not corrected_t([0.5], 0.25).p < 0.05


def test_two_runs_need_far_more_than_two_standard_errors():
    found = corrected_t([0.02, 0.03], 0.25)
    assert found.value > 2 * found.se and found.p > 0.05
    assert corrected_t([0.02, 0.03] * 10, 0.25).p < 0.05


def test_five_folds_test_a_quarter_of_what_they_train_on(make_results):
    assert test_share(make_results()) == pytest.approx(0.25)


def test_the_lead_tells_noise_from_a_difference(make_results):
    points = grid_points()
    noise = grid_lead(grid_results(make_results, points, {"layers=2, heads=4": 0.1}), "vdafm", points)
    assert "not distinguishable" in noise and "layers=1, heads=8" in noise
    clear = grid_lead(grid_results(make_results, points, {"layers=2, heads=4": 4}), "vdafm", points)
    assert "layers=2, heads=4" in clear and "p < 0.05" in clear
    best = grid_lead(grid_results(make_results, points, {"layers=1, heads=8": 4}), "vdafm", points)
    assert "chosen setting (layers=1, heads=8) has the highest" in best and "0 of 3 other settings" in best


def test_the_best_of_its_own_runs_may_be_below_on_those_of_both(make_results):
    """Finished on five easy folds alone, and a little worse on each of them."""
    points = grid_points()
    results = grid_results(make_results, points, {"layers=1, heads=8": 2})
    label, variant = next((point.label, point.variant) for point in points if point.label == "layers=2, heads=4")
    aucs = results.metrics[results.metrics["variant"] == ""].set_index(["seed", "fold"])["AUC"]
    easy = set(aucs.nlargest(5).index)

    def of_easy(frame):
        return frame["variant"].ne(variant) | pd.MultiIndex.from_frame(frame[["seed", "fold"]]).isin(easy)

    runs = results.runs.assign(status=results.runs["status"].where(of_easy(results.runs), "missing"))
    told = results.predictions[of_easy(results.predictions)].copy()
    logit = np.log(told["p"] / (1 - told["p"])).to_numpy()
    own, chosen = (told["variant"] == name for name in (variant, ""))
    both = chosen & pd.MultiIndex.from_frame(told[["seed", "fold"]]).isin(easy)
    told.loc[own, "p"] = 1 / (1 + np.exp(-(logit[both] - 0.4 * (told.loc[both, "y"].to_numpy() - 0.5))))
    results = replace(results, runs=runs, predictions=told)
    mine = results.metrics[results.metrics["variant"] == variant].set_index(["seed", "fold"])["AUC"]
    apart = (mine - aucs).mean()
    assert mine.mean() > aucs.mean() and apart < 0
    lead = grid_lead(results, "vdafm", points)
    assert f"at {label}, is on the runs of both {-100 * apart:.2f} points below the chosen setting" in lead
    assert "picked as the best" not in lead and "over 5 paired runs" in lead


def test_of_equal_means_the_chosen_setting_is_the_best(make_results):
    points = grid_points()
    alike = grid_results(make_results, points)
    p = alike.predictions.loc[alike.predictions["variant"] == "", "p"].to_numpy()
    for point in points:
        alike.predictions.loc[alike.predictions["variant"] == point.variant, "p"] = p
    assert "chosen setting (layers=1, heads=8) has the highest" in grid_lead(alike, "vdafm", points)


def test_the_lead_of_a_grid_without_the_default(make_results):
    points = [point for point in grid_points() if not point.chosen]
    assert "default is not on the grid" in grid_lead(grid_results(make_results, points), "vdafm", points)


def test_the_table_marks_the_chosen_and_compares_the_others(make_results):
    points = grid_points()
    table = grid_table(grid_results(make_results, points, {"layers=2, heads=8": 3}), "x", "X", {"vdafm": points})
    rows = {row.label: row for row in table.rows}
    assert rows["layers=1, heads=8 (chosen)"].cells["difference"].text == "reference"
    told = rows["layers=2, heads=8"].cells["difference"].text
    mean = rows["layers=2, heads=8"].cells["AUC"].value - rows["layers=1, heads=8 (chosen)"].cells["AUC"].value
    assert told.startswith(f"{100 * mean:+.2f} ± ")


@pytest.mark.parametrize("unfinished", [(), ("layers=1, heads=8",), "all"])
def test_an_incomplete_grid_still_reports(make_results, unfinished, tmp_path):
    points = grid_points()
    unfinished = [point.label for point in points] if unfinished == "all" else unfinished
    results = grid_results(make_results, points, unfinished=unfinished)
    lead = grid_lead(results, "vdafm", points)
    table = grid_table(results, "x", "X", {"vdafm": points})
    assert len(table.rows) == 4
    assert [row.done for row in table.rows] == [0 if p.label in unfinished else 20 for p in points]
    draw_grid(results, "vdafm", points, PAPER_METRICS).savefig(tmp_path / "x.png")
    if len(unfinished) == 4:
        assert "no finished run" in lead
    elif unfinished:
        assert "1 of 4 settings are incomplete" in lead


def test_heat_maps_print_mean_and_spread(make_results):
    # Four by four, as figure 3 is.
    points = grid_points(range(1, 5), (4, 8, 16, 32))
    results = grid_results(make_results, points)
    axes = draw_grid(results, "vdafm", points, ("AUC", "ACC")).axes
    assert [each.get_title(loc="left") for each in axes] == ["AUC", "ACC"]
    texts = [text.get_text() for text in axes[0].texts]
    table = grid_table(results, "x", "X", {"vdafm": points})
    for row in table.rows:
        cell = row.cells["AUC"]
        assert f"{100 * cell.value:.1f}" in texts and f"±{100 * cell.std:.1f}" in texts


def test_no_frame_is_left_where_a_row_is_not_full(make_results):
    points = grid_points()
    axes = draw_grid(grid_results(make_results, points), "vdafm", points, PAPER_METRICS[:5]).axes
    assert [each.get_title(loc="left") for each in axes] == list(PAPER_METRICS[:5])


def test_one_run_has_no_spread(make_results):
    points = grid_points(range(1, 5), (4, 8, 16, 32))
    results = grid_results(make_results, points)
    first = results.runs["seed"].eq(results.runs["seed"].min()) & results.runs["fold"].eq(0)
    seed = results.runs["seed"].min()
    predictions = results.predictions[results.predictions["seed"].eq(seed) & results.predictions["fold"].eq(0)]
    single = replace(results, runs=results.runs[first], predictions=predictions)
    assert {row.cells["AUC"].std for row in grid_table(single, "x", "X", {"vdafm": points}).rows} == {None}
    texts = [text.get_text() for text in draw_grid(single, "vdafm", points, ("AUC",)).axes[0].texts]
    assert texts.count("one run") == 16 and not any("±" in text for text in texts)


def test_of_grades_what_is_no_percentage_is_said(make_results):
    points = grid_points()
    graded = as_grades(grid_results(make_results, points))
    figure = draw_grid(graded, "vdafm", points, list(graded.judged_by))
    assert any("percent (but Kappa, MAE), mean over runs" in text.get_text() for text in figure.findobj(Text))
