"""One experiment's part of the report: its tables and figures, and beside each the words to read it by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strokebench.files import file_digest, read_json, write_json
from strokebench.reports.results import PREDICTIONS_FILE, RUNS_FILE
from strokebench.reports.tables.render import write_table
from strokebench.reports.tables.style import save_figure
from strokebench.reports.tables.table import Table
from strokebench.reports.tables.terminal import TerminalView

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Console

SECTION_FILE = "section.json"
FIGURE_FORMATS = ("svg", "png", "pdf")


@dataclass(frozen=True)
class Panel:
    """One table or figure.

    Args:
        name: its file name without ending, unique in the section.
        content: a table, or a matplotlib figure.
        title: what a reader would call it; a figure needs one, a table has its own.
        shows: one or two plain sentences for a clinician: what there is to see.
        does_not_show: what must not be concluded from it.
        in_terminal: also shown by the command (tables only).
    """

    name: str
    content: Table | Figure
    title: str = ""
    shows: str = ""
    does_not_show: str = ""
    in_terminal: bool = True


@dataclass(frozen=True)
class Section:
    """What one experiment tells.

    Args:
        name: the experiment's. title: a heading. lead: the finding in a sentence or two, made from the numbers.
        panels: in reading order.
        cohort: title of the cohort; says that it is synthetic where it is.
        warnings: what a reader must know before any number (a leak alarm); the page shows it first.
        topic: what the reading order and the checklist know it by; default: its name.
        provenance: of what stands here, where no `results.json` beside it says so.
    """

    name: str
    title: str
    cohort: str
    panels: Sequence[Panel]
    lead: str = ""
    warnings: Sequence[str] = ()
    topic: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)


def publish(section: Section, folder: Path) -> TerminalView:
    """Write everything of a section: tables in four formats, figures in three, and how they belong together.

    `section.json` is written last, so that what it names is there.

    Returns:
        What the terminal shows: the warnings, the lead and the tables.
    """
    listed = []
    written: list[Path] = []
    for panel in section.panels:
        table = panel.content if isinstance(panel.content, Table) else None
        if table:
            written += write_table(table, folder, panel.name)
        else:
            for form in FIGURE_FORMATS:
                written.append(folder / f"{panel.name}.{form}")
                save_figure(panel.content, written[-1])  # type: ignore[arg-type]
        listed.append(
            {
                "name": panel.name,
                "kind": "table" if table else "figure",
                "title": panel.title or (table.title if table else panel.name),
                "shows": panel.shows,
                "does_not_show": panel.does_not_show,
            }
        )
    write_json(
        folder / SECTION_FILE,
        {
            "name": section.name,
            "title": section.title,
            "topic": section.topic or section.name,
            "cohort": section.cohort,
            "provenance": section.provenance,
            "lead": section.lead,
            "warnings": list(section.warnings),
            "panels": listed,
            "files": {path.name: file_digest(path) for path in written},
            "made_from": results_in(folder),
        },
    )
    return view(section)


def results_in(folder: Path) -> dict[str, str]:
    """Checksums of the runs and predictions that lie in an experiment's folder, by file name."""
    found = (folder / name for name in (RUNS_FILE, PREDICTIONS_FILE))
    return {path.name: file_digest(path) for path in found if path.is_file()}


def publish_and_show(section: Section, folder: Path, console: Console) -> None:
    """Write everything of a section, show it on the terminal, and say where it lies."""
    console.print(publish(section, folder))
    console.print(f"Written to {folder}", style="dim", soft_wrap=True)


def view(section: Section) -> TerminalView:
    """What the terminal shows of a section: the warnings, the lead and the tables that are meant for it."""
    tables = [panel.content for panel in section.panels if isinstance(panel.content, Table) and panel.in_terminal]
    return TerminalView(section.warnings, section.lead, tables)


def read_section(folder: Path) -> dict[str, Any]:
    """What `publish` wrote of a section's make-up: `name`, `title`, `topic`, `cohort`, `provenance`, `lead`,
    `warnings`, `panels`, `files`, the checksum of each file, and `made_from`, see `results_in`.

    Raises:
        StrokebenchError: it is missing or damaged.
    """
    return read_json(folder / SECTION_FILE)
