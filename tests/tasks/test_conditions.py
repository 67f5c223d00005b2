import numpy as np
import pytest

from strokebench.tasks.conditions import COMPLETE, Condition
from strokebench.tasks.preparing.prepare import prepare
from strokebench.tasks.protocols import make_split

IMAGE_ONLY = frozenset({"image"})


@pytest.fixture
def parts(cohort, embeddings, labels):
    fold = make_split("cv5", labels, seeds=(39,)).folds[0]
    return lambda condition: prepare(cohort, embeddings, labels, fold, ["nihss"], condition)


def test_a_share_of_patients_lacks_each_modality_on_its_own(parts):
    complete = parts(COMPLETE)
    some = parts(Condition(IMAGE_ONLY, rate=0.5))
    without_text = (some.train.arrays["text"] == 0).all((1, 2, 3))
    without_table = (some.train.arrays["table"] == 0).all(1)
    for lacking in (without_text, without_table):
        assert 0.3 < lacking.mean() < 0.7
    assert (without_text != without_table).any()
    np.testing.assert_array_equal(
        some.train.arrays["text"][~without_text], complete.train.arrays["text"][~without_text]
    )
    np.testing.assert_array_equal(some.train.arrays["image.vector"], complete.train.arrays["image.vector"])


def test_who_lacks_a_modality_at_a_low_rate_lacks_it_at_a_high_one(parts):
    few, many = (parts(Condition(IMAGE_ONLY, "test_only", rate)).test.arrays["table"] for rate in (0.2, 0.6))
    assert set(np.flatnonzero((few == 0).all(1))) <= set(np.flatnonzero((many == 0).all(1)))


def test_raw_zeros_are_what_zeros_become_by_standardisation(parts):
    mean, zero = parts(Condition(IMAGE_ONLY)), parts(Condition(IMAGE_ONLY, fill="zero"))
    assert not mean.test.arrays["text"].any() and not mean.test.arrays["table"].any()
    assert (zero.test.arrays["table"] == zero.test.arrays["table"][0]).all() and zero.test.arrays["table"].any()
    complete = parts(COMPLETE)
    # An age of 0 is as far below the mean as the mean is above 0, in deviations.
    age = complete.columns.index("age")
    assert zero.test.arrays["table"][0, age] < complete.train.arrays["table"][:, age].min()


def test_a_rate_of_none_is_refused():
    with pytest.raises(ValueError):
        Condition(IMAGE_ONLY, rate=0)


def test_each_condition_has_its_own_id():
    conditions = [
        Condition(IMAGE_ONLY, when, rate, fill)
        for when in ("always", "test_only")
        for rate in (0.3, 1.0)
        for fill in ("mean", "zero")
    ]
    assert len({condition.id for condition in [COMPLETE, *conditions]}) == 9
    assert Condition(IMAGE_ONLY, rate=0.3000001).id != Condition(IMAGE_ONLY, rate=0.3).id
