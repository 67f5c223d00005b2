"""Where the paper contradicts itself or leaves something open, which reading this project takes, and why."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from strokebench.reports.tables.table import Cell, Row, Table, text_columns


@dataclass(frozen=True)
class PaperNote:
    """One contradiction or gap.

    Args:
        key: unique. about: its subject in a few words. found: what the paper says. reading: what we take.
        why: the reason.
    """

    key: str
    about: str
    found: str
    reading: str
    why: str


@cache
def paper_notes() -> tuple[PaperNote, ...]:
    """Every note, from `notes.yaml`."""
    import yaml

    text = (files("strokebench.reports.paper") / "notes.yaml").read_text(encoding="utf-8")
    return tuple(PaperNote(**note) for note in yaml.safe_load(text))


def notes_table() -> Table:
    """The notes as a table, one row each."""
    columns = text_columns(found="In the paper", reading="Our reading", why="Why")
    rows = [
        Row(
            key=note.key,
            label=note.about,
            group="Contradictions and gaps",
            cells={name: Cell(text=getattr(note, name)) for name in ("found", "reading", "why")},
        )
        for note in paper_notes()
    ]
    return Table(
        name="paper_notes",
        title="Contradictions and gaps of the paper",
        cohort="the paper's own text",
        caption="What the paper says that cannot all be true, or does not say, and the reading that is taken here.",
        columns=columns,
        rows=rows,
        head="Subject",
        counts_runs=False,
    )
