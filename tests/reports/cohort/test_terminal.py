"""What `describe` prints into 80 columns."""

import re
from dataclasses import replace
from io import StringIO

import numpy as np
import pandas as pd
from rich.console import Console
from small_cohort import make_cohort

from strokebench.reports.cohort.describe import NO_PREVALENCE, describe_cohort
from strokebench.reports.cohort.terminal import show_description


def printed(cohort, outcome="") -> str:
    out = StringIO()
    show_description(describe_cohort(cohort, outcome), Console(file=out, width=80))
    return out.getvalue()


def test_grades_are_counted_and_no_outcome_is_an_empty_table():
    told = printed(make_cohort(60, outcomes={"nihss": "nihss < 7", "grades": "nihss 0 to 42", "all": "nihss < 99"}))
    assert "Patients by grade: " in told.split("nihss 0 to 42")[1].split("Outcome")[0]
    assert NO_PREVALENCE in told.split("nihss < 99")[1]


def test_numbers_of_many_grades_are_not_broken():
    cohort = make_cohort(60)
    cohort.table["nihss"] %= 7
    told = printed(replace(cohort, outcomes={"grades": "nihss 0 to 6"}), "grades")
    assert "Table One by 7 grades is on the page" in told
    [age] = [line for line in told.split("By site")[0].splitlines() if line.startswith("age")]
    assert re.search(r"\d \(\d+\.\d+\)", age)


def test_names_are_not_broken_and_sites_that_do_not_fit_are_on_the_page():
    cohort = make_cohort(60)
    few = printed(cohort)
    assert all(name in few for name in cohort.table.columns) and "Table One. By site" in few
    assert all(heading in few for heading in ("Missing", "SMD")), "cut off at the right"
    many = make_cohort(60, site=pd.Series([f"hospital {n % 12}" for n in range(60)], index=cohort.ids))
    assert "Table One by 12 sites is on the page" in printed(many)


def test_grades_are_called_what_they_are_where_they_begin_above_0():
    cohort = make_cohort(60)
    cohort.table["gos"] = np.arange(60) % 5 + 1
    cohort.columns["gos"] = cohort.columns["nihss"]
    told = printed(replace(cohort, outcomes={"gos": "gos 1 to 5"}))
    assert "Patients by grade: 12 of 1, 12 of 2, 12 of 3, 12 of 4, 12 of 5" in " ".join(told.split())


def test_what_is_missing_is_said_without_a_table_too():
    told = printed(replace(make_cohort(60), site=None, outcomes={}, about={"missing": "age: 3"}))
    assert "Missing: age: 3" in told and "SMD" not in told


def test_texts_of_which_nothing_is_kept_are_not_counted_as_texts():
    cohort = make_cohort(4)
    texts = pd.DataFrame({"befund": ["Infarct left.", "Infarkt rechts.", "Kein Infarkt.", None]}, cohort.ids)
    assert "Texts: 3 of 4 patients, 1 with a sentence that the filter keeps" in printed(replace(cohort, texts=texts))
