import numpy as np
import pytest

from strokebench.tasks.conditions import COMPLETE, Condition
from strokebench.tasks.inputs import Inputs
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


@pytest.mark.parametrize("rate", [0, -0.1, 1.01, np.nan])
def test_a_rate_that_is_no_share_or_none_is_refused(rate):
    with pytest.raises(ValueError):
        Condition(IMAGE_ONLY, rate=rate)


def test_parts_and_modalities_lack_patients_of_their_own_and_the_seed_decides_whom():
    """A stream each: whoever lacks the text is another than whoever lacks the table, in each part, for each seed."""
    x = Inputs.complete({name: np.ones((400, 2), np.float32) for name in ("image.vector", "text", "table")})
    condition = Condition(IMAGE_ONLY, rate=0.25)
    found = [condition.apply(x, part, seed).present for part in ("train", "validation", "test") for seed in (0, 1)]
    for present in found:
        assert present[:, 0].all() and (abs((~present[:, 1:]).mean(axis=0) - 0.25) < 0.08).all()
    lacking = [tuple(column) for present in found for column in (~present[:, 1:]).T]
    assert len(set(lacking)) == len(lacking) == 12
    np.testing.assert_array_equal(condition.apply(x, "test").present, condition.apply(x, "test", 0).present)


def test_what_is_taken_away_is_filled_in_a_copy():
    x = Inputs.complete({"image.vector": np.ones((3, 2), np.float32), "table": np.full((3, 2), 7, np.float32)})
    zeros = {"table": np.array([-1, -2], np.float32)}
    for fill, row in (("mean", [0, 0]), ("zero", [-1, -2])):
        taken = Condition(IMAGE_ONLY, fill=fill).apply(x, "train", zeros=zeros)
        assert taken.arrays["table"].tolist() == [row] * 3
    assert (x.arrays["table"] == 7).all() and x.present.all()


@pytest.mark.parametrize(
    ("condition", "id", "name"),
    [
        (COMPLETE, "complete", "complete"),
        (Condition(frozenset({"table", "image"})), "image+table", "image+table"),
        (Condition(frozenset()), "none", "none"),
        (Condition(IMAGE_ONLY, "test_only"), "image@test", "image@test"),
        (Condition(IMAGE_ONLY, rate=0.3), "image,rate=0.3", "image 30 % lack the rest"),
        (Condition(IMAGE_ONLY, fill="zero"), "image,fill=zero", "image raw zero"),
        (
            Condition(IMAGE_ONLY, "test_only", 0.5, "zero"),
            "image@test,rate=0.5,fill=zero",
            "image 50 % lack the rest raw zero@test",
        ),
    ],
)
def test_a_condition_says_all_that_it_takes_away_and_nothing_else(condition, id, name):
    assert (condition.id, condition.name) == (id, name)


def test_each_condition_has_its_own_id():
    conditions = [
        Condition(IMAGE_ONLY, when, rate, fill)
        for when in ("always", "test_only")
        for rate in (0.3, 1.0)
        for fill in ("mean", "zero")
    ]
    assert len({condition.id for condition in [COMPLETE, *conditions]}) == 9
    assert Condition(IMAGE_ONLY, rate=0.3000001).id != Condition(IMAGE_ONLY, rate=0.3).id
