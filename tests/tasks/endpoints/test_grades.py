"""Ordered grades as an outcome: how they are read, what a network's logits stand for, what splits are made by."""

import numpy as np
import pandas as pd
import pytest
import torch
from statsmodels.miscmodels.ordinal_model import OrderedModel

from strokebench.errors import StrokebenchError
from strokebench.tasks.endpoints.binary import Binary
from strokebench.tasks.endpoints.ordinal import Ordinal
from strokebench.tasks.endpoints.parse import outcome_problems, parse_endpoint
from strokebench.tasks.protocols import make_split, of_fewer, on_validation

MRS = Ordinal("mrs")
RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("rule", "endpoint"),
    [
        ("mrs", Ordinal("mrs", 0, 6)),
        ("mRS", Ordinal("mRS", 0, 6)),
        ("days to walk 1 to 4", Ordinal("days to walk", 1, 4)),
        ("mrs > 2", Binary("mrs", ">", (2.0,))),
        ("mrs_good", Binary("mrs_good")),
    ],
)
def test_a_rule_is_read_and_read_again(rule, endpoint):
    assert parse_endpoint(rule) == endpoint == parse_endpoint(endpoint.expression)


def test_two_grades_are_no_order():
    with pytest.raises(StrokebenchError, match="cannot be read"):
        parse_endpoint("mrs 3 to 4")


def test_a_scale_of_more_grades_than_labels_hold_is_refused():
    with pytest.raises(StrokebenchError, match="'points 0 to 200' has 201 grades, more than 128") as error:
        parse_endpoint("points 0 to 200")
    assert "points > 100" in error.value.hint
    given = pd.Series({"a": 1, "b": 128})
    assert parse_endpoint("points 1 to 128").read(given).to_dict() == {"a": 0, "b": 127}


def test_a_label_is_the_grade_less_the_lowest():
    endpoint = Ordinal("scale", 2, 5)
    assert endpoint.read(pd.Series({"a": "2", "b": "5", "c": "3.0"})).to_dict() == {"a": 0, "b": 3, "c": 1}
    assert [cut.expression for cut in endpoint.dichotomies] == ["scale > 2", "scale > 3", "scale > 4"]
    assert endpoint.describe(1) == "scale 3" and endpoint.shares([0, 0, 3, 1]).startswith("50 % at 2, 25 % at 3, 0 %")
    for value in (1, 6, 2.5):
        with pytest.raises(StrokebenchError, match=f"Patient b: outcome scale = {value:g} is no whole grade"):
            endpoint.read(pd.Series({"a": 2, "b": value}))


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ([*range(7)] * 20, []),
        ([*range(6), 2.5] * 20, ["outcome_no_grade"] * 20),
        ([0, 1] * 70, ["outcome_few_grades"]),
        ([0, 3, 6], ["outcome_few"]),
    ],
)
def test_what_is_no_grade_is_a_problem(values, codes):
    table = pd.DataFrame({"mrs": np.array(values, float)}, [f"p{i}" for i in range(len(values))])
    assert [problem.code for problem in outcome_problems(table, {"mrs": "mrs"})] == codes


def test_a_rare_grade_is_split_with_its_neighbour():
    labels = pd.Series(np.repeat(range(7), [4, 30, 2, 3, 30, 30, 5]))
    groups = MRS.strata(labels)
    names = ["mrs 0 to 1", "mrs 2 to 4", "mrs 5 to 6"]
    assert groups.groupby(labels).first().tolist() == [names[number] for number in (0, 0, 1, 1, 1, 2, 2)]
    assert groups.cat.categories.tolist() == names
    assert groups.value_counts().min() >= 10


def test_what_a_split_lacks_is_named_by_its_grades():
    endpoint = Ordinal("barthel", 9, 13)
    labels = endpoint.read(
        pd.Series(np.repeat([9, 10, 11, 12, 13], [30, 30, 4, 30, 3]), [f"p{i:02d}" for i in range(97)])
    )
    strata = endpoint.strata(labels)
    assert strata.cat.categories.tolist() == ["barthel 9", "barthel 10", "barthel 11 to 13"]
    with pytest.raises(StrokebenchError, match="Only 7 of 67 patients have label barthel 11 to 13"):
        make_split("cv5", strata.drop(labels.index[labels == 3]))


def test_strata_are_parted_in_the_order_of_their_grades():
    """Whatever their names: 10 is above 9."""
    endpoint = Ordinal("points", 8, 11)
    labels = endpoint.read(pd.Series([8 + i % 4 for i in range(90)], [f"p{i:02d}" for i in range(90)]))
    strata = endpoint.strata(labels)
    split, by_number = (make_split("cv5", each, seeds=(39,)) for each in (strata, labels))
    assert split == by_number
    for fold in split.folds:
        assert on_validation(fold, strata) == on_validation(fold, labels)
        assert of_fewer(fold, strata, 0.5) == of_fewer(fold, labels, 0.5)


def ordered_model(thresholds, slope, x):
    """statsmodels' probabilities of the grades at given thresholds."""
    model = OrderedModel(np.arange(len(x)) % (len(thresholds) + 1), x[:, None], distr="logit")
    return model.predict(np.r_[slope, thresholds[0], np.log(np.diff(thresholds))])


def test_logits_stand_for_what_statsmodels_calls_an_ordered_model():
    thresholds, x = np.array([-2.0, -0.5, 0.1, 0.3, 2.0, 5.0]), RNG.normal(size=50)
    fall = np.log(np.expm1(np.diff(thresholds)))
    logits = np.column_stack([0.7 * x - thresholds[0], np.tile(fall, (50, 1))])
    p = MRS.link(logits)
    np.testing.assert_allclose(p, ordered_model(thresholds, 0.7, x), atol=1e-12)
    y = RNG.integers(0, 7, 50)
    loss = MRS.loss(torch.from_numpy(logits), torch.from_numpy(MRS.targets(y)))
    assert float(loss) == pytest.approx(-np.log(p[np.arange(50), y]).mean())


def test_the_loss_is_finite_with_a_gradient_where_logits_are_extreme():
    logits = torch.tensor([[200.0, -300, 300, -300, 0, 50], [-200.0, 300, -300, 0, 0, 0]], requires_grad=True)
    mixed = torch.from_numpy(MRS.targets([0, 6])) * 0.3 + torch.from_numpy(MRS.targets([3, 2])) * 0.7
    loss = MRS.loss(logits, mixed)
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(logits.grad).all() and (logits.grad != 0).any(1).all()


def test_cuts_that_cross_are_sorted():
    above = np.array([[0.9, 0.5, 0.6, 0.2, 0.2, 0.0]])
    np.testing.assert_allclose(MRS.from_cuts(above), [[0.1, 0.3, 0.1, 0.3, 0.0, 0.2, 0.0]], atol=1e-12)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("patients", range(46, 54))
def test_patients_with_the_same_probabilities_are_equal(patients, order):
    kind = RNG.integers(2, size=patients)
    p = np.array(RNG.dirichlet(np.ones(7), 2)[kind], order=order)
    predictions = pd.DataFrame(p, columns=list(MRS.prediction_columns))
    assert len(np.unique(MRS.ranking(predictions))) == 2
    y = RNG.integers(7, size=patients)
    means = np.array([p[kind == number][0] @ np.arange(7) for number in range(2)])[kind]
    ahead = np.sign(means[:, None] - means)[y[:, None] > y]
    assert MRS.score(y, p) == pytest.approx(((ahead > 0) + 0.5 * (ahead == 0)).mean())
