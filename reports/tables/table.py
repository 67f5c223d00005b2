"""One model of a table; `strokebench.reports.tables.render` makes Markdown, CSV, LaTeX, HTML and Rich of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

DASH = "–"
"""A cell without a value."""

PAPER_LABEL = "paper, other patients"
"""Stands beside every number of the paper: it was measured on a cohort that nobody else can see."""


LONG_TEXT = 40
"""A column with a longer cell is prose: it may break into lines, and leaves the grid where a terminal is narrow."""


class Kind(StrEnum):
    """What a column holds, hence how it is printed."""

    TEXT = "text"
    PERCENT = "percent"
    NUMBER = "number"
    COUNT = "count"
    SECONDS = "seconds"
    MEGABYTES = "megabytes"


MEASURES = {Kind.PERCENT: (100, 2), Kind.NUMBER: (1, 3)}
"""Kinds of which rows have better and worse: by what a value is multiplied, and how many decimals are printed."""


class Mark(StrEnum):
    """Best or second best of its column."""

    NONE = ""
    BEST = "best"
    SECOND = "second"


@dataclass(frozen=True)
class Column:
    """A column between the row's label and its count of runs.

    Args:
        higher_is_better: which end is the best; columns of percentages and numbers alone have a best.
    """

    key: str
    title: str
    kind: Kind = Kind.PERCENT
    higher_is_better: bool = True

    @property
    def measured(self) -> bool:
        """Whether its rows have better and worse, and a deviation."""
        return self.kind in MEASURES

    @property
    def scale(self) -> int:
        """By what its values are multiplied before they are printed."""
        return MEASURES[self.kind][0] if self.measured else 1


def text_columns(**titles: str) -> list[Column]:
    """Columns of text: key -> title."""
    return [Column(key, title, Kind.TEXT) for key, title in titles.items()]


@dataclass(frozen=True)
class Cell:
    """One value.

    Args:
        value: in [0, 1] for a percentage; None or NaN prints as a dash.
        std: population standard deviation over runs, in the unit of `value`.
        text: for a column of kind text.
        paper: the paper's own number for this cell, in percent.
    """

    value: float | None = None
    std: float | None = None
    text: str = ""
    mark: Mark = Mark.NONE
    paper: PaperNumber | None = None


@dataclass(frozen=True)
class Row:
    """One method, variant or condition.

    Args:
        key: unique in the table; for a method its registry name.
        group: heading under which it stands; rows of a group are adjacent.
        done, planned, failed: runs; as they are by default where a table counts none, and 0 of what is not run.
        reference: not a competitor (the oracle): set apart, and never marked.
        footnote: letter of a footnote of the table, or empty.
    """

    key: str
    label: str
    group: str
    cells: Mapping[str, Cell]
    done: int = 1
    planned: int = 1
    failed: int = 0
    reference: bool = False
    footnote: str = ""

    @property
    def complete(self) -> bool:
        """Every planned run is finished."""
        return self.done == self.planned and (self.planned > 0 or self.reference)

    @property
    def runs(self) -> str:
        """`20/20`, or `17/20 (2 failed)`; a dash of a reference that is not run."""
        if self.reference and not self.planned:
            return DASH
        return f"{self.done}/{self.planned}" + (f" ({self.failed} failed)" if self.failed else "")

    @property
    def has_paper(self) -> bool:
        """Some cell has a number of the paper."""
        return any(cell.paper for cell in self.cells.values())


@dataclass(frozen=True)
class Footnote:
    """`a`, the label it explains, and the explanation in titled parts (title -> text)."""

    letter: str
    label: str
    parts: Mapping[str, str]


@dataclass(frozen=True)
class Failure:
    """Failed runs of one row that share one error line."""

    label: str
    runs: str
    error: str

    @property
    def kind(self) -> str:
        """What files say of it, see `error_kind`."""
        return error_kind(self.error)


def error_kind(line: str) -> str:
    """`ValueError` of an error's line, for what may leave this machine: the rest may name patients and paths."""
    kind = line.partition(":")[0].rpartition(".")[2].strip()
    return kind if kind.isidentifier() else "Error"


@dataclass(frozen=True)
class Table:
    """A table as data; no format knows more than this.

    Args:
        name: used in file names and anchors, `table1`.
        title: number and subject, `Table 1. Prognosis by method`.
        cohort: title of the cohort; says that it is synthetic where it is. Every format prints it.
        caption: how to read the numbers; follows title and cohort.
        columns: the columns between label and runs.
        rows: from top to bottom.
        notes: sentences below the table.
        footnotes: explanations of marked labels.
        failures: failed runs, listed below.
        facts: what the CSV repeats in each row, so that files of several cohorts can be joined.
        head: heading of the rows' labels.
        counts_runs: the last column says how many runs a row is made of.
    """

    name: str
    title: str
    cohort: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    notes: Sequence[str] = ()
    footnotes: Sequence[Footnote] = ()
    failures: Sequence[Failure] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    head: str = "Method"
    counts_runs: bool = True

    @property
    def short_title(self) -> str:
        """The title without its number, which LaTeX counts itself."""
        return self.title.split(". ", 1)[-1]

    def column(self, key: str) -> Column:
        """The column of this key."""
        return next(column for column in self.columns if column.key == key)

    @property
    def prose(self) -> list[Column]:
        """The columns in which some cell has more than `LONG_TEXT` letters."""
        return [
            column
            for column in self.columns
            if column.kind is Kind.TEXT
            and any(len(row.cells.get(column.key, Cell()).text) > LONG_TEXT for row in self.rows)
        ]

    @property
    def groups(self) -> list[tuple[str, list[Row]]]:
        """The rows by group, in order."""
        groups: dict[str, list[Row]] = {}
        for row in self.rows:
            groups.setdefault(row.group, []).append(row)
        return list(groups.items())


def show(cell: Cell | None, kind: Kind) -> str:
    """A cell as every format prints it: `81.06 (1.97)`, `2.96 M`, `0.8 s`, `412 MB`, or a dash."""
    if cell is None:
        return DASH
    if kind is Kind.TEXT:
        return cell.text
    if cell.value is None or math.isnan(cell.value):
        return DASH
    match kind:
        case Kind.PERCENT | Kind.NUMBER:
            scale, decimals = MEASURES[kind]
            std = "" if cell.std is None else f" ({scale * cell.std:.{decimals}f})"
            return f"{scale * cell.value:.{decimals}f}{std}"
        case Kind.COUNT:
            return f"{cell.value / 1e6:.2f} M" if cell.value >= 1e5 else f"{cell.value:,.0f}"
        case Kind.SECONDS:
            return f"{cell.value:.2f} s" if cell.value < 10 else f"{cell.value:,.0f} s"
        case Kind.MEGABYTES:
            return f"{cell.value:,.0f} MB"


def show_paper(number: PaperNumber | None) -> str:
    """The paper's number in the form of `show`; empty where there is none."""
    if number is None:
        return ""
    return f"{number.mean:.2f}" + ("" if number.std is None else f" ({number.std:.2f})")


def mark_best(rows: Sequence[Row], columns: Sequence[Column]) -> list[Row]:
    """The same rows with best and second best marked in every column of `MEASURES`.

    Compared as printed, so equal numbers bear equal marks. Reference rows and rows with missing runs are
    never marked; nor is a column in which fewer than two different numbers compete.
    """
    marks: dict[tuple[str, str], Mark] = {}
    for column in columns:
        if not column.measured:
            continue
        scale, decimals = MEASURES[column.kind]
        values = {
            row.key: round(scale * cell.value, decimals)
            for row in rows
            if row.complete
            and not row.reference
            and (cell := row.cells.get(column.key)) is not None
            and cell.value is not None
            and not math.isnan(cell.value)
        }
        levels = sorted(set(values.values()), reverse=column.higher_is_better)
        if len(levels) < 2:
            continue
        for key, value in values.items():
            if value == levels[0]:
                marks[key, column.key] = Mark.BEST
            elif value == levels[1]:
                marks[key, column.key] = Mark.SECOND
    return [
        replace(
            row,
            cells={key: replace(cell, mark=marks.get((row.key, key), Mark.NONE)) for key, cell in row.cells.items()},
        )
        for row in rows
    ]


@dataclass(frozen=True)
class PaperNumber:
    """A number of the paper: mean and population standard deviation over its 4 runs, in percent."""

    mean: float
    std: float | None
    provenance: str
    note: str = ""
