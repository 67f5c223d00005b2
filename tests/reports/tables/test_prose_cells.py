"""Cells of prose and intervals are whole in every dress, however narrow."""

import io

import pytest
from rich.console import Console

from strokebench.reports.tables.render import to_html
from strokebench.reports.tables.table import Cell, Column, Kind, Row, Table
from strokebench.reports.tables.terminal import TerminalTable

SAID = "Recall 34.57 is no share (nearest 34.24 and 34.78); Specificity 92.33 is none (nearest 92.25 and 92.50)"
LABEL = "fig3/lambda_align=0.02,lambda_con=0.2/vdafm"


@pytest.fixture
def table() -> Table:
    columns = [Column(name, name.capitalize(), Kind.TEXT) for name in ("verdict", "deviation", "runs", "impossible")]
    texts = ("no solution", "population", "29/84 29/90 33/87 33/89", SAID)
    cells = {column.key: Cell(text=text) for column, text in zip(columns, texts, strict=True)}
    return Table("t", "T", "nobody", "", columns, [Row(LABEL, LABEL, "g", cells, 1, 1)], counts_runs=False)


def test_the_page_drops_nothing_behind_a_second_bracket(table: Table):
    assert SAID in to_html(table)
    assert 'class="text long"' in to_html(table)


@pytest.mark.parametrize("width", [60, 80, 120, 240])
def test_the_terminal_drops_nothing(table: Table, width: int):
    console = Console(file=io.StringIO(), width=width)
    console.print(TerminalTable(table))
    printed = console.file.getvalue()
    assert "…" not in printed and all(len(line) <= width for line in printed.splitlines())
    words = printed.split()
    assert all(word in words for word in [*SAID.split(), "29/90", "33/89", "population", "solution"])


@pytest.mark.parametrize("width", [40, 80, 200])
def test_intervals_break_neither_headings_nor_names(width: int):
    titles = ("Area under it [95 % CI]", "Difference, %", "Non-inferior?", "Practically equal?", "Slope [95 % CI]")
    columns = [Column(str(number), title, Kind.TEXT) for number, title in enumerate(titles)]
    cells = {column.key: Cell(text="-12.34 [-14.1, -10.2]") for column in columns}
    rows = [Row(name, name, "Wards", cells) for name in ("Oak", "Mountain ash")]
    console = Console(file=io.StringIO(), width=width)
    console.print(TerminalTable(Table("t", "T", "nobody", "", columns, rows)))
    lines = console.file.getvalue().splitlines()
    assert all(len(line) <= width for line in lines)
    words = " ".join(lines).replace("\u00a0", " ").split()
    assert {word for title in titles for word in title.split()} <= {*words}
    assert all("Mountain ash" in line for line in lines if "Mountain" in line)
    assert words.count("-12.34") == words.count("[-14.1,") == len(columns) * len(rows)
