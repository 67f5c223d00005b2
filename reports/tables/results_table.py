"""A table that is made from results: cohort, facts, failures and the notes that all of them need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from strokebench.reports.results import Results
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.failures import failures
from strokebench.reports.tables.table import Column, Row, Table

INCOMPLETE = (
    "Incomplete: a row with fewer runs than planned shows the mean of its finished runs only, and is never marked."
)
OTHER_PATIENTS = (
    "Paper, other patients: the paper's own numbers, measured on its private cohort over 4 runs; they are no target."
)


def results_table(
    results: Results,
    name: str,
    title: str,
    columns: Sequence[Column],
    rows: Sequence[Row],
    caption: str,
    notes: Sequence[str] = (),
    labels: Mapping[tuple[str, ...], str] | None = None,
    incomplete: str = INCOMPLETE,
    paper: str = OTHER_PATIENTS,
    **more: Any,
) -> Table:
    """A `Table` with the cohort's title and facts, and below the notes what is incomplete and what made the numbers.

    Args:
        caption: see `strokebench.reports.tables.caption`.
        labels: setting (`SETTING` values) -> its row's label, for the list of failed runs.
        incomplete: the note where some row lacks runs. paper: the note where the paper's numbers stand beside.
        more: further fields of `Table`.
    """
    below = [
        *notes,
        incomplete if any(not row.complete for row in rows) else "",
        paper if any(row.has_paper for row in rows) else "",
        words.identity(results),
    ]
    return Table(
        name=name,
        title=title,
        cohort=words.cohort_title(results),
        caption=caption,
        columns=columns,
        rows=rows,
        notes=[note for note in below if note],
        failures=failures(results, labels or {}),
        facts=words.facts(results),
        **more,
    )
