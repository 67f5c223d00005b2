"""One fit of grades at every cut, the balance of its training undone, and the panels of Table 1 that show it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from sklearn.metrics import roc_auc_score

from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.reports.grades.cut import at_cut
from strokebench.reports.grades.figures import thirds
from strokebench.reports.statistics.prior import undo_balance
from strokebench.tasks.endpoints.ordinal import Ordinal

MRS = Ordinal("mrs")
THRESHOLDS = np.array([-1.5, -1, 0, 0.5, 1, 2])


@pytest.fixture(scope="module")
def graded(make_results):
    """Made-up grades whose cumulative logits lie at the made-up logits less thresholds; one method knows them."""
    results = make_results(seeds=(39,))
    few = [method for method in results.methods if method.name in ("vdafm", "svm")]
    predictions, runs = (
        part[part["method"].isin([method.name for method in few])].reset_index(drop=True)
        for part in (results.predictions, results.runs)
    )
    results = replace(results, predictions=predictions, runs=runs, methods=few)
    above = lambda p: expit(logit(p)[:, None] + 1 - THRESHOLDS)  # noqa: E731
    true = results.oracle.set_index("patient_id")["p"]
    drawn = np.random.default_rng(0).random(len(true))
    grades = pd.Series((above(true.to_numpy()) > drawn[:, None]).sum(axis=1), true.index)
    own = results.predictions
    p = own["p"].where(own["method"] != "vdafm", own["patient_id"].map(true))
    columns = MRS.columns(MRS.from_cuts(above(p.to_numpy())))
    predictions = own.drop(columns="p").assign(y=own["patient_id"].map(grades).astype("int8"), **columns)
    facts = {key: value for key, value in results.provenance.items() if key != "n_positive"}
    facts |= {"outcome": MRS.expression, "outcome_title": MRS.expression}
    return replace(results, predictions=predictions, provenance=facts, oracle=None)


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


def test_table_1_shows_every_cut_and_the_grades(graded, tmp_path):
    view = Table1().report(graded, tmp_path)
    first, cuts = view.tables[:2]
    assert [column.key for column in first.columns] == ["c", "Kappa", "MAE"]
    assert "200 patients" in first.caption and "Higher grades are worse" in first.caption
    assert [column.title for column in cuts.columns] == [f"mrs > {grade}" for grade in range(6)]
    at_two = at_cut(graded, 2).metrics.groupby("method")["AUC"].mean()
    assert {row.key: row.cells["mrs > 2"].value for row in cuts.rows} == pytest.approx(at_two.to_dict())
    assert "Nothing was trained for a cut" in cuts.notes[0] and "Kappa" not in cuts.caption
    assert f"200 patients, {MRS.shares(graded.predictions.drop_duplicates('patient_id')['y'])}" in cuts.caption
    written = {path.name for path in tmp_path.iterdir()}
    wanted = {"grades_bars.svg", "grades_reliability.svg", "grades_calibration.csv", "table1_above_2.csv"}
    assert wanted <= written
    assert "ACC" in (tmp_path / "table1_above_2.csv").read_text()
