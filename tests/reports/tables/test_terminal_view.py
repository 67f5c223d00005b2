"""What was shown once can be shown again from JSON."""

import io
import json

import pytest
from rich.console import Console

from strokebench.reports.table1.table import table1
from strokebench.reports.tables.table import Cell, Row, Table, text_columns
from strokebench.reports.tables.terminal import TerminalView


def printed(shown: TerminalView, width: int) -> str:
    console = Console(record=True, width=width, file=io.StringIO())
    console.print(shown)
    return console.export_text(styles=True)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_it_prints_the_same_in_every_width(results, incomplete, width: int):
    shown = TerminalView(["a leak"], "VDAFM leads.", [table1(results, cost=True), table1(incomplete)])
    kept = TerminalView.from_json(json.loads(json.dumps(shown.to_json(), sort_keys=True)))
    assert printed(kept, width) == printed(shown, width)
    assert "a leak" in printed(kept, width) and "Oracle" in printed(kept, width)


def test_damage_is_an_error():
    for damaged in ({}, {"warnings": [], "lead": "", "tables": [{"name": "table1"}]}):
        with pytest.raises(ValueError):
            TerminalView.from_json(damaged)


def test_rows_of_no_group_have_no_empty_heading():
    rows = [Row("a", "A", "", {"x": Cell(text="1")}), Row("b", "B", "", {"x": Cell(text="2")})]
    table = Table("t", "T", "c", "", text_columns(x="X"), rows, counts_runs=False)
    lines = [line.strip() for line in printed(TerminalView([], "", [table]), 80).splitlines()]
    rule = next(number for number, line in enumerate(lines) if line.startswith("─"))
    assert lines[rule + 1].startswith("A")
