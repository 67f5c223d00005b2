"""How many patients a model needs, against worked examples."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from small_cohort import make_cohort

from strokebench.datasets.cohort import Column, Kind
from strokebench.reports.cohort.describe import describe_cohort
from strokebench.reports.cohort.sample_size import r2_of_auc, sample_size, sample_size_in_words


def test_the_criteria_give_what_pmsampsize_gives():
    # pmsampsize 1.1.3 of its authors: 30 parameters, AUC 0.78, prevalence 0.2 -> R2 0.158 and 1,556 patients;
    # R2 0.05 -> 5,249 by the first criterion, which knows no prevalence (that call is of survival).
    assert r2_of_auc(0.78, 0.2) == pytest.approx(0.158, abs=0.001)
    # The R2 is printed with three digits, which are worth five patients either way.
    assert sample_size(30, 0.2, 0.158).patients == pytest.approx(1556, abs=5)
    assert sample_size(30, 0.05, 0.05).shrinkage == 5249


def test_the_error_of_probabilities_is_bounded_too():
    # What other implementations of this criterion of the BMJ paper give; no event may be rarer than the event.
    found = [sample_size(n, at, 0.05).error for n, at in ((10, 0.3), (10, 0.7), (24, 0.17), (30, 0.05))]
    assert found == [461, 461, 792, 544]
    # A model of ten columns, AUC 0.76, fitted on so many simulated patients, against the true probabilities.
    random = np.random.default_rng(0)
    x = random.normal(size=(20_000, 10))
    true = expit(x @ np.full(10, 0.35) - 1.03)
    assert true.mean() == pytest.approx(0.3, abs=0.005)
    event = random.random(len(true)) < true
    parts = np.arange(461 * 30).reshape(30, 461)
    fitted = [LogisticRegression(C=1e6).fit(x[part], event[part]).predict_proba(x)[:, 1] for part in parts]
    assert np.abs(fitted - true).mean() == pytest.approx(0.05, abs=0.003)
    # Where the formula ends, more columns need no fewer patients.
    assert sample_size(60, 0.3, 0.2).error == sample_size(30, 0.3, 0.2).error


@pytest.mark.parametrize(("parameters", "prevalence", "r2"), [(36, 0.318, 0.203), (10, 0.318, 0.203), (24, 0.1, 0.1)])
def test_the_criteria_are_what_they_promise(parameters, prevalence, r2):
    found = sample_size(parameters, prevalence, r2)

    def shrinkage(n):
        """Of van Houwelingen and le Cessie: a likelihood ratio of n patients less its degrees of freedom, where the
        apparent R2 is the expected one before its optimism is taken off."""
        apparent = brentq(lambda a: a * (1 + parameters / (n * np.log(1 - a))) - r2, r2, 0.99)
        return r2 / apparent

    def optimism(n):
        largest = 1 - np.exp(2 * (prevalence * np.log(prevalence) + (1 - prevalence) * np.log(1 - prevalence)))
        return (r2 / shrinkage(n) - r2) / largest

    assert shrinkage(found.shrinkage) >= 0.9 > shrinkage(found.shrinkage - 1)
    assert optimism(found.optimism) <= 0.05 < optimism(found.optimism - 1)
    risk = 1.96 * np.sqrt(prevalence * (1 - prevalence) / np.array([found.risk, found.risk - 1]))
    assert risk[0] <= 0.05 < risk[1]


def test_r2_is_that_of_simulated_patients():
    random = np.random.default_rng(0)
    event = random.random(400_000) < 0.318
    apart = np.sqrt(2) * 0.7722
    at = random.normal(size=len(event)) + apart * event
    assert roc_auc_score(event, at) == pytest.approx(0.78, abs=0.002)
    log_odds = np.log(0.318 / 0.682) + apart * at - apart**2 / 2
    gain = np.where(event, -np.logaddexp(0, -log_odds), -np.logaddexp(0, log_odds)).mean()
    alone = 0.318 * np.log(0.318) + 0.682 * np.log(0.682)
    assert r2_of_auc(0.78, 0.318) == pytest.approx(1 - np.exp(2 * (alone - gain)), abs=0.004)


def test_it_is_said_in_words():
    few = sample_size_in_words(36, 232, 729)
    assert "all 36 columns" in few and "needs 1,39" in few and few.endswith("here are 729, enough for 15.")
    assert "shrinkage of 0.9 (1,39" in few and "optimism of R² of 0.05 (" in few and "known to 5 points (334)" in few
    assert "on average (1,312, of 30 columns, where its formula ends), the criteria of Riley" in few
    assert "ends" not in sample_size_in_words(30, 232, 729)
    assert sample_size_in_words(2, 232, 729).endswith("here are 729.")
    assert sample_size_in_words(2, 32, 100).endswith("enough for none.")


def test_a_description_counts_the_inputs_of_its_outcome_and_a_category_by_its_values():
    cohort = make_cohort(60)
    said = describe_cohort(cohort, "nihss < 7").sample_size
    # Age, two of three causes, one of two habits; never the outcome's own column.
    assert "all 4 columns" in said and "here are 60" in said
    empty = replace(cohort, table=cohort.table.assign(toast=None))
    assert "all 2 columns" in describe_cohort(empty, "nihss < 7").sample_size
    # A column without values passes for numbers; one of a single value has no more to be estimated.
    numbers = {**cohort.columns, "crp": Column(Kind.NUMERIC), "ticked": Column(Kind.NUMERIC)}
    nothing = replace(cohort, table=cohort.table.assign(crp=np.nan, ticked=1.0), columns=numbers)
    assert describe_cohort(nothing, "nihss < 7").sample_size == said
    assert describe_cohort(cohort, "nihss 0 to 42").sample_size == ""
