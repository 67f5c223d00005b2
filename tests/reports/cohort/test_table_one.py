"""How different groups of patients are called."""

import math

import pandas as pd
import pytest

from strokebench.reports.cohort.table_one import smd


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
