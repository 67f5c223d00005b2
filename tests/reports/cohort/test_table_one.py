"""How different groups of patients are called."""

import math

import numpy as np
import pandas as pd
import pytest

from strokebench.datasets import Cohort, Column, Kind
from strokebench.reports.cohort.table_one import share_distance, show_number, smd, table_one


def between(*groups: list[str]) -> float:
    names = [number for number, group in enumerate(groups) for _ in group]
    return smd(pd.Series([value for group in groups for value in group]), pd.Series(names).map("group {}".format))


@pytest.mark.parametrize(
    "groups",
    [
        (["a"] * 5, ["b"] * 5),
        (["a", "b", "b"], ["c", "d", "d"]),
        (["a", "b"], ["a", "b"], ["c"]),
        (["a", "b", "c"], ["d"]),
    ],
)
def test_groups_that_share_no_category_are_infinitely_apart(groups):
    assert math.isinf(between(*groups))


def test_groups_that_share_one_are_not():
    # Shares of b are 1/2 and 1/4: (1/4) / sqrt((1/4 + 3/16) / 2), as for a yes and no.
    assert between(["a", "b"] * 2, ["a", "a", "a", "b"]) == pytest.approx(0.25 / math.sqrt((0.25 + 0.1875) / 2))
    assert math.isfinite(between(["a", "b"] * 3, ["a", "c"] * 3))
    assert between(["a", "b", "c"], ["a", "b", "c"]) == 0


def test_shares_are_as_far_apart_as_the_inverse_covariance_says():
    rng = np.random.default_rng(0)
    for k in (2, 3, 6):
        some, others = rng.dirichlet(np.ones(k), 2)
        spread = sum(np.diag(p) - np.outer(p, p) for p in (some[1:], others[1:])) / 2
        gap = some[1:] - others[1:]
        assert share_distance(some, others) == pytest.approx(math.sqrt(gap @ np.linalg.inv(spread) @ gap))


def test_numbers_of_groups_without_spread():
    def apart(*values: float) -> float:
        return smd(pd.Series(values), pd.Series(["a", "a", "b", "b", "c"]))

    assert apart(1, 3, 2, 4, 99) == pytest.approx(1 / math.sqrt(2))
    assert apart(1, 1, 1, 1, 99) == 0
    assert apart(1, 1, 2, 2, 99) == math.inf
    assert math.isnan(apart(1, 2, math.nan, 4, 99))


def test_a_text_of_everyone_s_own_takes_no_matrix_of_categories(monkeypatch):
    # A matrix of 4000 by 4000 for each of 630 pairs of hospitals took minutes.
    monkeypatch.setattr(np, "outer", None)
    words = pd.Series([f"note {number}" for number in range(4000)])
    assert smd(words, pd.Series([f"h{number % 36}" for number in range(4000)])) == math.inf


def test_dates_are_counted_and_common_categories_listed():
    patients = [str(number) for number in range(60)]
    table = pd.DataFrame(
        {"seen": [f"{n % 28 + 1:02d}.03.2024" for n in range(60)], "ward": [f"w{n % 12}" for n in range(60)]}, patients
    )
    cohort = Cohort("c", "c", table, columns=dict.fromkeys(table, Column(Kind.CATEGORICAL)), outcomes={})
    lines = table_one(cohort, pd.Series(["a", "b"] * 30, patients), "by group").lines
    assert [line.label for line in lines] == ["seen, 28 different", "ward, n (%)", *(f"w{n}" for n in range(12))]
    assert math.isnan(lines[0].smd)


def test_scales_of_points_are_medians_however_they_are_spread():
    patients = [str(number) for number in range(60)]
    table = pd.DataFrame({"NIHSS_adm": [n % 21 for n in range(60)], "age": [n % 21 + 50 for n in range(60)]}, patients)
    cohort = Cohort("c", "c", table, columns=dict.fromkeys(table, Column(Kind.NUMERIC)), outcomes={})
    lines = table_one(cohort, pd.Series(["a", "b"] * 30, patients), "by group").lines
    assert [line.label for line in lines] == ["NIHSS_adm, median [IQR]", "age, mean (SD)"]


@pytest.mark.parametrize("unit", [1e-12, 1e12])
def test_neither_unit_nor_size_of_a_column_hides_a_difference(unit):
    values, groups = pd.Series([0.1, 0.3, 0.2, 0.7, 0.9, 0.8]), pd.Series([*"aaabbb"])
    assert smd(values * unit, groups) == pytest.approx(6)
    assert smd(pd.Series([0.1 * unit] * 7), pd.Series([*"aaabbbb"])) == 0
    assert len(show_number(unit * 0.774208108571)) <= 9
