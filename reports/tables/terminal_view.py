"""What the terminal shows of a section; it can be kept beside the files, so that it need not be made again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from strokebench.reports.tables.table import Cell, Column, Failure, Footnote, Kind, Mark, PaperNumber, Row, Table
from strokebench.reports.tables.terminal import TerminalTable


@dataclass(frozen=True)
class TerminalView:
    """Warnings, lead and tables; prints itself on a Rich console.

    Args:
        tables: those of the section that the command shows.
    """

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
        return _plain(asdict(self))

    @staticmethod
    def from_json(stored: Mapping[str, Any]) -> TerminalView:
        """What `to_json` gave.

        Raises:
            KeyError, TypeError, ValueError: it is of another version, or damaged.
        """
        return TerminalView(stored["warnings"], stored["lead"], [_table(table) for table in stored["tables"]])


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, Sequence):
        return [_plain(part) for part in value]
    return value.item() if hasattr(value, "item") else value


def _table(stored: Mapping[str, Any]) -> Table:
    return Table(
        **{
            **stored,
            "columns": [Column(**{**column, "kind": Kind(column["kind"])}) for column in stored["columns"]],
            "rows": [_row(row) for row in stored["rows"]],
            "footnotes": [Footnote(**footnote) for footnote in stored["footnotes"]],
            "failures": [Failure(**failure) for failure in stored["failures"]],
        }
    )


def _row(stored: Mapping[str, Any]) -> Row:
    return Row(**{**stored, "cells": {key: _cell(cell) for key, cell in stored["cells"].items()}})


def _cell(stored: Mapping[str, Any]) -> Cell:
    paper = stored["paper"]
    return Cell(**{**stored, "mark": Mark(stored["mark"]), "paper": paper and PaperNumber(**paper)})
