"""Methods of binary outcomes on ordered grades, one model a cut; and the regression that takes them as they are."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression as SingleCut
from statsmodels.miscmodels.ordinal_model import OrderedModel

from strokebench.methods.reference.penalised import STRENGTHS, likelihood, penalised_logistic
from strokebench.methods.reference.proportional_odds import ProportionalOdds
from strokebench.methods.registry import find_method
from strokebench.tasks.endpoints.ordinal import Ordinal
from strokebench.tasks.inputs import PRESENT, Inputs, made_up_sizes
from strokebench.tasks.metrics.ordinal import median_label
from strokebench.tasks.metrics.selection import generalised_c

MRS = Ordinal("mrs")
THRESHOLDS = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])


def patients(n, seed):
    """Grades of a proportional odds model on one column of the table, one of another on an image's channel."""
    random = np.random.default_rng(seed)
    sizes = made_up_sizes(channels=6, prompts=2, layers=2, width=4, columns=3)
    sizes.pop(PRESENT)
    arrays = {name: random.standard_normal((n, *size), dtype=np.float32) for name, size in sizes.items()}
    cause = 2 * arrays["table"][:, 0] + random.logistic(size=n)
    return Inputs.complete(arrays), np.searchsorted(THRESHOLDS, cause).astype(np.int8)


def fitted(name, n=200, **parameters):
    train, y = patients(n, 0)
    method = find_method(name)(**parameters)
    method.endpoint = MRS
    return method.fit(train, y, *patients(120, 1))


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("xgboost", {"trees": 10}),
        ("random_forest", {"trees": 10}),
        ("svm", {}),
        ("logistic_regression", {}),
    ],
)
def test_every_kind_of_estimator_tells_grades_and_is_saved(name, parameters, tmp_path):
    method = fitted(name, **parameters)
    test, y = patients(200, 2)
    p = method.predict_proba(test)
    assert p.shape == (200, 7) and (p >= 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert generalised_c(y, p @ np.arange(7)) > 0.7
    method.save(tmp_path)
    np.testing.assert_allclose(find_method(name).load(tmp_path).predict_proba(test), p, atol=1e-12)


def test_without_a_penalty_it_is_statsmodels_ordered_model():
    x, y = np.random.default_rng(0).normal(size=(400, 3)), patients(400, 0)[1]
    model = OrderedModel(y, x, distr="logit").fit(method="bfgs", disp=False)
    ours = ProportionalOdds(np.inf).fit(x, y)
    np.testing.assert_allclose(ours.coef_, model.params[:3], atol=2e-3)
    np.testing.assert_allclose(ours.predict_proba(x), model.predict(x), atol=1e-3)


def test_of_two_labels_it_is_logistic_regression_with_its_penalty():
    x, y = np.random.default_rng(0).normal(size=(100, 3)), patients(100, 0)[1] > 3
    ours, theirs = ProportionalOdds(0.1).fit(x, y), SingleCut(C=0.1, tol=1e-8).fit(x, y)
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=1e-3)


def test_one_column_is_not_shrunk_until_everyone_is_given_the_same_grade():
    train, y = patients(300, 0)
    x, (held_out, y_held_out) = train.arrays["table"][:, :1], patients(120, 1)
    chosen = penalised_logistic(x, y, held_out.arrays["table"][:, :1], y_held_out, MRS)
    assert STRENGTHS[0] < chosen[-1].C
    assert len(np.unique(median_label(chosen.predict_proba(x)))) > 3


def test_the_likelihood_weighs_the_validation_part_as_training_was():
    p = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.4, 0.6]])
    found = likelihood(np.array([0, 1, 0, 1]), np.array([0, 0, 0, 1]), p)
    assert found == pytest.approx((np.log(0.9) + np.log(0.6)) / 2)
    assert likelihood(np.array([False, True, False, True]), np.array([False, False, False, True]), p) == found
    assert np.isnan(likelihood(np.array([0, 0]), np.array([1]), p[:1]))


def test_a_grade_that_no_training_patient_has_is_given_no_probability(tmp_path):
    train, y = patients(80, 0)
    method = find_method("svm")()
    method.endpoint = MRS
    method.fit(train, np.clip(y, 1, 5), *patients(40, 1))
    p = method.predict_proba(train)
    assert (p[:, [0, 6]] == 0).all() and (p[:, 1:6].sum(axis=1) > 0.999).all()
    method.save(tmp_path)
    np.testing.assert_allclose(find_method("svm").load(tmp_path).predict_proba(train), p)
