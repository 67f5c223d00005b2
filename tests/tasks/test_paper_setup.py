"""What the paper varies, point by point."""

import pytest

from strokebench.tasks.paper_setup import GRIDS, apart


@pytest.mark.parametrize(
    ("axis", "value", "parameters"),
    [
        ("heads", 8, {"heads": 8}),
        ("dropout", 0.5, {"dropout": 0.5}),
        ("hidden:width", "512:256", {"hidden": 512, "width": 256}),
    ],
)
def test_a_point_of_an_axis_is_its_parameters(axis, value, parameters):
    assert apart(axis, value) == parameters


def test_the_upper_ends_of_the_loss_weights_are_the_paper_s():
    assert {axis: max(values) for axis, values in GRIDS["figure3"].items()} == {
        "contrastive_weight": 0.5,
        "alignment_weight": 0.1,
    }
