"""The paper's numbers, as facts that can be checked against each other."""

import pandas as pd
import pytest

from strokebench.reports.paper.numbers import paper_number, paper_numbers, paper_order
from strokebench.tasks.metrics.paper import PAPER_METRICS


def test_vdafm_is_complete_and_consistent_across_tables():
    for metric in PAPER_METRICS:
        number = paper_number("table1", "vdafm", metric)
        for source, label in (("table2", "text+image+table"), ("table3", "cls+con+sem")):
            other = paper_number(source, label, metric)
            assert (number.mean, number.std) == (other.mean, other.std)


def test_derived_numbers_follow_from_the_stated_leads():
    for metric in ("AUC", "F1", "Precision"):
        ours, theirs = (paper_number("table1", name, metric).mean for name in ("vdafm", "sparsemm"))
        lead = paper_number("sec4.3", "vdafm-sparsemm", metric).mean
        assert ours - theirs == pytest.approx(lead)


def test_lost_numbers_are_none_and_not_nan():
    assert paper_number("table1", "xgboost", "AUC") is None
    assert paper_number("table1", "unheard_of", "AUC") is None
    assert paper_number("table1", "mlp", "Recall").std is None


def test_only_these_cells_of_table_1_are_known():
    known = {
        (label, metric)
        for label in paper_order("table1")
        for metric in PAPER_METRICS
        if paper_number("table1", label, metric)
    }
    assert known == {
        *(("vdafm", metric) for metric in PAPER_METRICS),
        *(("sparsemm", metric) for metric in ("AUC", "F1", "Precision")),
        *(("fusion", metric) for metric in ("Recall", "Precision")),
        *(("mlp", metric) for metric in ("Recall", "Specificity")),
    }


def test_twelve_methods_in_order():
    order = paper_order("table1")
    assert len(order) == 12
    assert order[0] == "xgboost"
    assert order[-1] == "vdafm"


def test_a_cell_is_named_once():
    numbers = paper_numbers()
    assert not numbers.duplicated(["source", "row", "label", "metric"]).any()


def test_reported_recalls_are_whole_patients():
    """Four runs on 46 positives: a mean recall is a multiple of 1/184."""
    numbers = paper_numbers()
    recalls = numbers[(numbers["metric"] == "Recall") & (numbers["provenance"] == "reported")]
    patients = pd.to_numeric(recalls["mean"]) / 100 * 184
    assert ((patients - patients.round()).abs() < 0.01).all()
