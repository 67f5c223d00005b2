"""A `Table` in the terminal, by Rich."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from textwrap import wrap
from typing import Any

from pydantic import TypeAdapter
from rich import box
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

from strokebench.reports.tables.table import Cell, Column, Kind, Mark, Row, Table, show, show_paper

_STYLES = {Mark.BEST: "bold green", Mark.SECOND: "underline", Mark.NONE: ""}
NARROW_LABEL, NARROWEST_LABEL = 26, 20
"""So wide is the column of labels where nothing else helps; narrower yet where that keeps all columns together."""

_SUPERSCRIPT = str.maketrans("abcdefghijklmnoprstuvwxyz", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ")


class TerminalTable:
    """Prints itself into the width that a Rich console has.

    Where it is narrow, cells of prose go below the grid, and deviations and intervals below their values; where that
    is not enough, long labels are broken, and at last columns go on in further grids.
    """

    def __init__(self, table: Table) -> None:
        self.table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = self.table
        yield Text(table.title, style="bold") + Text(f"  {table.cohort}", style="bold yellow")
        yield Text(table.caption, style="dim")
        # A measurement never exceeds the width that it is asked for, so we ask without a limit.
        unlimited = options.update(max_width=10_000)

        def fits(grid: RichTable) -> bool:
            return Measurement.get(console, unlimited, grid).maximum <= options.max_width

        short = [column for column in table.columns if column not in table.prose]
        whole = [self._grid(table.columns, False), self._grid(short, False), self._grid(short, True)]
        broken = (self._grid(short, True, width) for width in range(NARROW_LABEL, NARROWEST_LABEL - 1, -1))
        grid = next(filter(fits, (*whole, *broken)), None)
        yield from [grid] if grid else self._several(short, fits)
        if not fits(self._grid(table.columns, False)):
            yield from self._prose()
        yield from self._below()

    def _several(self, columns: Sequence[Column], fits: Callable[[RichTable], bool]) -> Iterator[RichTable]:
        """Grids that hold the columns from left to right, each as many as fit."""
        parts: list[list[Column]] = [[]]
        for column in columns:
            if parts[-1] and not fits(self._grid([*parts[-1], column], True, NARROW_LABEL)):
                parts.append([])
            parts[-1].append(column)
        yield from (self._grid(part, True, NARROW_LABEL) for part in parts)

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
            title = self._heading(column) if stacked else column.title
            grid.add_column(title, justify=justify, min_width=_width(title), overflow="fold")
        if self.table.counts_runs:
            grid.add_column("Runs", justify="right")
        for group, rows in self.table.groups:
            if group:
                grid.add_row(Text(group, style="bold cyan"))
            for row in rows:
                grid.add_row(
                    _label(row, label_width),
                    *self._cells(row, columns, stacked),
                    style="italic" if row.reference else "",
                )
                papers = [cell.paper if (cell := row.cells.get(c.key)) else None for c in columns]
                if any(papers):
                    text = [_fold(show_paper(paper), stacked) for paper in papers]
                    grid.add_row("  paper †", *text, style="dim italic")
            grid.add_section()
        return grid

    def _heading(self, column: Column) -> str:
        """The title in lines of the width of its cells, or of its longest word."""
        shown = [_fold(show(row.cells.get(column.key), column.kind), True) for row in self.table.rows]
        # A unit stays with its quantity: `wrap` breaks at no protected space.
        lines = _fold(column.title, True).replace(" %", "\u00a0%").split("\n")
        width = max(map(_width, [*shown, *(word for line in lines for word in line.split(" "))]))
        return "\n".join(part for line in lines for part in wrap(line, width, break_on_hyphens=False))

    def _cells(self, row: Row, columns: Sequence[Column], stacked: bool) -> Iterator[Text]:
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


def _label(row: Row, width: int | None) -> Text:
    """A row's label in lines of this width, the further ones indented."""
    label = f"{row.label}{row.footnote.translate(_SUPERSCRIPT)}"
    if row.reference or len(label) >= (width or math.inf):
        label = label.replace(" (", "\n (")
    lines = label.split("\n")
    lines = [part for line in lines for part in wrap(line, width - 1, subsequent_indent=" ")] if width else lines
    return Text("\n".join(f" {line}" for line in lines))


def _fold(text: str, stacked: bool) -> str:
    return text.replace(" (", "\n(").replace(" [", "\n[").replace("; ", ";\n") if stacked else text


def _width(text: str) -> int:
    return max(map(len, text.split("\n")))


@dataclass(frozen=True)
class TerminalView:
    """Warnings, lead and tables of a section, as far as the command shows them; prints itself on a Rich console."""

    warnings: Sequence[str]
    lead: str
    tables: Sequence[Table]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from (Text(f"Warning: {warning}", style="bold red") for warning in self.warnings)
        if self.lead:
            yield self.lead
        yield from map(TerminalTable, self.tables)

    def to_json(self) -> dict[str, Any]:
        """JSON-able; numbers of NumPy become Python's, which print alike."""
        return _adapter().dump_python(self, mode="json", warnings=False, fallback=lambda number: number.item())

    @staticmethod
    def from_json(stored: Mapping[str, Any]) -> TerminalView:
        """What `to_json` gave.

        Raises:
            ValueError: it is of another version, or damaged.
        """
        return _adapter().validate_python(stored)


@cache
def _adapter() -> TypeAdapter[TerminalView]:
    return TypeAdapter(TerminalView)
