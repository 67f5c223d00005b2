"""Leaks of the pipeline itself, planted into its preprocessing."""

from dataclasses import replace

import numpy as np
import pytest

from strokebench.benchmarks.leaks.canary import permuted_results, shuffled_labels
from strokebench.benchmarks.leaks.untouched import preprocessing_touched
from strokebench.benchmarks.running import fit
from strokebench.datasets.cohort import Column, Kind
from strokebench.tasks.inputs import Inputs
from strokebench.tasks.preparing.arrays import ArrayPreprocessor
from strokebench.tasks.preparing.prepare import prepare
from strokebench.tasks.preparing.table import TablePreprocessor

FAST = {"svm": {}}


def imputed_from_all(cohort, embeddings, labels, fold, *rest):
    age = cohort.table["age"]
    return prepare(
        replace(cohort, table=cohort.table.assign(age=age.fillna(age.mean()))), embeddings, labels, fold, *rest
    )


def scaled_on_all(cohort, embeddings, labels, fold, *rest):
    image = embeddings.arrays["image.vector"] - np.nanmax(embeddings.arrays["image.vector"], axis=0)
    image = image / np.nanstd(image)
    tokens = embeddings.arrays["image.tokens"] * (np.nanmean(embeddings.arrays["image.vector"]) > 3)
    arrays = {**embeddings.arrays, "image.vector": image, "image.tokens": tokens}
    return prepare(cohort, replace(embeddings, arrays=arrays), labels, fold, *rest)


def categories_of_all(cohort, embeddings, labels, fold, *rest):
    """One indicator a category of anybody, also those that no training patient has."""
    known = sorted(cohort.table["toast"].dropna().unique())
    table = cohort.table.assign(**{f"toast {name}": (cohort.table["toast"] == name) * 1.0 for name in known})
    columns = {**cohort.columns, **{f"toast {name}": Column(Kind.NUMERIC) for name in known}}
    return prepare(replace(cohort, table=table, columns=columns), embeddings, labels, fold, *rest)


def target_encoded(cohort, embeddings, labels, fold, *rest):
    """Each patient's category replaced by the mean outcome of all who have it, tested or not."""
    means = labels.groupby(cohort.table["toast"].loc[labels.index]).mean()
    table = cohort.table.assign(encoded=cohort.table["toast"].map(means).astype(float).fillna(0.0))
    columns = {**cohort.columns, "encoded": Column(Kind.NUMERIC)}
    return prepare(replace(cohort, table=table, columns=columns), embeddings, labels, fold, *rest)


def test_the_pipeline_is_clean_under_each_balance(make):
    for balance in ("smote", "duplicate", "none"):
        assert preprocessing_touched(make(balance=balance), folds=2) == []


@pytest.mark.parametrize("words", [("nein", "ja"), (0.0, 1.0)])
def test_what_a_role_reads_as_yes_or_no_is_changed_to_what_can_be_read(make, words):
    def with_flag(cohort):
        return replace(
            cohort,
            table=cohort.table.assign(htn=[words[i % 3 // 2] for i in range(len(cohort))]),
            columns={**cohort.columns, "htn": Column(Kind.CATEGORICAL if words[1] == "ja" else Kind.NUMERIC)},
            roles={"hypertension": "htn"},
        )

    assert preprocessing_touched(make(cohort=with_flag)) == []


@pytest.mark.parametrize("leaky", [imputed_from_all, scaled_on_all, categories_of_all, target_encoded])
def test_what_is_fitted_on_all_moves(make, leaky):
    [finding] = preprocessing_touched(make(), leaky)
    assert finding.severity == "alarm" and "train" in finding.message


def test_scalers_that_see_all_rows_are_caught_in_the_pipeline_itself(make, monkeypatch: pytest.MonkeyPatch):
    context = make()
    whole = context.cohort.table.drop(columns=["nihss"])
    fitted = TablePreprocessor.fit
    tables = [whole]

    def fit_on_all(self, table):
        return fitted(self, tables[0])

    def other(cohort, *rest):
        tables[0] = cohort.table.drop(columns=["nihss"])
        return prepare(cohort, *rest)

    monkeypatch.setattr(TablePreprocessor, "fit", fit_on_all)
    assert "train.table" in preprocessing_touched(context, other)[0].message


def test_a_check_that_sees_nothing_says_so(make):
    """A pipeline that throws the test part's inputs away cannot be shown to be clean."""

    def blind(cohort, embeddings, labels, fold, *rest):
        parts = prepare(cohort, embeddings, labels, fold, *rest)
        nothing = {name: np.zeros_like(array) for name, array in parts.test.arrays.items()}
        return replace(parts, test=Inputs.complete(nothing))

    [finding] = preprocessing_touched(make(), blind)
    assert "sees nothing" in finding.message


def test_the_canary_is_quiet_on_a_clean_pipeline(make):
    assert shuffled_labels(make(), FAST) == []
    [result] = permuted_results(make(), FAST, 2)
    assert result.folds == 10 and 0.5 < result.bound < 0.7 and abs(result.auc - 0.5) < result.bound - 0.5


def test_the_bound_follows_from_the_number_of_patients_and_folds(make):
    once, four_times = (permuted_results(make(), FAST, permutations)[0] for permutations in (1, 4))
    assert once.bound - 0.5 == pytest.approx(2 * (four_times.bound - 0.5), rel=0.01)


def with_everybodys_labels(cohort, embeddings, labels, fold, *rest):
    """A column made of everybody's labels before the split, whichever labels these are."""
    random = np.random.default_rng(0)
    known = labels + random.normal(0, 0.7, len(labels))
    table = cohort.table.assign(score=known.reindex(cohort.ids).astype(float))
    columns = {**cohort.columns, "score": Column(Kind.NUMERIC)}
    return prepare(replace(cohort, table=table, columns=columns), embeddings, labels, fold, *rest)


def test_the_canary_falls_where_labels_reach_the_inputs(make, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fit, "prepare", with_everybodys_labels)
    [finding] = shuffled_labels(make(), FAST)
    assert finding.severity == "alarm" and "SVM" in finding.message


def test_the_canary_sings_of_grades(make, with_column, monkeypatch: pytest.MonkeyPatch):
    def graded(cohort):
        return with_column(cohort, "mrs", cohort.table["nihss"] // 5)

    context = make(cohort=graded, outcome="mrs 0 to 3")
    [result] = permuted_results(context, FAST, 1)
    assert result.folds == 5 and 0 < abs(result.auc - 0.5) < result.bound - 0.5
    monkeypatch.setattr(fit, "prepare", with_everybodys_labels)
    [finding] = shuffled_labels(context, FAST, 1)
    assert finding.severity == "alarm"


def test_a_scaler_of_the_embeddings_that_sees_all(make, monkeypatch: pytest.MonkeyPatch):
    fitted = ArrayPreprocessor.fit

    def fit_on_all(self, x, rows):
        return fitted(self, x, np.arange(len(x)))

    monkeypatch.setattr(ArrayPreprocessor, "fit", fit_on_all)
    message = preprocessing_touched(make())[0].message
    assert "train.image" in message
