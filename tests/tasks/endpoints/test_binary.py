"""A binary outcome: who has the event, what a logit stands for, what is said of it."""

import numpy as np
import pandas as pd
import pytest
import torch

from strokebench.tasks.endpoints.binary import BINARY, Binary
from strokebench.tasks.endpoints.parse import parse_endpoint

GRADES = pd.Series({"a": 2.0, "b": 3.0, "c": 4.0})


@pytest.mark.parametrize(
    ("rule", "events"),
    [
        ("x < 3", "a"),
        ("x <= 3", "ab"),
        ("x > 3", "c"),
        ("x >= 3", "bc"),
        ("x == 3", "b"),
        ("x != 3", "ac"),
        ("x in [2, 4]", "ac"),
    ],
)
def test_label_1_is_for_whom_the_rule_holds(rule, events):
    labels = parse_endpoint(rule).read(GRADES)
    assert "".join(labels.index[labels == 1]) == events and set(labels) == {0, 1}


@pytest.mark.parametrize("value", ["dead", "dead, probably", "it's over, so"])
def test_a_rule_is_written_as_it_is_read(value):
    endpoint = Binary("fate", "in", (value, "lost"))
    assert parse_endpoint(endpoint.expression) == endpoint


def test_a_column_of_0_and_1_is_its_own_label():
    assert parse_endpoint("died").read(pd.Series({"a": "1", "b": 0, "c": 1.0})).to_dict() == {"a": 1, "b": 0, "c": 1}


def test_a_logit_is_the_log_odds_of_the_event_and_the_rest_is_label_0():
    p = BINARY.link(np.log([3, 1, 1 / 4]))
    np.testing.assert_allclose(p, [[1 / 4, 3 / 4], [1 / 2, 1 / 2], [4 / 5, 1 / 5]])
    np.testing.assert_allclose(BINARY.columns(p)["p"], [3 / 4, 1 / 2, 1 / 5])


def test_the_loss_is_minus_the_log_of_what_the_label_was_given():
    loss = BINARY.loss(torch.log(torch.tensor([3.0, 0.25])), torch.tensor([1.0, 0.0]))
    assert loss.item() == pytest.approx(-(np.log(3 / 4) + np.log(4 / 5)) / 2)


def test_fits_are_selected_by_the_probability_of_the_event():
    y, p = np.array([0, 1, 0, 1]), np.array([0.2, 0.4, 0.5, 0.9])
    both = np.column_stack([1 - p, p])
    # Three of four pairs are ranked rightly; 0.3 finds both events at one false call, 0.7 one at none.
    assert BINARY.score(y, both) == 0.75
    assert BINARY.threshold(y, both) == pytest.approx(0.3)


def test_what_is_said_of_the_labels():
    endpoint = parse_endpoint("mrs > 2")
    assert endpoint.describe(1) == "mrs > 2 (label 1)" and endpoint.describe(0) == "otherwise (label 0)"
    assert endpoint.shares([1, 0, 0, 1, 0, 0, 0, 0]) == "25.0 % positive"
    assert "from a probability of 0.3 on" in endpoint.how_called(0.3)
