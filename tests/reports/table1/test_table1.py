"""What Table 1 says of whole, broken and unfinished results."""

from dataclasses import replace

import pandas as pd

from strokebench.reports.results import PATIENT_COLUMNS, Results
from strokebench.reports.summary import summarise
from strokebench.reports.table1.table import FAMILIES, table1
from strokebench.reports.tables.results_table import error_line
from strokebench.reports.tables.table import Mark
from strokebench.tasks.metrics.paper import PAPER_METRICS
from strokebench.tasks.paper_setup import REFERENCE


def rows_of(table):
    return {row.key: row for row in table.rows}


def test_families_then_the_papers_order_then_the_oracle(results):
    table = table1(results)
    assert [group for group, _ in table.groups] == [*FAMILIES, "Ceiling"]
    assert [row.key for row in table.rows] == [
        *("xgboost", "svm", "mlp", "table_net", "image_net", "concat", "sparsemm", "vdafm", "oracle")
    ]
    assert [column.key for column in table.columns] == list(PAPER_METRICS)


def test_values_are_the_summary(results):
    summary = summarise(results).set_index("method")
    for key, row in rows_of(table1(results)).items():
        if key != "oracle":
            for metric in PAPER_METRICS:
                assert row.cells[metric].value == summary.loc[key, metric]
                assert row.cells[metric].std == summary.loc[key, f"{metric}_std"]


def test_each_metric_has_one_best_among_the_methods(results):
    table = table1(results)
    for metric in PAPER_METRICS:
        methods = [row for row in table.rows if not row.reference]
        best = max(methods, key=lambda row: row.cells[metric].value)
        assert best.cells[metric].mark is Mark.BEST
        assert rows_of(table)["oracle"].cells[metric].mark is Mark.NONE


def test_oracle_takes_no_mark_from_a_method(results):
    """With and without the oracle's row, the methods are marked alike."""
    with_oracle = rows_of(table1(results))
    without = rows_of(table1(replace(results, oracle=None)))
    assert "oracle" not in without
    known = replace(results, provenance={**results.provenance, "attainable": "AUC 0.856 by a good reader"})
    [said] = [note for note in table1(known).notes if note.startswith("Oracle")]
    assert said.endswith("The best attainable was AUC 0.856 by a good reader.")
    assert not any("attainable" in note for note in table1(results).notes)
    for key, row in without.items():
        assert {m: row.cells[m].mark for m in PAPER_METRICS} == {
            m: with_oracle[key].cells[m].mark for m in PAPER_METRICS
        }


def test_references_stand_beneath_the_others_and_neither_bear_marks_nor_take_any(results):
    """VDAFM, the best here, as a reference: the next best bears its marks."""
    methods = [replace(m, family=REFERENCE) if m.name == "vdafm" else m for m in results.methods]
    table = table1(replace(results, methods=methods))
    assert [group for group, _ in table.groups][-2:] == [REFERENCE, "Ceiling"]
    rows = rows_of(table)
    assert {cell.mark for cell in rows["vdafm"].cells.values()} == {Mark.NONE}
    assert rows["sparsemm"].cells["AUC"].mark is Mark.BEST
    assert any("never ranked" in note for note in table.notes)


def test_unfinished_methods_say_so_and_are_not_marked(results, incomplete):
    rows = rows_of(table1(incomplete))
    assert rows["vdafm"].runs == "18/20 (2 failed)"
    assert rows["mlp"].runs == "17/20"
    assert rows["svm"].runs == "0/20 (20 failed)"
    assert all(cell.value is None for cell in rows["svm"].cells.values())
    for key in ("vdafm", "mlp", "svm"):
        assert {rows[key].cells[m].mark for m in PAPER_METRICS} == {Mark.NONE}
    # VDAFM leads when complete, so its marks have moved on to complete rows.
    assert rows_of(table1(results))["vdafm"].cells["AUC"].mark is Mark.BEST
    assert [key for key, row in rows.items() if row.cells["AUC"].mark is Mark.BEST] == ["sparsemm"]


def test_other_methods_do_not_change_when_one_fails(results, incomplete):
    whole, broken = rows_of(table1(results)), rows_of(table1(incomplete))
    for key in ("xgboost", "concat", "table_net", "oracle"):
        assert {m: whole[key].cells[m].value for m in PAPER_METRICS} == {
            m: broken[key].cells[m].value for m in PAPER_METRICS
        }


def test_failed_runs_are_listed_with_their_error(incomplete):
    failures = {failure.label: failure for failure in table1(incomplete).failures}
    assert set(failures) == {"VDAFM", "SVM"}
    assert failures["VDAFM"].error == "ValueError: 50 % of {rows} lost"
    assert "seed 39 fold 1" in failures["VDAFM"].runs
    assert failures["SVM"].runs.startswith("20 runs")


def test_error_line():
    assert error_line("Traceback (most recent call last):\n  x\nKeyError: 'a'\n") == "KeyError: 'a'"
    chained = "Traceback (most recent call last):\n  x\nKeyError: 'a'\n\nDuring handling, another:\n\n"
    assert error_line(f"{chained}Traceback (most recent call last):\n  x\nOSError: full\n  in /tmp") == (
        "OSError: full in /tmp"
    )
    assert error_line("No such column.\nTry another.") == "No such column."
    assert error_line(None) == error_line("") == error_line(float("nan")) == "no error was recorded"


def test_the_caption_states_what_the_deviation_is_of(results, make_results):
    table = table1(results)
    assert "20 runs (5 folds × 4 seeds)" in table.caption
    assert "population standard deviation" in table.caption
    assert "nihss < 7: 200 patients, 28.5 % positive" in table.caption
    assert "10 runs (5 folds × 2 seeds)" in table1(make_results(seeds=(39, 40))).caption


def test_a_synthetic_cohort_is_called_that_whatever_its_title(results):
    renamed = replace(results, provenance={**results.provenance, "title": "Hospital of Nowhere"})
    assert "synthetic" in table1(renamed).cohort
    real = replace(results, provenance={**results.provenance, "title": "SOOP", "synthetic": False})
    assert table1(real).cohort == "SOOP"


def test_the_papers_numbers_stand_beside_ours(results):
    rows = rows_of(table1(results))
    assert rows["vdafm"].cells["AUC"].paper.mean == 81.06
    assert rows["sparsemm"].cells["F1"].paper.mean == 66.22
    assert not rows["concat"].has_paper
    assert not rows["oracle"].has_paper


def test_the_papers_numbers_stand_beside_no_other_outcome(results):
    other = replace(results, provenance=results.provenance | {"outcome": "nihss < 6"})
    assert not any(row.has_paper for row in table1(other).rows)


def test_adapted_methods_have_a_footnote(results):
    table = table1(results)
    assert [(note.letter, note.label) for note in table.footnotes] == [("a", "SparseMM")]
    assert list(table.footnotes[0].parts) == ["Original", "Kept", "Lost", "Source"]
    assert {row.key: row.footnote for row in table.rows if row.footnote} == {"sparsemm": "a"}


def test_cost_columns(results):
    table = table1(results, cost=True)
    assert [column.key for column in table.columns] == [
        "AUC",
        "parameters",
        "fit_seconds",
        "predict_seconds",
        "peak_mb",
    ]
    rows = rows_of(table)
    assert rows["vdafm"].cells["parameters"].value == 2_960_000
    assert rows["svm"].cells["parameters"].value is None
    # The paper's numbers stand in the columns that are shown, or their row would be empty.
    assert {key for key, row in rows.items() if row.has_paper} == {"vdafm", "sparsemm"}


def test_variants_of_a_method_are_rows_of_their_own(results):
    twice = []
    for part in (results.predictions, results.runs):
        other = part[part["method"] == "mlp"].assign(variant="wide")
        twice.append(pd.concat([part, other], ignore_index=True))
    both = Results(twice[0], twice[1], results.methods, results.provenance, results.oracle)
    labels = [row.label for row in table1(both).rows]
    assert {label for label in labels if label.startswith("MLP")} == {"MLP", "MLP (wide)"}


def test_before_the_first_run_is_finished(make_results):
    some = make_results()
    runs = some.runs.assign(status="missing", error=None)
    for none in (some.predictions.head(0), pd.DataFrame(columns=[*PATIENT_COLUMNS, "p"])):
        table = table1(replace(some, predictions=none, runs=runs))
        assert {row.runs for row in table.rows} == {"0/20"}
        assert all(cell.value is None for row in table.rows for cell in row.cells.values())


def test_uncommitted_changes_are_told(results):
    changed = replace(results, provenance={**results.provenance, "commit": "c" * 40 + "+changes"})
    assert any("code cccccccccc+changes" in note for note in table1(changed).notes)


def test_patients_without_the_outcome_are_counted_in_the_caption(results):
    assert "left out" not in table1(results).caption
    provenance = {**results.provenance, "n_without_outcome": 202}
    assert "202 more left out without a known outcome" in table1(replace(results, provenance=provenance)).caption
