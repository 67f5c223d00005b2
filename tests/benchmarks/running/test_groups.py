"""Subgroups are found by column name, and survive the disk with their order."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_cohort import make_cohort

from strokebench.benchmarks.running.groups import age_bands, patient_groups
from strokebench.datasets.cohort import Column, Kind
from strokebench.reports.results import Results


def with_sex(name: str):
    cohort = make_cohort(40)
    table = cohort.table.assign(**{name: ["F", "M", None, " F "] * 10})
    return replace(cohort, table=table, columns={**cohort.columns, name: Column(Kind.CATEGORICAL)})


def test_bands_meet_without_gap_or_overlap():
    ages = pd.Series([18, 59, 59.9, 60, 69, 70, 79, 80, 103, np.nan])
    expected = ["under 60"] * 3 + ["60-69"] * 2 + ["70-79"] * 2 + ["80 and over"] * 2 + ["unknown"]
    bands = age_bands(ages)
    assert list(bands) == expected
    assert list(bands.categories) == list(dict.fromkeys(expected))


def test_columns_are_found_in_whatever_case():
    groups = patient_groups(with_sex("Gender"), pd.Index(["p003", "p001", "p002"]))
    assert list(groups["patient_id"]) == ["p003", "p001", "p002"]
    assert list(groups["sex"]) == ["F", "M", "unknown"]
    assert "age" in groups


def test_no_such_column_no_groups():
    cohort = make_cohort(40)
    without = replace(
        cohort, table=cohort.table.drop(columns="age"), columns={k: v for k, v in cohort.columns.items() if k != "age"}
    )
    assert patient_groups(without, without.ids) is None


@pytest.mark.parametrize(
    ("age", "sex", "race"),
    [
        ("Alter", "Geschlecht", "Race/Ethnicity"),
        ("\N{LATIN SMALL LETTER A WITH CIRCUMFLEX}ge", "Sexe", "ethnie"),
        ("edad", "sexo", "etnia"),
        ("年齢", "性別", "人種"),
        ("年龄", "性别", "民族"),
        ("나이", "성별", "ethnic group"),
        ("AGE", " Gender", "race ethnicity"),
    ],
)
def test_columns_are_found_by_usual_names_of_several_languages(age, sex, race):
    groups = patient_groups(called({"age": age, "toast": race}, sex), pd.Index(["p003", "p001"]))
    assert list(groups) == ["patient_id", "age", "sex", "race"]
    assert list(groups["sex"]) == ["F", "M"]


def called(names: dict[str, str], sex: str, **changes):
    cohort = with_sex(sex)
    columns = {names.get(name, name): column for name, column in cohort.columns.items()}
    return replace(cohort, table=cohort.table.rename(columns=names), columns=columns, **changes)


def test_what_is_said_comes_before_names():
    about = {"sex_column": "Anrede", "race_column": "toast"}
    cohort = called({"nihss": "years"}, "Anrede", roles={"age": "years"}, about=about)
    groups = patient_groups(cohort, cohort.ids)
    assert list(groups) == ["patient_id", "age", "sex", "race"]
    # The column called age holds others.
    assert set(groups["age"]) == {"under 60"} != set(age_bands(cohort.table["age"]))
    assert set(groups["sex"]) == {"F", "M", "unknown"} and set(groups["race"]) == set(cohort.table["toast"])


def test_the_age_of_a_role_may_be_written_as_words():
    cohort = with_sex("sex")
    columns = {**cohort.columns, "age": Column(Kind.CATEGORICAL)}
    words = cohort.table["age"].map(lambda years: f"{years:g}", na_action="ignore").astype(object)
    written = replace(cohort, table=cohort.table.assign(age=words), columns=columns)
    assert "age" not in patient_groups(written, cohort.ids)
    bands = patient_groups(replace(written, roles={"age": "age"}), cohort.ids)["age"]
    assert list(bands) == list(age_bands(cohort.table["age"]))


def test_groups_survive_the_disk(tmp_path):
    from strokebench.reports.results import PATIENT_COLUMNS, RUN_COLUMNS

    groups = patient_groups(with_sex("sex"), pd.Index(["p003", "p001"]))
    empty = Results(
        pd.DataFrame(columns=[*PATIENT_COLUMNS, "p"]), pd.DataFrame(columns=list(RUN_COLUMNS)), [], {}, groups=groups
    )
    empty.write(tmp_path)
    back = Results.read(tmp_path).groups
    assert back["sex"].cat.ordered
    pd.testing.assert_frame_equal(back, groups, check_dtype=False, check_categorical=False)
