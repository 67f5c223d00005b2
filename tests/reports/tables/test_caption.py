"""The words around a table."""

from dataclasses import replace

import pandas as pd
import pytest

from strokebench.reports.clinical.tables import thresholds_table
from strokebench.reports.table1.table import table1
from strokebench.reports.tables.caption import QUICK, not_inputs_in_words, patients_in_words


def test_few_columns_that_are_no_input_are_named_and_many_are_counted(results):
    many = {f"lab_{number}": "known only afterwards" for number in range(30)}
    reasons = {"mrs90": "the outcome is read from it", **many, "nurse": "banned"}
    said = not_inputs_in_words(reasons)
    assert said.startswith(
        "No inputs: mrs90 (the outcome is read from it); 30 columns (known only afterwards); nurse (banned). All by"
    )
    table = table1(replace(results, provenance=results.provenance | {"not_inputs": reasons}))
    assert said in table.caption and "lab_7" not in table.caption
    (named,) = [note for note in table.notes if note.startswith("No inputs")]
    assert set(many) == set(named.removeprefix("No inputs, by name: ").split(" (")[0].split(", "))


def test_of_few_nothing_more_is_said(results):
    assert not_inputs_in_words({"mrs90": "banned"}) == "No inputs: mrs90 (banned)."
    assert not_inputs_in_words({}) == ""
    table = table1(replace(results, provenance=results.provenance | {"not_inputs": {"mrs90": "banned"}}))
    assert not any("No inputs" in note for note in table.notes)


@pytest.mark.parametrize("table", [table1, thresholds_table])
def test_whatever_table_it_is_says_what_was_run_and_what_was_made_of_lesion_masks(make_results, table):
    results = make_results(seeds=(39,))
    more = {"quick": True, "from_masks": "the text (volume, side, foci)"}
    plain, said = table(results).caption, table(replace(results, provenance=results.provenance | more)).caption
    assert said.count(QUICK) == 1 and QUICK not in plain
    assert "From the lesion masks: the text (volume, side, foci)." in said and "lesion masks" not in plain


def test_a_mean_is_said_to_be_over_the_folds_that_are_in_it(results):
    assert "(5 folds × " in table1(results).caption
    small = replace(
        results,
        provenance=results.provenance | {"protocol": "loho"},
        predictions=results.predictions.query("fold != 4 or y == 0"),
    )
    assert set(small.too_small) == {4} and "(4 folds × " in table1(small).caption


def test_a_share_is_rounded_as_the_header_of_a_run_rounds_it(results):
    facts = results.provenance | {"n_patients": 160, "n_positive": 98}
    header = results.endpoint.shares(pd.Series([1] * 98 + [0] * 62))
    assert header in patients_in_words(replace(results, provenance=facts))


def test_too_few_patients_of_a_class_are_said(results):
    tested = results.predictions.drop_duplicates("patient_id")
    events = tested.loc[tested["y"] == 1, "patient_id"]
    few = replace(results, predictions=results.predictions[~results.predictions["patient_id"].isin(events[2:])])
    assert "tested, too few" not in table1(results).caption
    assert "Only 2 patients with label 1 were tested, too few to tell much of a method." in table1(few).caption
    one = replace(results, predictions=results.predictions[~results.predictions["patient_id"].isin(events[1:])])
    assert "Only 1 patient with label 1 was tested, too few" in thresholds_table(one).caption
