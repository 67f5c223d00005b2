"""How many patients a model needs, against worked examples."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from small_cohort import make_cohort

from strokebench.reports.cohort.describe import describe_cohort
from strokebench.reports.cohort.sample_size import r2_of_auc, sample_size, sample_size_in_words


def test_the_criteria_give_the_published_numbers():
    # Riley et al., BMJ 2020;368:m441, pre-eclampsia: 30 parameters, a prevalence of 5 %, R2 of 0.05.
    assert sample_size(30, 0.05, 0.05).shrinkage == 5249
    # The R2 of about 0.203 by which 36 columns at an AUC of 0.78 are reported to need 1,409 patients, and ten 392.
    assert [sample_size(columns, 0.318, 0.203).patients for columns in (36, 10)] == [1409, 392]
    assert sample_size(1, 0.318, 0.203).risk == 334 == sample_size(1, 0.318, 0.203).patients


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
    assert "all 36 columns" in few and "needs 1,39" in few and few.endswith("here are 729, enough for 18.")
    assert sample_size_in_words(2, 232, 729).endswith("here are 729.")
    assert sample_size_in_words(2, 32, 100).endswith("enough for none.")


def test_a_description_counts_the_inputs_of_its_outcome_and_a_category_by_its_values():
    cohort = make_cohort(60)
    said = describe_cohort(cohort, "nihss < 7").parts["Sample size"]
    # Age, two of three causes, one of two habits; never the outcome's own column.
    assert "all 4 columns" in said and "here are 60" in said
    assert "Sample size" not in describe_cohort(cohort, "nihss 0 to 42").parts
