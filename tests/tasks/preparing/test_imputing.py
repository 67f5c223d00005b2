"""Gaps of the table filled by its other columns: what is learnt, from whom, and what is left alone."""

import numpy as np
import pandas as pd
import pytest

from strokebench.datasets.cohort import Column, Kind
from strokebench.tasks.preparing.imputing import MISSING, iterative

COLUMNS = {
    **dict.fromkeys(("height", "arm", "points"), Column(Kind.NUMERIC)),
    "side": Column(Kind.CATEGORICAL),
}


@pytest.fixture
def table() -> pd.DataFrame:
    """The arm is 0.4 of the height, points are whole and 2 more on the right; a tenth of each is not known."""
    random = np.random.default_rng(0)
    height, right = random.normal(170, 10, 200), random.random(200) < 0.5
    values = {
        "height": height,
        "arm": 0.4 * height,
        "points": 3.0 + 2 * right,
        "side": np.where(right, "right", "left"),
    }
    table = pd.DataFrame(values, index=[f"p{i:03d}" for i in range(200)])
    return table.mask(random.random(table.shape) < 0.1)


@pytest.fixture
def train(table) -> pd.Index:
    return table.index[:120]


def test_a_number_is_what_the_other_columns_say(table, train):
    filled, _ = iterative(table, COLUMNS, train)
    told = table["arm"].isna() & table["height"].notna()
    assert told.loc[train].any() and told.drop(train).any()
    expected = (0.4 * table["height"])[told].clip(table["arm"].loc[train].min(), table["arm"].loc[train].max())
    np.testing.assert_allclose(filled["arm"][told], expected, rtol=0.01)
    sided = table["points"].isna() & table["side"].notna()
    assert (filled["points"][sided] == np.where(table["side"][sided] == "right", 5, 3)).mean() > 0.9
    assert (filled["points"] == filled["points"].round()).all(), "whole points stay whole"


def test_a_table_of_numbers_alone_is_filled_by_them(table, train):
    filled, _ = iterative(table[["height", "arm"]], COLUMNS, train)
    told = table["arm"].isna() & table["height"].notna()
    expected = (0.4 * table["height"])[told].clip(table["arm"].loc[train].min(), table["arm"].loc[train].max())
    np.testing.assert_allclose(filled["arm"][told], expected, rtol=0.01)


def test_what_is_known_and_categories_stay_and_each_gap_has_its_indicator(table, train):
    filled, columns = iterative(table, COLUMNS, train)
    pd.testing.assert_frame_equal(filled[list(table)].where(table.notna()), table)
    pd.testing.assert_series_equal(filled["side"], table["side"])
    for name in table:
        someone = table.notna().any(axis=1)
        own = filled[MISSING.format(name)]
        pd.testing.assert_series_equal(own[someone], table[name].isna()[someone].astype(float), check_names=False)
    assert set(columns) == set(filled) and columns[MISSING.format("arm")].kind is Kind.NUMERIC


def test_nothing_is_learnt_from_others_than_the_training_part_and_nobody_s_gap_from_another_patient(table, train):
    filled, _ = iterative(table, COLUMNS, train)
    changed = table.copy()
    changed.loc[changed.index[120:], ["height", "arm"]] *= 7
    again, _ = iterative(changed, COLUMNS, train)
    pd.testing.assert_frame_equal(again.loc[train], filled.loc[train])
    alone, _ = iterative(table.loc[[*train, "p150"]], COLUMNS, train)
    pd.testing.assert_series_equal(alone.loc["p150"], filled.loc["p150"])


def test_a_patient_of_whom_nothing_is_known_stays_one(table, train):
    table.loc["p003"] = np.nan
    filled, _ = iterative(table, COLUMNS, train)
    assert filled.loc["p003"].isna().all()


def test_a_number_that_only_others_lack_is_the_training_mean_and_has_no_indicator(table, train):
    table["height"] = table["height"].fillna(170)
    table.loc["p150", "height"] = np.nan
    filled, _ = iterative(table, COLUMNS, train)
    assert filled.loc["p150", "height"] == pytest.approx(table["height"].loc[train].mean())
    assert MISSING.format("height") not in filled


def test_a_column_that_nobody_in_training_has_is_left_as_it_is_and_constants_are_no_error(table, train):
    table["arm"] = table["arm"].where(~table.index.isin(train))
    table["points"] = 3.0
    filled, _ = iterative(table, COLUMNS, train)
    pd.testing.assert_series_equal(filled["arm"], table["arm"])
    assert (filled["points"] == 3).all() and not filled["height"].isna().any()
