"""Means over runs, worked out here by hand or by scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from strokebench.errors import StrokebenchError
from strokebench.reports.summary import labels_by_part, once, summarise, summarise_oracle
from strokebench.tasks.metrics.paper import PAPER_METRICS


def row(results, method):
    return summarise(results).set_index("method").loc[method]


def by_hand(results, method, score):
    p = results.predictions
    return [score(run) for _, run in p[p["method"] == method].groupby(["seed", "fold"])]


def test_f1_is_the_mean_of_the_runs_f1(results):
    values = by_hand(results, "concat", lambda run: f1_score(run["y"], run["p"] >= 0.5))
    assert len(values) == 20
    summary = row(results, "concat")
    assert summary["F1"] == pytest.approx(np.mean(values))
    recall, precision = summary["Recall"], summary["Precision"]
    assert summary["F1"] != pytest.approx(2 * recall * precision / (recall + precision), abs=1e-4)


def test_deviation_is_that_of_the_population(results):
    values = by_hand(results, "svm", lambda run: roc_auc_score(run["y"], run["p"]))
    summary = row(results, "svm")
    assert summary["AUC"] == pytest.approx(np.mean(values))
    assert summary["AUC_std"] == pytest.approx(np.std(values, ddof=0))
    assert summary["AUC_std"] != pytest.approx(np.std(values, ddof=1))


def test_runs_are_counted_by_what_became_of_them(incomplete):
    counts = {
        name: tuple(int(row(incomplete, name)[c]) for c in ("planned", "done", "failed", "missing"))
        for name in ("vdafm", "svm", "mlp", "concat")
    }
    assert counts == {
        "vdafm": (20, 18, 2, 0),
        "svm": (20, 0, 20, 0),
        "mlp": (20, 17, 0, 3),
        "concat": (20, 20, 0, 0),
    }
    assert row(incomplete, "svm")[list(PAPER_METRICS)].isna().all()


def test_a_metric_undefined_in_one_run_is_undefined_in_the_mean(results):
    p = results.predictions.copy()
    first = (p["seed"] == 39) & (p["fold"] == 0)
    p.loc[first, "y"] = 0
    summary = row(replace(results, predictions=p), "mlp")
    assert np.isnan(summary["AUC"])
    assert np.isnan(summary["Recall"])
    assert not np.isnan(summary["ACC"])


def test_oracle_is_scored_on_the_test_parts_of_the_methods(results):
    true = results.oracle.set_index("patient_id")["p"]
    p = results.predictions
    parts = [part for _, part in p[p["method"] == "mlp"].groupby(["seed", "fold"])]
    values = [roc_auc_score(part["y"], true.loc[part["patient_id"]]) for part in parts]
    oracle = summarise_oracle(results)
    assert oracle["AUC"] == pytest.approx(np.mean(values))
    assert oracle["AUC_std"] == pytest.approx(np.std(values))
    assert (oracle["done"], oracle["planned"]) == (20, 20)


def test_oracle_is_the_ceiling_of_the_made_up_cohort(results):
    best = summarise(results)["AUC"].max()
    assert summarise_oracle(results)["AUC"] > best


def test_no_oracle_on_real_patients(results):
    assert summarise_oracle(replace(results, oracle=None)) is None


def test_a_patient_unknown_to_the_oracle_is_named(results):
    with pytest.raises(StrokebenchError, match="P007"):
        summarise_oracle(replace(results, oracle=results.oracle[results.oracle["patient_id"] != "P007"]))


def test_methods_tested_on_different_patients_are_refused(results):
    p = results.predictions
    one = p[(p["method"] == "xgboost") & (p["seed"] == 40) & (p["fold"] == 3)].index[0]
    with pytest.raises(StrokebenchError, match=r"seed 40, fold 3"):
        labels_by_part(replace(results, predictions=p.drop(one)))


def test_row_order_changes_nothing(results):
    shuffled = replace(
        results,
        predictions=results.predictions.sample(frac=1, random_state=1),
        runs=results.runs.sample(frac=1, random_state=2),
    )
    a = summarise(results).set_index("method").sort_index()
    b = summarise(shuffled).set_index("method").sort_index()
    np.testing.assert_allclose(a[list(PAPER_METRICS)], b[list(PAPER_METRICS)], rtol=1e-12)
    assert len(shuffled.metrics) == 160


def test_what_is_kept_with_results_is_made_once_and_of_these_alone(results):
    asked = []
    count = once(lambda given: asked.append(given) or len(asked))
    one, other = replace(results), replace(results)
    assert [count(one), count(one), count(other), count(one)] == [1, 1, 2, 1]
