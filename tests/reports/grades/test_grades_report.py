"""One fit of grades at every cut, the balance of its training undone, and the panels of Table 1 that show it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from strokebench.benchmarks.experiments.clinical import Clinical
from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.reports.clinical.pooled import pool
from strokebench.reports.grades.figures import draw_grotta, thirds
from strokebench.reports.grades.section import (
    at_cut,
    calibration_panels,
    common_odds_ratio,
    main_cut,
    ranking_panels,
)
from strokebench.reports.results import RUN
from strokebench.reports.statistics.prior import undo_balance
from strokebench.reports.statistics.scores import Scores
from strokebench.reports.tables.style import INK
from strokebench.reports.tables.table import Table
from strokebench.tasks.endpoints.ordinal import Ordinal

MRS = Ordinal("mrs")


def unbalanced(results):
    return replace(results, runs=results.runs.assign(balance="none"))


def test_a_cut_of_grades_is_a_binary_outcome_of_the_same_fits(graded):
    cut = at_cut(unbalanced(graded), 2)
    assert cut.endpoint.expression == "mrs > 2" and set(cut.runs["key"]) == set(graded.runs["key"])
    np.testing.assert_array_equal(cut.predictions["y"], graded.predictions["y"] > 2)
    np.testing.assert_allclose(cut.predictions["p"], graded.predictions[["p3", "p4", "p5", "p6"]].sum(axis=1))
    first = cut.predictions.query("method == 'svm' and seed == 39 and fold == 0")
    expected = roc_auc_score(first["y"], first["p"])
    assert cut.metrics.query("method == 'svm' and seed == 39 and fold == 0")["AUC"].item() == pytest.approx(expected)


def test_each_grade_is_weighed_by_its_share_among_the_patients_that_a_run_does_not_test(graded):
    undone = undo_balance(graded)
    run = "method == 'svm' and seed == 39 and fold == 3"
    tested, everyone = graded.predictions.query(run), graded.predictions.drop_duplicates("patient_id")
    others = everyone[~everyone["patient_id"].isin(tested["patient_id"])]["y"].value_counts().reindex(range(7))
    columns = list(MRS.prediction_columns)
    expected = tested[columns].to_numpy() * others.to_numpy()
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(undone.query(run)[columns], expected)
    pd.testing.assert_frame_equal(undo_balance(unbalanced(graded))[columns], graded.predictions[columns])


def test_patients_who_only_train_weigh_the_grades_too(graded):
    counts = [500, 400, 300, 200, 100, 50, 50]
    (_, first), *_ = graded.predictions.groupby(list(RUN), sort=False)
    one = replace(
        graded, predictions=first, runs=graded.runs[:1], provenance={**graded.provenance, "n_of_labels": counts}
    )
    columns = list(MRS.prediction_columns)
    expected = first[columns].to_numpy() * (np.array(counts) - np.bincount(first["y"], minlength=7))
    np.testing.assert_allclose(undo_balance(one)[columns], expected / expected.sum(axis=1, keepdims=True))
    assert at_cut(one, 2).endpoint.expression == "mrs > 2" and "n_of_labels" not in at_cut(one, 2).provenance


def test_the_pictures_need_no_patient_of_the_lowest_grade(graded):
    severe = replace(graded, predictions=graded.predictions.assign(y=graded.predictions["y"].clip(lower=1)))
    assert {"grades_bars", "grades_reliability"} <= {panel.name for panel in calibration_panels(severe)}


def test_shares_are_read_on_every_colour_and_pale_grades_are_seen_in_the_legend(graded):
    figure = draw_grotta(graded, ["vdafm", "svm"])
    assert {handle.get_markeredgecolor() for handle in figure.legends[0].legend_handles} == {INK}
    bars = {bar.get_x() + bar.get_width() / 2: bar.get_facecolor() for bar in figure.axes[0].patches}
    for text in figure.axes[0].texts:
        red, green, blue, _ = bars[min(bars, key=lambda middle: abs(middle - text.get_position()[0]))]
        assert (text.get_color() == INK) == (0.299 * red + 0.587 * green + 0.114 * blue > 0.5)


def test_a_cut_that_leaves_a_hospital_out_says_so_beside_the_others(graded):
    y, fold = graded.predictions["y"], graded.predictions["fold"]
    nobody_dies = graded.predictions.assign(y=y.where((fold != 0) | (y < 6), 5), site=fold.map("H{}".format))
    by_hospital = {**graded.provenance, "protocol": "loho"}
    results = replace(graded, predictions=nobody_dies, provenance=by_hospital)
    cuts = next(panel.content for panel in ranking_panels(results) if panel.name == "table1_cuts")
    [note] = [note for note in cuts.notes if note.startswith("mrs > 5: Left out of every number")]
    assert "H0" in note


def test_how_many_methods_and_seeds_tested_a_patient_does_not_weigh_the_grades(graded):
    alone = graded.predictions["method"] == "svm"
    one = replace(graded, predictions=graded.predictions[alone], runs=graded.runs[graded.runs["method"] == "svm"])
    pd.testing.assert_frame_equal(undo_balance(one), undo_balance(graded)[alone])


def test_of_true_probabilities_the_thirds_come_as_predicted(graded):
    observed, predicted = thirds(unbalanced(graded), "vdafm")
    np.testing.assert_allclose(observed.sum(axis=1), 1)
    # 66 patients a third: two standard errors of a share are at most 0.12.
    np.testing.assert_allclose(observed, predicted, atol=0.12)
    mean = observed @ np.arange(7)
    assert mean[0] + 0.5 < mean[1] < mean[2] - 0.5


def test_patients_of_one_predicted_grade_are_in_all_thirds_alike_wherever_they_stand(graded):
    alike = graded.predictions.assign(**dict.fromkeys(MRS.prediction_columns, 1 / 7))
    turned = [
        replace(unbalanced(graded), predictions=alike.sort_values("y", ascending=rising)) for rising in (True, False)
    ]
    first, second = (thirds(results, "vdafm") for results in turned)
    np.testing.assert_allclose(first, second)
    np.testing.assert_allclose(first[0][0], first[0][2])


def test_table_1_shows_every_cut_and_the_grades(graded, tmp_path):
    view = Table1().report(graded, tmp_path)
    first, cuts = view.tables[:2]
    assert [column.key for column in first.columns] == ["c", "Kappa", "MAE"]
    assert "200 patients" in first.caption and "by their mean grade" in first.caption
    assert [column.title for column in cuts.columns] == [f"mrs > {grade}" for grade in range(6)]
    at_two = at_cut(graded, 2).metrics.groupby("method")["AUC"].mean()
    assert {row.key: row.cells["mrs > 2"].value for row in cuts.rows} == pytest.approx(at_two.to_dict())
    assert "Nothing was trained for a cut" in cuts.notes[0] and "Kappa" not in cuts.caption
    assert f"200 patients, {MRS.shares(graded.predictions.drop_duplicates('patient_id')['y'])}" in cuts.caption
    assert (tmp_path / "grades_odds.csv").is_file() and not (tmp_path / "grades_calibration.csv").exists()
    assert "ACC" in (tmp_path / "table1_above_2.csv").read_text()


def test_no_row_has_a_letter_without_its_footnote(graded):
    adapted = replace(graded, methods=[replace(one, adapted=True) for one in graded.methods])
    tables = [panel.content for panel in [*ranking_panels(adapted), *calibration_panels(adapted)]]
    tables = [table for table in tables if isinstance(table, Table)]
    assert any(table.footnotes for table in tables)
    for table in tables:
        assert {row.footnote for row in table.rows} - {""} == {note.letter for note in table.footnotes}, table.name


@pytest.fixture(scope="module")
def clinical(graded, tmp_path_factory):
    """The clinical evaluation of grades at two hospitals, trained on balanced ones: its view, and where it lies."""
    folder = tmp_path_factory.mktemp("clinical")
    number = graded.predictions["patient_id"].str[1:].astype(int)
    sites = graded.predictions.assign(site=np.where(number % 3 > 0, "North", "South"))
    results = replace(graded, predictions=sites, runs=graded.runs.assign(threshold=np.nan))
    with pytest.MonkeyPatch.context() as patch:
        # What is made once for a module is made before tests have their one format.
        patch.setattr("strokebench.reports.tables.section.FIGURE_FORMATS", ("svg",))
        return Clinical().report(results, folder), folder


def test_the_clinical_evaluation_looks_at_every_cut_and_further_at_the_usual_one(clinical, graded):
    view, folder = clinical
    written = {path.name for path in folder.iterdir()}
    of_grades = {"grades_calibration.csv", "grades_bars.svg", "grades_reliability.svg"}
    assert of_grades | {"calibration.csv", "net_benefit.csv", "subgroups.csv", "decision_curves.svg"} <= written
    assert view.lead.startswith("Grades mrs 0 to 6, from here on judged at mrs > 2: VDAFM (the proposed method)")
    slopes, calibration = pd.read_csv(folder / "grades_calibration.csv"), pd.read_csv(folder / "calibration.csv")
    assert list(slopes["mrs > 2"]) == list(calibration["slope"]) and set(calibration["outcome"]) == {"mrs > 2"}
    at_south = pool(at_cut(graded, 2))
    south = np.array([int(patient[1:]) % 3 == 0 for patient in at_south.patients])
    expected = roc_auc_score(at_south.y[south], at_south.p[at_south.names.index("svm"), 0, south])
    row = pd.read_csv(folder / "subgroups.csv").set_index("key").loc["hospital/South"]
    assert row["auc_svm"].startswith(f"{100 * expected:.1f} [")


def test_what_grades_cannot_tell_at_a_cut_is_not_told(clinical):
    """No fit of grades chooses a threshold, and its balance was undone grade by grade."""
    _, folder = clinical
    assert not (folder / "thresholds.csv").exists()
    said = (folder / "calibration.md").read_text()
    assert "training had balanced the grades" in said and "not balanced" not in said


def test_the_first_cut_is_that_of_trials_or_divides_most_evenly(graded):
    assert main_cut(graded) == 2
    mild = graded.predictions.assign(y=graded.predictions["y"].clip(upper=2))
    assert main_cut(replace(graded, predictions=mild)) != 2, "nobody is above the usual cut"
    y = graded.predictions.drop_duplicates("patient_id")["y"]
    other = {**graded.provenance, "outcome": "grade 0 to 6"}
    assert main_cut(replace(graded, provenance=other)) == min(range(6), key=lambda label: abs((y > label).mean() - 0.5))


def by_likelihood(x, y):
    """The slope of proportional odds, its likelihood written out patient by patient."""
    cuts = y.max()

    def loss(parameters):
        slope, thresholds = parameters[0], np.concatenate([[-np.inf], np.sort(parameters[1:]), [np.inf]])
        p = expit(thresholds[y + 1] - slope * x) - expit(thresholds[y] - slope * x)
        return -np.log(np.maximum(p, 1e-12)).sum()

    return minimize(loss, np.r_[0.5, np.linspace(-1, 1, cuts)], method="Nelder-Mead", options={"maxiter": 5000}).x[0]


def graded_patients(n=150, slope=1.0):
    random = np.random.default_rng(3)
    x = random.normal(0, 1, n)
    return x, ((slope * x + random.logistic(size=n))[:, None] > np.array([-1, 0, 1])).sum(axis=1)


def part_of(x, y):
    return Scores(("method",), ((39, -1),), np.arange(len(y)), y, x[None, None, :])


def test_the_common_odds_ratio_is_that_of_the_likelihood_for_one_standard_deviation():
    x, y = graded_patients()
    found = common_odds_ratio(part_of(2 + 5 * x, y), "method")
    assert np.log(found.value) == pytest.approx(by_likelihood((x - x.mean()) / x.std(), y), abs=2e-3)
    assert 1 < found.low < found.value < found.high


def test_of_two_grades_it_is_the_odds_ratio_of_a_fourfold_table():
    """30 of 40 against 10 of 40 worse: an odds ratio of 9 between groups that lie two standard deviations apart."""
    x, y = np.repeat([0.0, 1.0], 40), np.array([0] * 30 + [1] * 10 + [0] * 10 + [1] * 30)
    found = common_odds_ratio(part_of(x, y), "method")
    assert found.value**2 == pytest.approx(9, rel=1e-3)
    # Woolf's error of the logarithm, of a quarter of the square for half the distance.
    error = np.sqrt(2 / 30 + 2 / 10) / 2
    assert np.log(found.high / found.value) == pytest.approx(1.96 * error, rel=1e-3)


def test_seeds_that_repeat_a_patient_say_no_more_of_the_odds():
    x, y = graded_patients()
    once = part_of(x, y)
    twice = replace(once, groups=((39, -1), (40, -1)), p=np.repeat(once.p, 2, axis=1))
    one, two = common_odds_ratio(once, "method"), common_odds_ratio(twice, "method")
    assert (two.value, two.low, two.high) == pytest.approx((one.value, one.low, one.high), rel=1e-3)


@pytest.mark.parametrize("x", [np.ones(150), np.full(150, np.nan)])
def test_constant_or_no_predictions_have_no_odds_ratio(x):
    assert np.isnan(common_odds_ratio(part_of(x, graded_patients()[1]), "method").value)
