"""A `Table` in the terminal, by Rich."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

from strokebench.reports.tables.table import Cell, Column, Kind, Mark, Row, Table, show, show_paper

_STYLES = {Mark.BEST: "bold green", Mark.SECOND: "underline", Mark.NONE: ""}
NARROW_LABEL = 26
"""So wide is the column of labels where nothing else helps."""

_SUPERSCRIPT = str.maketrans("abcdefghijklmnoprstuvwxyz", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ")


class TerminalTable:
    """Prints itself into the width that a Rich console has.

    Where it is narrow, cells of prose go below the grid and deviations below the means; where that is not enough,
    costs get their own grid; labels are broken at last.
    """

    def __init__(self, table: Table) -> None:
        self.table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = self.table
        yield Text(table.title, style="bold") + Text(f"  {table.cohort}", style="bold yellow")
        yield Text(table.caption, style="dim")
        # A measurement never exceeds the width that it is asked for, so we ask without a limit.
        unlimited = options.update(max_width=10_000)
        scores = [column for column in table.columns if column.kind is Kind.TEXT or column.measured]
        costs = [column for column in table.columns if column not in scores]
        short = [column for column in table.columns if column not in table.prose]
        scores = [column for column in scores if column not in table.prose]
        for parts, stacked in (([table.columns], False), ([short], False), ([short], True), ([scores, costs], True)):
            grids = [self._grid(columns, stacked) for columns in parts if columns]
            if all(Measurement.get(console, unlimited, grid).maximum <= options.max_width for grid in grids):
                break
        else:
            grids = [self._grid(columns, stacked, NARROW_LABEL) for columns in parts if columns]
        yield from grids
        if parts != [table.columns]:
            yield from self._prose()
        yield from self._below()

    def _prose(self) -> Iterator[Text]:
        for column in self.table.prose:
            for row in self.table.rows:
                if text := row.cells.get(column.key, Cell()).text:
                    yield Text(f"{row.label}, {column.title[:1].lower()}{column.title[1:]}: {text}")

    def _grid(self, columns: Sequence[Column], stacked: bool, label_width: int | None = None) -> RichTable:
        """One table; a row's label takes one line, or is broken to `label_width`."""
        grid = RichTable(box=box.SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
        grid.add_column(self.table.head, no_wrap=label_width is None, max_width=label_width, overflow="fold")
        for column in columns:
            justify: JustifyMethod = "center" if column.kind is Kind.TEXT else "right"
            grid.add_column(column.title, justify=justify, min_width=len(column.title), overflow="fold")
        if self.table.counts_runs:
            grid.add_column("Runs", justify="right")
        for group, rows in self.table.groups:
            grid.add_row(Text(group, style="bold cyan"))
            for row in rows:
                grid.add_row(*self._cells(row, columns, stacked), style="italic" if row.reference else "")
                papers = [cell.paper if (cell := row.cells.get(c.key)) else None for c in columns]
                if any(papers):
                    text = [_fold(show_paper(paper), stacked) for paper in papers]
                    grid.add_row("  paper †", *text, style="dim italic")
            grid.add_section()
        return grid

    def _cells(self, row: Row, columns: Sequence[Column], stacked: bool) -> Iterator[Text]:
        label = row.label.replace(" (", "\n  (") if row.reference else row.label
        yield Text(f" {label}{row.footnote.translate(_SUPERSCRIPT)}")
        for column in columns:
            cell = row.cells.get(column.key)
            style = _STYLES[cell.mark] if cell else ""
            yield Text(_fold(show(cell, column.kind), stacked), style=style)
        if self.table.counts_runs:
            yield Text(row.runs.replace(" (", "\n("), style="" if row.complete else "bold red")

    def _below(self) -> Iterator[Text]:
        table = self.table
        if any(not row.complete for row in table.rows):
            yield Text("Rows with fewer runs than planned show their finished runs only, unmarked", style="red")
        if any(row.has_paper for row in table.rows):
            yield Text("† the paper's own numbers, measured on other patients: no target", style="dim")
        if table.footnotes:
            named = ", ".join(
                f"{footnote.letter.translate(_SUPERSCRIPT)} {footnote.label}" for footnote in table.footnotes
            )
            yield Text(
                f"{named}: adapted from another task; the written tables say what was kept and what was lost",
                style="dim",
            )
        for failure in table.failures:
            yield Text(f"Failed: {failure.label}, {failure.runs}: {failure.error}", style="red")


def _fold(text: str, stacked: bool) -> str:
    return text.replace(" (", "\n(") if stacked else text
