"""Results survive the disk, and refuse to be put together wrongly."""

from dataclasses import replace

import pandas as pd
import pytest
from made_up import made_up, plan

from strokebench.errors import StrokebenchError
from strokebench.files import file_digest, read_json, write_json
from strokebench.reports.results import FACTS_FILE, PREDICTIONS_FILE, RUNS_FILE, Results, variant_id
from strokebench.reports.table1.table import table1


def test_read_gives_back_what_was_written(incomplete, tmp_path):
    incomplete.write(tmp_path)
    back = Results.read(str(tmp_path))
    pd.testing.assert_frame_equal(back.predictions, incomplete.predictions, check_dtype=False)
    pd.testing.assert_frame_equal(back.runs, incomplete.runs, check_dtype=False)
    pd.testing.assert_frame_equal(back.oracle, incomplete.oracle, check_dtype=False)
    assert back.methods == incomplete.methods
    assert [list(m.notes) for m in back.methods] == [list(m.notes) for m in incomplete.methods]
    assert back.provenance == incomplete.provenance


def test_results_of_an_older_form_are_one_line(results, tmp_path):
    results.write(tmp_path)
    results.runs.drop(columns="fill").to_parquet(tmp_path / RUNS_FILE)
    facts = read_json(tmp_path / FACTS_FILE)
    write_json(
        tmp_path / FACTS_FILE, facts | {"files": facts["files"] | {RUNS_FILE: file_digest(tmp_path / RUNS_FILE)}}
    )
    with pytest.raises(StrokebenchError, match=r"another version of strokebench: runs lack the columns \['fill'\]"):
        Results.read(tmp_path)


def test_files_of_two_writings_are_not_mixed(results, incomplete, tmp_path):
    results.write(tmp_path / "a")
    incomplete.write(tmp_path / "b")
    (tmp_path / "b" / RUNS_FILE).replace(tmp_path / "a" / RUNS_FILE)
    with pytest.raises(StrokebenchError, match=RUNS_FILE):
        Results.read(tmp_path / "a")


def test_a_missing_file_is_named(results, tmp_path):
    results.write(tmp_path)
    (tmp_path / PREDICTIONS_FILE).unlink()
    with pytest.raises(StrokebenchError, match=PREDICTIONS_FILE):
        Results.read(tmp_path)


def test_a_finished_run_without_predictions_is_named(results):
    p = results.predictions
    with pytest.raises(StrokebenchError, match=r"mlp.*seed 41.*fold 2"):
        replace(results, predictions=p[~((p["method"] == "mlp") & (p["seed"] == 41) & (p["fold"] == 2))])


def test_predictions_of_a_failed_run_are_refused(results):
    runs = results.runs.copy()
    runs.loc[0, "status"] = "failed"
    with pytest.raises(StrokebenchError, match="not done"):
        replace(results, runs=runs)


def test_a_doubled_patient_or_run_is_named(results):
    p = results.predictions
    with pytest.raises(StrokebenchError, match=str(p["patient_id"].iloc[0])):
        replace(results, predictions=pd.concat([p, p.head(1)]))
    with pytest.raises(StrokebenchError, match="planned twice"):
        replace(results, runs=pd.concat([results.runs, results.runs.head(1)]))


def test_a_notebook_that_shows_results_keeps_no_patient(results):
    assert results.predictions["patient_id"].iloc[0] not in repr(results)


def test_a_method_must_be_described(results):
    with pytest.raises(StrokebenchError, match="svm"):
        replace(results, methods=[m for m in results.methods if m.name != "svm"])


def test_two_settings_with_one_label_are_told_apart():
    variants = [variant_id({"leaf": leaf}) for leaf in (1, 2)]
    results = made_up(plan(("random_forest",), variants=variants, seeds=(39,)))
    results.runs["variant_label"] = "small"
    assert [setting.label for setting in results.settings.values()] == [
        "Random Forest (small) [random_forest, leaf=1, complete]",
        "Random Forest (small) [random_forest, leaf=2, complete]",
    ]
    rows = table1(results).rows
    assert len({row.label for row in rows}) == len({row.key for row in rows}) == 2
    assert rows[0].cells["AUC"] != rows[1].cells["AUC"]


def test_a_method_with_parameters_from_a_file_says_so_and_is_not_the_papers():
    results = made_up(plan(("vdafm",), seeds=(39,)))
    assert table1(results).rows[0].has_paper
    results = replace(results, runs=results.runs.assign(variant_label="tuned"))
    [row] = table1(results).rows
    assert (row.label, row.key, row.has_paper) == ("VDAFM (tuned)", "vdafm", False)


@pytest.mark.parametrize(
    "change",
    [
        lambda facts: None,
        lambda facts: [],
        lambda facts: {},
        lambda facts: {**facts, "files": [1]},
        lambda facts: {**facts, "files": {}},
        lambda facts: {**facts, "methods": [{}]},
        lambda facts: {**facts, "methods": 7},
        lambda facts: {**facts, "provenance": []},
        lambda facts: {**facts, "provenance": {"outcome": 3}},
        lambda facts: {**facts, "oracle": "x"},
    ],
)
def test_facts_of_another_form_are_one_line_that_names_the_folder(incomplete, tmp_path, change):
    incomplete.write(tmp_path / "made")
    facts = read_json(tmp_path / "made" / "results.json")
    write_json(tmp_path / "made" / "results.json", change(facts))
    with pytest.raises(StrokebenchError, match="made was written by another version"):
        Results.read(tmp_path / "made")
