from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from strokebench.errors import StrokebenchError
from strokebench.tasks.conditions import Condition
from strokebench.tasks.inputs import (
    Inputs,
    Modality,
    Row,
    all_modalities,
    columns_of,
    in_order,
    made_up_sizes,
    modalities_of,
    register_modality,
)


def make_inputs(n: int = 4) -> Inputs:
    present = np.arange(2 * n).reshape(n, 2) % 3 > 0
    return Inputs({"image.vector": np.zeros((n, 3)), "image.tokens": np.zeros((n, 16, 3)), "table": np.eye(n)}, present)


def test_rows_are_taken_of_every_array_and_of_what_is_present():
    x = make_inputs()
    some = x[np.array([2, 0])]
    assert len(some) == 2 and some.units == x.units == ("image", "table")
    np.testing.assert_array_equal(some.arrays["table"], np.eye(4)[[2, 0]])
    np.testing.assert_array_equal(some.present, x.present[[2, 0]])
    assert x.sizes == {"image.vector": (3,), "image.tokens": (16, 3), "table": (4,), "present": (2,)}


def test_rows_remember_whose_copies_they_are():
    x = make_inputs(5)
    np.testing.assert_array_equal(x.sources, np.arange(5))
    copies = x[np.array([0, 3, 3, 4])]
    np.testing.assert_array_equal(copies[np.array([2, 0, 1])].sources, [3, 0, 3])
    taken = Condition(frozenset({"table"})).apply(copies, "train")
    np.testing.assert_array_equal(taken.sources, copies.sources)


@pytest.mark.parametrize("present", [np.ones((3, 1), bool), np.ones((2, 2), bool)])
def test_arrays_and_what_is_present_have_the_same_patients_and_modalities(present):
    with pytest.raises(ValueError):
        Inputs({"table": np.zeros((2, 5)), "text": np.zeros((3, 1, 1, 1))}, present)


def test_a_condition_takes_presence_away_too():
    x = make_inputs(40)
    taken = Condition(frozenset({"table"}), rate=0.5).apply(x, "train")
    np.testing.assert_array_equal(taken.present[:, 1], x.present[:, 1])
    assert 0 < taken.present[:, 0].sum() < x.present[:, 0].sum()


def test_the_built_in_modalities_come_first_whatever_others_are_called():
    assert list(all_modalities())[:3] == ["image", "text", "table"]
    assert in_order({"table", "a", "text"}) == ["text", "table", "a"]
    assert modalities_of(["image.vector", "image.tokens", "present", "source"]) == {"image"}


def test_a_modality_begins_a_line_with_a_capital():
    heading = Modality("eeg", "eeg of the first day", {"eeg": Row(("channels",))}).heading
    assert heading == "Eeg of the first day"


def test_made_up_sizes_are_known_by_name_fixed_or_eight():
    sizes = made_up_sizes(prompts=5, width=384)
    assert (sizes["text"], sizes["image.tokens"], sizes["table"]) == ((5, 8, 384), (16, 8), (8,))
    assert sizes["present"] == (len(all_modalities()),)


def test_what_a_method_sees_cannot_be_exchanged():
    """`modalities` is worked out once, so other arrays would stand under it."""
    with pytest.raises(FrozenInstanceError):
        make_inputs().arrays = {}


def test_what_no_schema_has_is_refused():
    with pytest.raises(StrokebenchError, match="'smell'"):
        Condition(frozenset({"smell"}))
    with pytest.raises(ValueError, match=r"smell\."):
        Modality("smell", "smell", {"odour": Row(("d",))})
    with pytest.raises(StrokebenchError, match="Two modalities are called 'text'"):
        register_modality(Modality("text", "text", {"text": Row(("d",))}))


def test_columns_of_presence_are_found_by_sizes_in_any_order():
    """As they come back from a file, whose keys are sorted."""
    arrays = {name: np.zeros((2, 4)) for name in ("image.vector", "text", "table")}
    x = Inputs(arrays, np.ones((2, 5), bool), sequences=("dwi", "adc", "flair"))
    sizes = dict(sorted(x.sizes.items()))
    found = [x.units[columns_of(modality, sizes)] for modality in ("image", "text", "table")]
    assert found == [("image.dwi", "image.adc", "image.flair"), ("text",), ("table",)]
