"""Marks and printing of single cells."""

import math

import pytest

from strokebench.reports.tables.table import DASH, Cell, Column, Kind, Mark, Row, mark_best, show

AUC = Column("AUC", "AUC")


def row(key, value, done=20, reference=False):
    return Row(key, key, "g", {"AUC": Cell(value, 0.01)}, done=done, planned=20, reference=reference)


def marks(*rows):
    return {r.key: r.cells["AUC"].mark for r in mark_best(rows, [AUC])}


def test_best_and_second_best():
    assert marks(row("a", 0.7), row("b", 0.9), row("c", 0.8)) == {
        "a": Mark.NONE,
        "b": Mark.BEST,
        "c": Mark.SECOND,
    }


def test_equal_as_printed_is_marked_alike():
    assert marks(row("a", 0.81061), row("b", 0.81062), row("c", 0.7), row("d", 0.6)) == {
        "a": Mark.BEST,
        "b": Mark.BEST,
        "c": Mark.SECOND,
        "d": Mark.NONE,
    }


def test_reference_and_incomplete_rows_are_never_marked():
    marked = marks(row("oracle", 0.99, reference=True), row("part", 0.98, done=19), row("a", 0.6), row("b", 0.5))
    assert marked == {"oracle": Mark.NONE, "part": Mark.NONE, "a": Mark.BEST, "b": Mark.SECOND}


def test_nothing_to_compare_nothing_marked():
    assert set(marks(row("a", 0.7), row("b", None), row("c", math.nan)).values()) == {Mark.NONE}


def test_costs_are_not_marked():
    rows = [Row(k, k, "g", {"s": Cell(v)}, 20, 20) for k, v in (("a", 1.0), ("b", 2.0))]
    assert all(r.cells["s"].mark is Mark.NONE for r in mark_best(rows, [Column("s", "s", Kind.SECONDS)]))


@pytest.mark.parametrize(
    ("cell", "kind", "shown"),
    [
        (Cell(0.81061, 0.0197), Kind.PERCENT, "81.06 (1.97)"),
        (Cell(1.0, 0.0), Kind.PERCENT, "100.00 (0.00)"),
        (Cell(0.5), Kind.PERCENT, "50.00"),
        (Cell(math.nan), Kind.PERCENT, DASH),
        (None, Kind.PERCENT, DASH),
        (Cell(2_960_000), Kind.COUNT, "2.96 M"),
        (Cell(4_321), Kind.COUNT, "4,321"),
        (Cell(0.834), Kind.SECONDS, "0.83 s"),
        (Cell(75.4), Kind.SECONDS, "75 s"),
        (Cell(412.2), Kind.MEGABYTES, "412 MB"),
        (Cell(text="yes"), Kind.TEXT, "yes"),
    ],
)
def test_how_values_are_printed(cell, kind, shown):
    assert show(cell, kind) == shown
