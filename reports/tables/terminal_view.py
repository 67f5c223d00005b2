"""What the terminal shows of a section; it can be kept beside the files, so that it need not be made again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from strokebench.reports.tables.table import Table
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
