"""The board: what stands in a column is the site's own table, and nothing is pooled that must not be."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from grades import as_grades

from strokebench.errors import StrokebenchError
from strokebench.reports.board.board import board_section
from strokebench.reports.results import Results
from strokebench.reports.statistics.headline import auc_intervals
from strokebench.reports.statistics.random_effects import pool_intervals
from strokebench.reports.tables.section import publish
from strokebench.reports.tables.table import DASH


def site(results: Results, first: int, beyond: int, *methods: str, **stated) -> Results:
    """A hospital that has these patients of the made-up ones, and ran these methods."""
    ids = [f"P{number:03d}" for number in range(first, beyond)]
    predictions, runs = results.predictions, results.runs
    predictions = predictions[predictions["patient_id"].isin(ids) & predictions["method"].isin(methods)]
    provenance = {**results.provenance, "dataset": f"from {first}", "data_sha256": str(first), "n_patients": len(ids)}
    return replace(
        results, predictions=predictions, runs=runs[runs["method"].isin(methods)], provenance=provenance | stated
    )


@pytest.fixture
def sites(make_results) -> dict[str, Results]:
    results = make_results(seeds=(39, 40))
    return {
        "north": site(results, 0, 70, "vdafm", "svm", "concat"),
        "pooled": site(results, 70, 140, "svm", "vdafm", "concat"),
        "west": site(results, 140, 200, "vdafm", "svm"),
    }


def test_columns_are_the_sites_own_and_only_what_all_have_is_pooled(sites):
    section = board_section(sites)
    table = section.panels[0].content
    rows = {row.label: {key: cell.text for key, cell in row.cells.items()} for row in table.rows}
    assert list(rows) == ["SVM", "Concat", "VDAFM"], "by family"
    for label, name in (("VDAFM", "vdafm"), ("SVM", "svm")):
        own = [auc_intervals(results)[name] for results in sites.values()]
        pooled = pool_intervals(own)
        assert [rows[label][f"AUC, {one}"] for one in sites] == [interval.text() for interval in own]
        assert rows[label]["pooled"] == pooled.mean.text() and pooled.hospitals == 3
        assert min(one.value for one in own) < pooled.mean.value < max(one.value for one in own)
    assert rows["Concat"]["AUC, north"] != DASH == rows["Concat"]["AUC, west"] == rows["Concat"]["pooled"]
    assert "3 sites with 200 tested patients, VDAFM has the highest pooled AUC" in section.lead
    assert not section.warnings


def test_no_patient_is_in_what_is_written(sites, tmp_path: Path):
    publish(board_section(sites), tmp_path)
    written = [path.read_text() for path in tmp_path.iterdir()]
    assert len(written) == 5 and not any(re.search(r"P\d{3}", text) for text in written)


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"outcome": "nihss < 5"}, "outcome nihss < 7 and outcome nihss < 5"),
        ({"protocol": "loho"}, "protocol cv5 and protocol loho"),
        ({"quick": True}, "north and west do not stand in one table: quick"),
        ({"data_sha256": "0"}, "north and west hold the same patients"),
    ],
)
def test_what_is_not_alike_is_refused(sites, stated, said):
    sites["west"].provenance.update(stated)
    with pytest.raises(StrokebenchError, match=said):
        board_section(sites)


def test_the_same_patients_are_not_counted_twice(make_results):
    results = make_results(seeds=(39,))
    a, b = site(results, 0, 120, "svm"), site(results, 100, 200, "svm", dataset="from 0")
    with pytest.raises(StrokebenchError, match="hold the same patients"):
        board_section({"a": a, "b": b})
    # Of cohorts of other names equal ids are other people.
    assert board_section({"a": a, "b": replace(b, provenance={**b.provenance, "dataset": "other"})})


def test_one_site_and_too_few_runs_are_refused(sites):
    with pytest.raises(StrokebenchError, match="two sites or more"):
        board_section({"north": sites["north"]})
    few = sites["west"]
    frames = [frame[(frame["seed"] == 39) & (frame["fold"] < 2)] for frame in (few.predictions, few.runs)]
    sites["west"] = replace(few, predictions=frames[0], runs=frames[1])
    with pytest.raises(StrokebenchError, match="west has no AUC with an interval"):
        board_section(sites)


def test_other_settings_are_named(sites):
    sites["west"].provenance.update({"encoders": {"image": "another"}, "machine": "its own"})
    [said] = board_section(sites).warnings
    assert said.startswith("west was made otherwise than north: encoders") and "machine" not in said


def test_a_perfect_site_is_not_pooled_and_so_said(sites):
    for results in sites.values():
        results.predictions["p"] = 0.1 + 0.8 * results.predictions["y"]
    section = board_section(sites)
    assert (
        section.lead.startswith("No method can be pooled")
        and section.panels[0].content.rows[0].cells["pooled"].text == DASH
    )


def test_of_grades_the_finding_is_of_c(sites):
    graded = {name: as_grades(results) for name, results in sites.items()}
    section = board_section(graded)
    assert "the highest pooled c:" in section.lead and section.panels[0].content.title.startswith("c at each site")
