"""Features scaled by block: against the formula, on the training part's own numbers."""

import numpy as np
import pandas as pd
import pytest
from small_cohort import make_cohort, make_embeddings

from strokebench.tasks.fold import Fold
from strokebench.tasks.preparing.prepare import prepare
from strokebench.tasks.preparing.scaling import by_block


@pytest.fixture(scope="module")
def parts():
    """A fold by column and by block; one column of the image varies tenfold, and one patient has no image."""
    cohort = make_cohort(100)
    embeddings = make_embeddings(cohort)
    image = embeddings.arrays["image.vector"]
    image[:, 0] *= 10
    image[3] = np.nan
    ids = list(cohort.ids)
    fold = Fold(39, 0, "fold 1", tuple(ids[:60]), tuple(ids[60:80]), tuple(ids[80:]))
    labels = (cohort.table["nihss"] < 7).astype("int8")
    by_column = prepare(cohort, embeddings, labels, fold, ("nihss",))
    return embeddings.arrays, by_column, by_block(by_column, embeddings, pd.Index(fold.train))


@pytest.mark.parametrize("name", ["image.vector", "text"])
def test_one_mean_and_one_deviation_of_the_training_part_for_all_numbers(parts, name):
    arrays, _, blocks = parts
    own = arrays[name][:60]
    expected = (arrays[name][80:] - np.nanmean(own)) / np.nanstd(own)
    np.testing.assert_allclose(blocks.test.arrays[name], expected, rtol=1e-4, atol=1e-5)
    real = np.flatnonzero(blocks.train.sources == np.arange(len(blocks.train)))[:60]
    whole = blocks.train.arrays[name][real]
    known = whole[~np.isnan(own).reshape(60, -1).any(axis=1)]
    assert known.mean() == pytest.approx(0, abs=1e-4) and known.std() == pytest.approx(1, abs=1e-4)


def test_what_is_missing_is_the_mean_of_its_column(parts):
    arrays, _, blocks = parts
    own = arrays["image.vector"][:60]
    expected = (np.nanmean(own, axis=0) - np.nanmean(own)) / np.nanstd(own)
    np.testing.assert_allclose(blocks.train.arrays["image.vector"][3], expected, atol=1e-5)


def test_the_table_the_labels_and_who_was_copied_stay(parts):
    _, by_column, blocks = parts
    np.testing.assert_array_equal(blocks.train.arrays["table"], by_column.train.arrays["table"])
    np.testing.assert_array_equal(blocks.train.sources, by_column.train.sources)
    assert blocks.y_train is by_column.y_train
