from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_cohort import make_cohort, make_embeddings

from strokebench import large
from strokebench.datasets.embeddings import Embeddings
from strokebench.errors import StrokebenchError
from strokebench.tasks.conditions import Condition, all_subsets
from strokebench.tasks.preparing.arrays import moments
from strokebench.tasks.preparing.prepare import prepare
from strokebench.tasks.preparing.table import TablePreprocessor
from strokebench.tasks.protocols import make_split

AXES = {"image.vector": 0, "image.tokens": (0, 1), "text": 0}
"""Over which each array is scaled."""


def with_arrays(embeddings, **arrays):
    return replace(
        embeddings, arrays={**embeddings.arrays, **{name.replace("_", "."): x for name, x in arrays.items()}}
    )


@pytest.fixture
def fold(labels):
    return make_split("cv5", labels, seeds=(39,)).folds[0]


def test_training_part_is_standardised(cohort, embeddings, labels, fold):
    parts = prepare(cohort, embeddings, labels, fold, ["nihss"], balance="none")
    assert len(parts.train) == len(fold.train)
    for name, axis in AXES.items():
        x = parts.train.arrays[name]
        np.testing.assert_allclose(x.mean(axis), 0, atol=1e-5)
        np.testing.assert_allclose(x.std(axis), 1, atol=1e-4)
    np.testing.assert_allclose(parts.train.arrays["table"].mean(0), 0, atol=1e-5)
    assert parts.columns == (
        "age",
        "toast = cardioembolic",
        "toast = large artery",
        "toast = other",
        "smoker = yes",
    )


def test_test_and_validation_rows_do_not_touch_the_training_part(cohort, embeddings, labels, fold):
    before = prepare(cohort, embeddings, labels, fold, ["nihss"])
    table = cohort.table.copy()
    others = [*fold.test, *fold.validation]
    table.loc[others, "age"] = 119.0
    table.loc[others, "toast"] = "never seen"
    rows = embeddings.rows(pd.Index(others))
    image = embeddings.arrays["image.vector"].copy()
    image[rows] += 100
    changed = prepare(
        replace(cohort, table=table), with_arrays(embeddings, image_vector=image), labels, fold, ["nihss"]
    )
    for name, x in before.train.arrays.items():
        np.testing.assert_array_equal(x, changed.train.arrays[name])
    assert (changed.test.arrays["image.vector"] > before.test.arrays["image.vector"]).all()


def test_everything_is_joined_by_id(cohort, embeddings, labels, fold):
    order = np.random.default_rng(3).permutation(len(cohort))
    shuffled = Embeddings(embeddings.ids[order], {name: x[order] for name, x in embeddings.arrays.items()})
    a = prepare(cohort, embeddings, labels, fold, ["nihss"])
    b = prepare(
        replace(cohort, table=cohort.table.iloc[order[::-1]]),
        shuffled,
        labels.sample(frac=1),
        fold,
        ["nihss"],
    )
    for part in ("train", "validation", "test"):
        for name, x in getattr(a, part).arrays.items():
            np.testing.assert_allclose(x, getattr(b, part).arrays[name], atol=1e-6)
    np.testing.assert_array_equal(a.y_train, b.y_train)


def test_mode_imputation_takes_the_mode_nearest_the_median():
    cohort = make_cohort(6)
    table = cohort.table.assign(
        age=[30.0, 30.0, 60.0, 60.0, 62.0, np.nan], smoker=["yes", "yes", "no", None, "yes", "no"]
    )
    fitted = TablePreprocessor(cohort.columns).fit(table)
    assert fitted.modes_["age"] == 60.0
    assert fitted.modes_["smoker"] == "yes"
    known = fitted.transform(table.assign(age=60.0, smoker="yes"))
    filled = fitted.transform(table.assign(age=np.nan, smoker=None))
    np.testing.assert_array_equal(known, filled)


def test_missing_and_empty_inputs_give_finite_arrays(cohort, embeddings, labels, fold):
    table = cohort.table.assign(age=np.nan, smoker=None)
    image, text = embeddings.arrays["image.vector"].copy(), embeddings.arrays["text"].copy()
    tokens = embeddings.arrays["image.tokens"].copy()
    without_image = embeddings.rows(pd.Index(fold.test[:3]))
    image[without_image], tokens[without_image] = np.nan, np.nan
    text[:, 2] = np.nan
    text[5] = np.nan
    parts = prepare(
        replace(cohort, table=table),
        with_arrays(embeddings, image_vector=image, image_tokens=tokens, text=text),
        labels,
        fold,
        ["nihss"],
    )
    assert not any(name.startswith(("age", "smoker")) for name in parts.columns)
    for part in (parts.train, parts.validation, parts.test):
        for x in part.arrays.values():
            assert np.isfinite(x).all()
    assert (parts.test.arrays["image.vector"][:3] == 0).all()
    np.testing.assert_array_equal(parts.test.arrays["text"][:, 2], parts.test.arrays["text"][:, 0])
    assert parts.test.units == ("image", "text", "table")
    assert not parts.test.present[:3, 0].any() and parts.test.present[3:, 0].all()
    text_of = dict(zip(fold.train, parts.train.present[:, 1], strict=False))
    assert [patient for patient, there in text_of.items() if not there] == [cohort.ids[5]]


def test_cohort_without_images_or_text(cohort, labels, fold):
    parts = prepare(cohort, Embeddings(cohort.ids, {}), labels, fold, ["nihss"])
    assert parts.train.arrays["image.vector"].shape[1] == 1
    assert not parts.train.arrays["image.vector"].any()
    assert not parts.test.arrays["text"].any()
    assert parts.test.present.any(axis=0).tolist() == [False, False, True]


def test_constant_channel_is_zeros_not_noise(cohort, embeddings, labels, fold):
    image = embeddings.arrays["image.vector"].copy()
    image[:, 0] = np.float32(0.1)
    parts = prepare(cohort, with_arrays(embeddings, image_vector=image), labels, fold, ["nihss"])
    np.testing.assert_allclose(parts.test.arrays["image.vector"][:, 0], 0, atol=1e-3)


def test_a_patient_in_two_parts_is_refused(cohort, embeddings, labels, fold):
    bad = replace(fold, test=(*fold.test, fold.train[0]))
    with pytest.raises(StrokebenchError, match=fold.train[0]):
        prepare(cohort, embeddings, labels, bad, ["nihss"])


def test_smote_balances_the_training_part_only_and_keeps_records_together(cohort, embeddings, labels, fold):
    plain = prepare(cohort, embeddings, labels, fold, ["nihss"], balance="none")
    parts = prepare(cohort, embeddings, labels, fold, ["nihss"], balance="smote")
    n = len(fold.train)
    assert (np.bincount(parts.y_train) == np.bincount(plain.y_train).max()).all()
    assert len(parts.validation) == len(fold.validation)
    before, after = plain.train.arrays, parts.train.arrays
    np.testing.assert_array_equal(after["table"][:n], before["table"])
    minority = np.bincount(plain.y_train).argmin()
    assert (parts.y_train[n:] == minority).all()
    real = {before["image.vector"][i].tobytes(): i for i in range(n) if plain.y_train[i] == minority}
    for new in range(n, len(parts.train)):
        source = real[after["image.vector"][new].tobytes()]
        np.testing.assert_array_equal(after["text"][new], before["text"][source])
        np.testing.assert_array_equal(after["image.tokens"][new], before["image.tokens"][source])
        np.testing.assert_array_equal(parts.train.present[new], plain.train.present[source])
        distances = ((before["table"] - after["table"][new]) ** 2).sum(1)
        assert distances[plain.y_train == minority].min() == pytest.approx(distances[source])
    # A synthetic category is a real one, not something between two.
    for i in [i for i, name in enumerate(parts.columns) if " = " in name]:
        assert set(after["table"][n:, i]) <= set(before["table"][:, i])


def test_duplicates_are_whole_patients(cohort, embeddings, labels, fold):
    parts = prepare(cohort, embeddings, labels, fold, ["nihss"], balance="duplicate")
    n = len(fold.train)
    assert (np.bincount(parts.y_train) == np.bincount(parts.y_train)[0]).all()
    assert {x.tobytes() for x in parts.train.arrays["table"]} == {x.tobytes() for x in parts.train.arrays["table"][:n]}


def test_conditions_zero_what_they_say(cohort, embeddings, labels, fold):
    always = Condition(frozenset({"image"}))
    at_test = Condition(frozenset({"image"}), "test_only")
    parts = prepare(cohort, embeddings, labels, fold, ["nihss"], always)
    for part in (parts.train, parts.validation, parts.test):
        assert part.arrays["image.vector"].any() and part.arrays["image.tokens"].any()
        assert not part.arrays["text"].any() and not part.arrays["table"].any()
    parts = prepare(cohort, embeddings, labels, fold, ["nihss"], at_test)
    assert parts.train.arrays["table"].any() and parts.validation.arrays["text"].any()
    assert [name for name, x in parts.test.arrays.items() if x.any()] == ["image.vector", "image.tokens"]
    assert parts.train.present.all() and parts.test.present.any(axis=0).tolist() == [True, False, False]


def test_seven_subsets_in_the_papers_order():
    names = [condition.name for condition in all_subsets()]
    assert names == ["text", "image", "table", "image+text", "text+table", "image+table", "complete"]


def test_unknown_balance_and_missing_embeddings(cohort, embeddings, labels, fold):
    with pytest.raises(StrokebenchError, match="smote"):
        prepare(cohort, embeddings, labels, fold, balance="magic")
    few = make_embeddings(cohort.subset(cohort.ids[:50]))
    with pytest.raises(StrokebenchError, match="has no embeddings"):
        prepare(cohort, few, labels, fold)


def test_moments_are_numpys_to_the_bit(embeddings):
    rows = np.random.default_rng(0).permutation(len(embeddings.ids))[:60]
    for name, axis in AXES.items():
        x = embeddings.arrays[name]
        mean, deviation = moments(x, rows, axis)
        np.testing.assert_array_equal(mean, x[rows].mean(axis, dtype=np.float64, keepdims=True))
        np.testing.assert_array_equal(deviation, x[rows].std(axis, dtype=np.float64, keepdims=True))


@pytest.mark.parametrize("unit", [1e-4, 1, 1e4])
def test_moments_follow_the_unit_and_rounding_alone_is_no_deviation(unit):
    x = (unit * np.random.default_rng(0).normal(5, 1, (40, 3))).astype(np.float32)
    x[:, 2] = np.where(np.arange(40) % 2, np.float32(unit), np.nextafter(np.float32(unit), np.float32(np.inf)))
    _, deviation = moments(x, np.arange(40), 0)
    np.testing.assert_allclose(deviation, [[*x[:, :2].std(axis=0, dtype=np.float64), 1]], rtol=1e-6)


@pytest.mark.parametrize("balance", ["smote", "duplicate", "none"])
def test_what_is_prepared_in_blocks_and_mapped_is_the_same(
    cohort, embeddings, labels, fold, balance, monkeypatch, tmp_path
):
    image = embeddings.arrays["image.vector"].copy()
    image[::7] = np.nan
    given = cohort, with_arrays(embeddings, image_vector=image), labels, fold, ["nihss"]
    condition = Condition(frozenset({"image"}), rate=0.5, fill="zero")
    held = prepare(*given, condition, balance)
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path))
    for name in ("HELD", "WHOLE", "BLOCK"):
        monkeypatch.setattr(large, name, 1000)
    mapped = prepare(*given, condition, balance)
    for part in ("train", "validation", "test"):
        for name, x in getattr(held, part).arrays.items():
            np.testing.assert_allclose(getattr(mapped, part).arrays[name], x, rtol=1e-5, atol=1e-6)
    assert (tmp_path / "scratch").is_dir() and not any((tmp_path / "scratch").iterdir())


def test_the_name_of_a_column_changes_no_number(cohort, embeddings, labels, fold):
    """Not even one that reads like an indicator's, whose column SMOTE would then copy instead of drawing between."""
    plain = prepare(cohort, embeddings, labels, fold, ["nihss"])
    names = {"age": "age (0 = none)"}
    columns = {names.get(name, name): column for name, column in cohort.columns.items()}
    renamed = replace(cohort, table=cohort.table.rename(columns=names), columns=columns)
    other = prepare(renamed, embeddings, labels, fold, ["nihss"])
    np.testing.assert_array_equal(other.train.arrays["table"], plain.train.arrays["table"])
    drawn = plain.train.arrays["table"][len(fold.train) :, plain.columns.index("age")]
    assert len(drawn) and not np.isin(drawn, plain.train.arrays["table"][: len(fold.train), 0]).all()


@pytest.mark.parametrize("column", ["smoker", "toast"])
def test_an_unknown_category_is_none_of_the_known_ones(column):
    """Two categories have one indicator, where 0 would stand for the first of them."""
    cohort = make_cohort(40)
    fitted = TablePreprocessor(cohort.columns).fit(cohort.table)
    of_column = [number for number, name in enumerate(fitted.names_) if name.startswith(f"{column} = ")]
    known = fitted.transform(cohort.table)
    unknown = fitted.transform(cohort.table.assign(**{column: "never seen"}))
    assert (unknown[:, of_column] == 0).all() and (known[:, of_column] != 0).all()
    assert len(of_column) == {"smoker": 1, "toast": 3}[column]


def test_an_array_of_another_shape_than_the_schema_s_is_named(cohort, embeddings, labels, fold):
    grid = embeddings.arrays["image.tokens"][:, :9]
    with pytest.raises(StrokebenchError, match=r"image.tokens has rows of shape \(9, 8\), not \(16, channels\)"):
        prepare(cohort, with_arrays(embeddings, image_tokens=grid), labels, fold, ["nihss"])
