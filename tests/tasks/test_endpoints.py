from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_cohort import make_cohort

from strokebench.datasets.cohort import Cohort, Column, Kind, Time
from strokebench.errors import StrokebenchError
from strokebench.tasks.endpoints.parse import hospital_notes, outcome_problems, parse_endpoint


@pytest.mark.parametrize(
    ("expression", "column", "sign", "values", "name"),
    [
        ("nihss < 7", "nihss", "<", (7,), "nihss_lt_7"),
        ("mrs>2", "mrs", ">", (2,), "mrs_gt_2"),
        ("time to death <= 90.5", "time to death", "<=", (90.5,), "time_to_death_le_90.5"),
        ("died", "died", "", (), "died"),
        ("mrs in [0, 1]", "mrs", "in", (0, 1), "mrs_in_0_1"),
        ("good == yes", "good", "==", ("yes",), "good_eq_yes"),
        ("status in [dead, in hospice]", "status", "in", ("dead", "in hospice"), "status_in_dead_in_hospice"),
        ("time in minutes", "time in minutes", "", (), "time_in_minutes"),
        ('end in ["dead, at home", moved]', "end", "in", ("dead, at home", "moved"), None),
        ("end in ['dead, at home', moved]", "end", "in", ("dead, at home", "moved"), None),
        ("mrs ≥ 3", "mrs", ">=", (3.0,), "mrs_ge_3"),
        ("性别 == '男'", "性别", "==", ("男",), "性别_eq_男"),
    ],
)
def test_rules_are_read(expression, column, sign, values, name):
    endpoint = parse_endpoint(expression)
    assert (endpoint.column, endpoint.sign, endpoint.values) == (column, sign, values)
    assert name in (None, endpoint.name)
    assert parse_endpoint(endpoint.expression) == endpoint


@pytest.mark.parametrize("expression", ["", "< 7", "nihss < seven", "a < b < 3", "a in []", "a in [b,]"])
def test_what_is_no_rule_is_refused(expression):
    with pytest.raises(StrokebenchError):
        parse_endpoint(expression)


def test_labels_leave_out_patients_without_the_outcome():
    cohort = make_cohort(30)
    table = cohort.table.copy()
    table.loc[["p001", "p005"], "nihss"] = np.nan
    labels = parse_endpoint("nihss < 7").labels(replace(cohort, table=table))
    assert len(labels) == 28 and "p001" not in labels.index
    assert (labels == (table["nihss"].dropna() < 7)).all()


def test_non_binary_column_without_a_rule_names_the_patient():
    cohort = make_cohort(30)
    with pytest.raises(StrokebenchError, match=r"p\d+.*neither 0 nor 1"):
        parse_endpoint("nihss").labels(cohort)
    with pytest.raises(StrokebenchError, match="needs a column 'mrs'"):
        parse_endpoint("mrs > 2").labels(cohort)
    with pytest.raises(StrokebenchError, match="same for all"):
        parse_endpoint("nihss < 100").labels(cohort)


@pytest.mark.parametrize(
    ("rule", "labels"),
    [
        ("good == yes", [1, 0, 1, 0]),
        ("good != no", [1, 0, 1, 1]),
        ("good in [no, rather]", [0, 1, 0, 1]),
        ("mrs in [0, 6]", [1, 0, 1, 0]),
    ],
)
def test_a_label_may_be_one_of_several_texts_or_numbers(rule, labels):
    table = pd.DataFrame({"good": ["yes", "no", "yes", "rather", None], "mrs": [0, 3, 6, 2, None]}, list("abcde"))
    cohort = Cohort("c", "c", table, {"good": Column(Kind.CATEGORICAL), "mrs": Column(Kind.NUMERIC)})
    found = parse_endpoint(rule).labels(cohort)
    assert found.to_dict() == dict(zip("abcd", labels, strict=True))


def test_an_outcome_keeps_the_name_that_the_cohort_gives_it():
    endpoint = parse_endpoint("mrs > 2", called="poor outcome")
    assert (endpoint.name, endpoint.title) == ("poor_outcome-mrs_gt_2", "poor outcome (mrs > 2)")
    assert parse_endpoint("mrs > 2", called="mrs").name == "mrs_gt_2"


def test_a_text_that_nobody_has_is_told_with_those_that_somebody_has():
    [problem] = outcome_problems(pd.DataFrame({"good": ["yes", "no"]}), {"good": "good == Yes"})
    assert problem.code == "outcome_one_class" and "yes, no" in problem.what


def test_a_column_of_1_and_2_is_one_question_with_its_answer():
    found = list(outcome_problems(pd.DataFrame({"end": [1.0, 2.0, 2.0]}, list("abc")), {"end": "end"}))
    assert [(p.code, p.patient) for p in found] == [("outcome_not_binary", "b"), ("outcome_not_binary", "c")]
    assert "`outcome: end == 2`" in found[0].remedy


def test_a_text_of_several_that_nobody_has_is_told():
    table = pd.DataFrame({"end": ["home"] * 20 + ["dead"] * 20})
    [problem] = outcome_problems(table, {"bad": "end in [dead, movd]"})
    assert problem.code == "outcome_value" and "'movd'" in problem.what and "home, dead" in problem.what


def test_an_outcome_too_rare_to_split_is_told():
    table = pd.DataFrame({"died": [1.0] * 9 + [0.0] * 40 + [None]})
    [few] = [problem for problem in outcome_problems(table, {"died": "died"}) if problem.patient is None]
    assert few.code == "outcome_few" and "only 9 of 49 patients" in few.what


def test_hospitals_too_small_to_be_left_out_are_told():
    table = pd.DataFrame({"mrs": [0.0, 5.0] * 20 + [0.0] * 12 + [0.0, 5.0]})
    site = pd.Series(["A"] * 20 + ["B"] * 20 + ["C 10"] * 12 + ["C 9"] * 2)
    [note] = hospital_notes(table, "mrs > 2", site)
    assert note.startswith("2 of 4 hospitals") and note.endswith(": C 9 (1, 1), C 10 (12, 0)")
    assert next(hospital_notes(table, "mrs > 2", pd.Series("A", table.index))).startswith("one hospital only")
    assert list(hospital_notes(table[:40], "mrs > 2", site[:40])) == []
    # Nine patients with grades of every kind are nine patients.
    graded = pd.DataFrame({"mrs": [0.0, 1, 2, 2, 3, 4, 5, 6, 6] + [0.0, 5.0] * 10})
    [note] = hospital_notes(graded, "mrs 0 to 6", pd.Series(["A"] * 9 + ["B"] * 20))
    assert "fewer than 10 patients or fewer than 5 outside" in note and note.endswith(": A (1, 1, 2, 1, 1, 1, 2)")


def test_no_column_is_banned_by_its_name_and_each_that_is_no_input_has_a_reason():
    cohort = make_cohort(30)
    table = cohort.table.assign(NIHSS_24h=1.0, severity=cohort.table["nihss"], rankin_90=2.0, site_code="a", si="x")
    columns = {
        **cohort.columns,
        "NIHSS_24h": Column(Kind.NUMERIC),
        "severity": Column(Kind.NUMERIC),
        "rankin_90": Column(Kind.NUMERIC, time=Time.AFTER),
        "site_code": Column(Kind.CATEGORICAL),
        "si": Column(Kind.CATEGORICAL),
    }
    cohort = replace(cohort, table=table, columns=columns, banned=("site_code",))
    assert parse_endpoint("nihss < 7").not_inputs(cohort) == {
        "nihss": "the outcome is read from it",
        "severity": "a copy of nihss",
        "rankin_90": "known only afterwards",
        "site_code": "banned",
    }
    # Its letters are in half of the other names.
    assert set(parse_endpoint("si").not_inputs(cohort)) == {"si", "rankin_90", "site_code"}


def test_sentences_that_state_the_scale_go_unless_asked_for():
    text = "The infarct in the left middle cerebral artery territory measures 30 ml. The NIHSS is likely 8 to 12."
    assert "NIHSS" not in parse_endpoint("nihss < 7").keep_text(text)
    assert "30 ml" in parse_endpoint("nihss < 7").keep_text(text)
    assert "NIHSS" in parse_endpoint("mrs > 2").keep_text(text)
    assert "NIHSS" in parse_endpoint("nihss < 7", keep_scale_sentences=True).keep_text(text)
