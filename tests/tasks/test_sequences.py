"""Single sequences of an image: each may be missing by itself, and be taken away by itself."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_cohort import make_cohort, make_embeddings

from strokebench.tasks.conditions import COMPLETE, Condition, by_sequence
from strokebench.tasks.preparing.fitted import Preprocessing
from strokebench.tasks.preparing.prepare import prepare
from strokebench.tasks.protocols import make_split

OTHERS = frozenset({"text", "table"})
ADC = np.s_[..., 2:4]
"""Of eight channels the second pair, where there are four sequences."""


@pytest.fixture
def cohort():
    return make_cohort(80)


@pytest.fixture
def embeddings(cohort):
    """Four sequences of two channels; every fourth patient has no `adc`."""
    made = make_embeddings(cohort)
    for name in ("image.vector", "image.tokens"):
        made.arrays[name][(slice(None, None, 4), *ADC)] = np.nan
    return replace(made, sequences=("dwi", "adc", "flair", "swi"))


@pytest.fixture
def parts(cohort, embeddings):
    labels = pd.Series((cohort.table["nihss"] < 7).astype(int), cohort.ids)
    fold = make_split("cv5", labels, seeds=(39,)).folds[0]
    return lambda condition=COMPLETE: prepare(cohort, embeddings, labels, fold, ["nihss"], condition)


def test_present_has_a_column_for_each_sequence_and_what_lacks_is_at_the_training_mean(parts, cohort):
    test = parts().test
    assert test.units == ("image.dwi", "image.adc", "image.flair", "image.swi", "text", "table")
    lacks = ~test.present[:, 1]
    assert 0 < lacks.sum() < len(test) and np.delete(test.present, 1, axis=1).all()
    for name in ("image.vector", "image.tokens"):
        assert not test.arrays[name][lacks][ADC].any() and test.arrays[name][~lacks][ADC].all()
        assert np.delete(test.arrays[name], [2, 3], axis=-1).all()


def test_balanced_copies_keep_what_was_present(parts):
    train = parts().train
    np.testing.assert_array_equal(train.present[:, 1], train.arrays["image.vector"][ADC].any(axis=1))


@pytest.mark.parametrize("fill", ["mean", "zero"])
def test_a_single_sequence_is_taken_away_and_nothing_else(parts, fill):
    whole = parts().test
    kept = OTHERS | {"image.dwi", "image.flair", "image.swi"}
    less = parts(Condition(kept, "test_only", fill=fill)).test
    assert not less.present[:, 1].any()
    np.testing.assert_array_equal(np.delete(less.present, 1, axis=1), np.delete(whole.present, 1, axis=1))
    for name, values in whole.arrays.items():
        if name.startswith("image"):
            assert (less.arrays[name][ADC] == less.arrays[name][:1][ADC]).all()
            assert bool(less.arrays[name][ADC].any()) == (fill == "zero")
            values, other = (np.delete(array, [2, 3], axis=-1) for array in (values, less.arrays[name]))
            np.testing.assert_array_equal(values, other)
        else:
            np.testing.assert_array_equal(values, less.arrays[name])


def test_an_image_is_missing_as_a_whole_where_no_sequence_is_kept_and_single_ones_on_their_own(parts):
    whole = parts(Condition(OTHERS, "test_only", 0.5)).test.present[:, [0, 2, 3]]
    assert (whole == whole[:, :1]).all() and 0 < whole.mean() < 1
    single = parts(Condition(OTHERS | {"image.dwi"}, "test_only", 0.5)).test.present
    assert single[:, 0].all() and (single[:, 2] != single[:, 3]).any()


def test_conditions_by_sequence_come_only_where_there_are_several():
    assert by_sequence(["image", "table"], ["dwi"]) == [] == by_sequence(["text", "table"], ["dwi", "adc"])
    two = by_sequence(["image", "table"], ["dwi", "adc"])
    assert [condition.id for condition in two] == ["image.dwi+table", "image.adc+table"]
    assert len(by_sequence(["image", "table"], ["dwi", "adc", "flair"], "test_only")) == 6


def test_what_was_fitted_gives_new_patients_the_same_columns(parts, cohort, embeddings, tmp_path):
    labels = pd.Series((cohort.table["nihss"] < 7).astype(int), cohort.ids)
    fold = make_split("cv5", labels, seeds=(39,)).folds[0]
    roles = pd.DataFrame(index=cohort.ids)
    Preprocessing.fit(cohort, embeddings, ["nihss"], roles, pd.Index(fold.train)).save(tmp_path)
    again = Preprocessing.load(tmp_path).inputs(cohort.table, embeddings, roles, pd.Index(fold.test))
    expected = parts().test
    assert again.units == expected.units
    np.testing.assert_array_equal(again.present, expected.present)
    np.testing.assert_allclose(again.arrays["image.tokens"], expected.arrays["image.tokens"], atol=1e-5)
