"""Where the paper contradicts itself or leaves something open, which reading this project takes, and why."""

from importlib.resources import files

import yaml

from strokebench.reports.tables.table import Cell, Row, Table, text_columns


def notes_table() -> Table:
    """The notes of `notes.yaml` as a table, one row each."""
    notes = yaml.safe_load((files("strokebench.reports.paper") / "notes.yaml").read_text(encoding="utf-8"))
    columns = text_columns(found="In the paper", reading="Our reading", why="Why")
    group = "Contradictions and gaps"
    rows = [
        Row(note["key"], note["about"], group, {column.key: Cell(text=note[column.key]) for column in columns})
        for note in notes
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
