"""The checklist: complete by number, honest about gaps, and filled from facts only."""

import csv
import io
import re
from dataclasses import replace

import pytest
from grades import as_grades
from small_cohort import make_cohort

from strokebench.reports.cohort.describe import describe_cohort
from strokebench.reports.page.checklist import State, fill_checklist
from strokebench.reports.page.page import write_page
from strokebench.reports.page.parts import PagePart

_NUMBERS = """1 2 3a 3b 3c 4 5a 5b 6a 6b 6c 7 8a 8b 8c 9a 9b 9c 10 11 12a 12b 12c 12d 12e 12f 12g 13 14 15 16 17
18a 18b 18c 18d 18e 18f 19 20a 20b 20c 21 22 23a 23b 24 25 26 27a 27b 27c"""
NUMBERS = _NUMBERS.split()


@pytest.fixture
def part(results) -> PagePart:
    return PagePart("table1", "table1", "Table 1", "table1", results=results)


def by_number(parts):
    return {item.number: item for item in fill_checklist(parts).items}


def test_every_item_of_the_statement_is_there_once(part):
    assert [item.number for item in fill_checklist([part]).items] == NUMBERS


def test_facts_are_filled_in(part):
    items = by_number([part])
    assert "200" in items["10"].known and "nihss < 7" in items["8a"].known
    assert items["18a"].state is State.OPEN and items["18a"].gaps
    assert not any("{" in item.known for item in items.values())


def test_a_described_cohort_says_how_many_patients_are_needed(demo, tmp_path):
    settings = [demo / "virtual-nihss_lt_7-cv5"]
    for description, known in ((describe_cohort(make_cohort(60), "nihss < 7"), True), (None, False)):
        write_page(settings, tmp_path, description)
        [row] = [line for line in (tmp_path / "checklist.md").read_text().splitlines() if line.startswith("| 10 |")]
        assert ("a model of all 4 columns" in row) is ("here are 60" in row) is known
        assert ("Riley" in row) is known and "this suffices for your question." in row
    assert "Riley" not in (tmp_path / "report.html").read_text()


def test_grades_are_no_event(part):
    events, grades = by_number([part]), by_number([replace(part, results=as_grades(part.results))])
    assert events["8a"].known == "Label 1 is nihss < 7." and "called positive from 0.5" in events["15"].known
    assert grades["8a"].known == "The grades mrs 0 to 2, as they are."
    assert all("200 patients" in grades[number].known for number in ("10", "21"))
    assert grades["15"].known == "A probability of each of the grades mrs 0 to 2; a patient is given their median."


def stating(part, **facts):
    """The part with other facts."""
    return replace(part, results=replace(part.results, provenance={**part.results.provenance, **facts}))


def test_what_is_true_of_one_of_several_settings_is_not_said_of_all(part):
    other = {"title": "SOOP", "outcome": "mrs > 2", "n_patients": 999, "n_positive": 9, "synthetic": False}
    soop = stating(part, **other)
    checklist = fill_checklist([part, soop])
    items = {item.number: item for item in checklist.items}
    assert checklist.cohort == "made-up virtual cohort (synthetic patients); SOOP"
    assert items["17"].state is State.OPEN and items["8a"].known == items["1"].known == items["10"].known == ""
    # Of another outcome of the same patients, graded, no number of events is told.
    graded = replace(part, results=as_grades(part.results))
    assert "label 1" not in by_number([stating(part, n_positive=50), graded])["10"].known
    # A validation is of other patients by its nature.
    validated = replace(soop, results=stating(soop, protocol="external", more=1).results)
    assert by_number([part, validated])["8a"].known == "Label 1 is nihss < 7."


def test_libraries_of_all_experiments_are_named_and_one_method_is_one(part):
    one, two = (stating(part, commit="a" * 40, versions={"torch": version}) for version in "12")
    assert "; torch 1, 2." in by_number([one, two])["18f"].known
    results = part.results
    runs, predictions = (table[table["method"] == "svm"] for table in (results.runs, results.predictions))
    alone = replace(
        results, methods=[m for m in results.methods if m.name == "svm"], runs=runs, predictions=predictions
    )
    assert "evaluation of 1 method for" in by_number([replace(part, results=alone)])["1"].known


def test_every_commit_is_named(part):
    known = part.results.provenance
    one, two = (
        replace(part, results=replace(part.results, provenance=known | {"commit": commit}))
        for commit in ("a" * 40, "b" * 40 + "+changes")
    )
    assert f"at commit {'a' * 40};" in by_number([one])["22"].known
    assert f"at commits {'a' * 10}, {'b' * 10}+changes (the provenance" in by_number([one, two])["22"].known


def test_an_unknown_fact_leaves_the_item_open(part):
    bare = replace(part.results, provenance={})
    items = by_number([replace(part, results=bare)])
    assert items["10"].known == "" and items["10"].state is State.OPEN


def test_what_is_not_computed_is_a_gap_until_it_is(part):
    assert any("strokebench run figure5" in gap for gap in by_number([part])["12d"].gaps)
    more = [part, *(PagePart(name, name, name, name) for name in ("figure5", "clinical"))]
    item = by_number(more)["12d"]
    assert item.state is State.FILLED and [part.name for part in item.see] == ["figure5", "clinical"]


def test_real_patients_need_ethics_and_invented_ones_do_not(part):
    assert by_number([part])["17"].state is State.FILLED
    real = replace(part.results, provenance={**part.results.provenance, "synthetic": False})
    assert by_number([replace(part, results=real)])["17"].state is State.OPEN


def test_the_files_hold_every_item(part):
    checklist = fill_checklist([part])
    rows = list(csv.DictReader(io.StringIO(checklist.to_csv())))
    assert [row["item"] for row in rows] == NUMBERS
    lines = [line for line in checklist.to_markdown().splitlines() if line.startswith("| ")]
    assert [line.split("|")[1].strip() for line in lines[1:]] == NUMBERS
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 7 for line in lines)
    assert sum(checklist.count(state) for state in State) == len(NUMBERS)
