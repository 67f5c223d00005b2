"""A table that is made from results: cohort, facts, failures and the notes that all of them need."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from strokebench.errors import counted, named
from strokebench.reports.results import SETTING, Results
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.table import Column, Failure, Row, Table

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
        caption=f"{caption} {words.left_out(results)}".strip(),
        columns=columns,
        rows=rows,
        notes=[note for note in below if note],
        failures=_failures(results, labels or {}),
        facts=words.facts(results),
        **more,
    )


def _failures(results: Results, labels: Mapping[tuple[str, ...], str]) -> list[Failure]:
    """Failed runs, one entry a setting and error line.

    Args:
        labels: setting (`SETTING` values) -> the label of its row; settings without one are left out.
    """
    failed = results.runs[results.runs["status"] == "failed"]
    failed = failed.assign(line=failed["error"].map(error_line))
    found = []
    for (*setting, line), runs in failed.groupby([*SETTING, "line"], sort=False, dropna=False):
        label = labels.get(tuple(str(value) for value in setting))
        if label is not None:
            ordered = runs.sort_values(["seed", "fold"])
            names = [f"seed {seed} fold {fold}" for seed, fold in zip(ordered["seed"], ordered["fold"], strict=True)]
            found.append(Failure(label, f"{counted(len(names), 'run')}: {named(names)}", str(line)))
    return found


LONGEST_ERROR = 300
"""Characters of an error in a table's notes; `strokebench status` shows all of the first."""


def error_line(error: object) -> str:
    """What a traceback or message says went wrong, as one line."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    if not lines or pd.isna(error):  # type: ignore[call-overload]
        return "no error was recorded"
    starts = [number for number, line in enumerate(lines) if line.startswith("Traceback")]
    if not starts or starts[0]:
        # A plain message begins with its point.
        return lines[0].strip()
    # Python's own words, perhaps of several lines, follow the indented ones of the last traceback.
    after = lines[starts[-1] + 1 :]
    first = next((number for number, line in enumerate(after) if not line.startswith(" ")), 0)
    return " ".join(" ".join(after[first:]).split())[:LONGEST_ERROR]
