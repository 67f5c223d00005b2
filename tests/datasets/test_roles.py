"""What a column is to a clinician."""

import numpy as np
import pandas as pd
import pytest

from strokebench.datasets.cohort import Cohort, Column, Kind
from strokebench.errors import StrokebenchError


def cohort(values, role: str, unit: str = "", kind: Kind = Kind.NUMERIC) -> Cohort:
    table = pd.DataFrame({"given": values}, index=[f"p{i}" for i in range(len(values))])
    return Cohort("made", "made up", table, {"given": Column(kind, unit)}, roles={role: "given"})


@pytest.mark.parametrize(
    ("role", "unit", "given", "expected"),
    [
        ("glucose", "mmol/L", [7.3, np.nan], [7.3, np.nan]),
        ("glucose", "mg/dL", [180.16, 90.08], [10.0, 5.0]),
        ("onset_to_admission", "minutes", [90, 30], [1.5, 0.5]),
        ("age", "", [71, 80], [71, 80]),
        ("diabetes", "", [0, 1], [0, 1]),
    ],
)
def test_numbers_come_in_the_role_s_own_unit(role, unit, given, expected):
    np.testing.assert_allclose(cohort(given, role, unit).by_role()[role], expected)


def test_a_few_patients_may_have_any_value():
    assert cohort([1.9] * 19, "glucose", "mmol/L").by_role()["glucose"].eq(1.9).all()


def test_yes_and_no_in_words():
    known = cohort(["Yes", "no", None, "Ja ", "nein", "oui", "non"], "cancer", kind=Kind.CATEGORICAL).by_role()
    np.testing.assert_array_equal(known["cancer"], [1, 0, np.nan, 1, 0, 1, 0])


@pytest.mark.parametrize(
    ("given", "role", "unit", "kind", "named"),
    [
        ([100.0, 120.0], "glucose", "", Kind.NUMERIC, "mmol/l"),
        (["no", "perhaps"], "cancer", "", Kind.CATEGORICAL, "p1.*perhaps"),
        ([0.0, 2.0], "cancer", "", Kind.NUMERIC, "p1"),
        ([1.0], "glucos", "mmol/L", Kind.NUMERIC, "glucos"),
        ([840.0, 900.0] * 10, "age", "months", Kind.NUMERIC, "age in years.*median would be 870"),
        ([120.0, 90.0] * 10, "glucose", "mmol/L", Kind.NUMERIC, "median would be 105"),
        ([6.0, 7.0] * 10, "glucose", "mg/dL", Kind.NUMERIC, "median would be 0.36"),
        ([30_000.0] * 20, "lesion_volume", "ml", Kind.NUMERIC, "median would be 30000"),
    ],
)
def test_what_cannot_be_read_is_named_and_not_guessed(given, role, unit, kind, named):
    with pytest.raises(StrokebenchError, match=named):
        cohort(given, role, unit, kind)


def test_a_column_that_is_no_input_has_no_role():
    assert list(cohort([1.0, 2.0], "nihss").by_role()) == ["nihss"]
    assert list(cohort([1.0, 2.0], "nihss").by_role(banned=["given"])) == []


def test_a_role_that_no_patient_has_is_none():
    assert list(cohort([np.nan, np.nan], "nihss").by_role()) == []


def test_dependence_before_the_stroke_follows_from_the_premorbid_scale():
    known = cohort([2, 3, np.nan], "premorbid_mrs").by_role()
    np.testing.assert_array_equal(known["dependence"], [0, 1, np.nan])
