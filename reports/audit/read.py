"""Reads printed means and deviations for the audit.

Two forms of CSV, with a heading, in percent:

- long: a line a number, columns `metric`, `mean` and, where printed, `std`; every line of one row of the printed
  table has the same name. Lines whose column `provenance` is there and neither `reported` nor `prose`, or whose
  `unit` is not percent, were not printed as they stand, and are left out;
- wide: a line a row, a column a metric, and its deviation either in a column `ACC_std` or in the same cell, as in
  `81.16 (2.30)` or `81.16 ± 2.30`. The CSV files that this program writes have this form.

A row is named by those of the columns `NAMES` that are there, or else by the first column. Empty cells, dashes and
`NaN` are numbers that were not printed. AUC and columns of other names are left out.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import IO

from strokebench.errors import StrokebenchError, no_such_file
from strokebench.reports.audit.forensics import AUDITED, CellName, PrintedRow

NAMES: tuple[str, ...] = ("source", "table", "row", "label", "name", "method", "variant", "condition")

METRIC_NAMES: dict[str, str] = {
    **{metric.lower(): metric for metric in AUDITED},
    "accuracy": "ACC",
    "f1-score": "F1",
    "f1 score": "F1",
    "f-score": "F1",
    "sensitivity": "Recall",
    "ppv": "Precision",
}
"""What a metric may be called, in lower case."""

PRINTED = ("reported", "prose")
"""Provenance of a number that was printed as it stands; the others follow from several."""

SHIPPED = "the paper's printed numbers"
_ABSENT = {"", "-", "–", "—", "nan", "na", "n/a"}
_NUMBER = r"(\d{1,3}(?:\.\d+)?)\s*%?"
_CELL = re.compile(rf"{_NUMBER}(?:\s*(?:\(\s*±?\s*{_NUMBER}\s*\)|±\s*{_NUMBER}|\+/-\s*{_NUMBER}))?")


@dataclass(frozen=True)
class _Place:
    """Where a value stands in its file, for error messages."""

    file: str
    line: int
    column: str

    def error(self, what: str, hint: str = "") -> StrokebenchError:
        return StrokebenchError(f"{self.file}, line {self.line}, column {self.column}: {what}", hint)


def read_printed(path: Path | None = None, decimals: int = 2) -> list[PrintedRow]:
    """The rows of a file that have a number to audit, in its order.

    Args:
        path: None: the numbers of the paper that this package ships.
        decimals: a printed number with more of them is an error.

    Raises:
        StrokebenchError: the file is missing, in neither form, or a cell is no percentage; names file, line and
            column.
    """
    name = str(path) if path else SHIPPED
    try:
        with _open(path) as file:
            reader = csv.DictReader(file)
            columns = list(reader.fieldnames or [])
            read = _long if {"metric", "mean"} <= set(columns) else _wide
            cells = list(read(reader, columns, name))
    except FileNotFoundError:
        raise no_such_file(name) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StrokebenchError(f"{name} cannot be read: {error}.", "Give a CSV file in UTF-8.") from None
    rows: dict[tuple[str, ...], dict[CellName, Decimal]] = {}
    for row, cell, value, place in cells:
        numbers = rows.setdefault(row, {})
        if cell in numbers:
            raise place.error(f"{' '.join(cell)} of {_said(row)} stands there twice.", "Give each row a name.")
        numbers[cell] = _checked(value, decimals, place)
    if not rows:
        raise StrokebenchError(f"{name} holds no number to audit.", f"Metrics: {', '.join(AUDITED)}, in percent.")
    return [PrintedRow(_said(row), numbers) for row, numbers in rows.items()]


_Cells = Iterator[tuple[tuple[str, ...], CellName, str, _Place]]


def _long(reader: csv.DictReader[str], columns: list[str], name: str) -> _Cells:
    named = [column for column in NAMES if column in columns] or columns[:1]
    for line in reader:
        metric = METRIC_NAMES.get((line["metric"] or "").strip().lower())
        printed = (line.get("provenance") or PRINTED[0]) in PRINTED and (line.get("unit") or "percent") == "percent"
        # A difference of two rows is printed too, but is no metric of any run.
        if metric is None or not printed or line.get("row") == "delta":
            continue
        row = tuple(line[column] or "" for column in named)
        for part in ("mean", "std"):
            value = (line.get(part) or "").strip()
            if value.lower() not in _ABSENT:
                yield row, (metric, part), value, _Place(name, reader.line_num, part)


def _wide(reader: csv.DictReader[str], columns: list[str], name: str) -> _Cells:
    metrics = {column: metric for column in columns if (metric := METRIC_NAMES.get(column.strip().lower()))}
    if not metrics:
        raise StrokebenchError(
            f"{name} has the columns {', '.join(columns) or 'of nothing'}.",
            f"Either `metric` and `mean` are needed, or columns such as {', '.join(AUDITED)}.",
        )
    named = [column for column in NAMES if column in columns] or columns[:1]
    for line in reader:
        row = tuple(line[column] or "" for column in named)
        for column, metric in metrics.items():
            place = _Place(name, reader.line_num, column)
            text = (line[column] or "").strip()
            if text.lower() in _ABSENT:
                continue
            if not (match := _CELL.fullmatch(text)):
                raise place.error(f"{text!r} is neither like 81.16 nor like 81.16 (2.30).")
            mean, *deviations = match.groups()
            yield row, (metric, "mean"), mean, place
            for deviation in filter(None, deviations):
                yield row, (metric, "std"), deviation, place
            beside = (line.get(f"{column}_std") or "").strip()
            if beside.lower() not in _ABSENT:
                yield row, (metric, "std"), beside, _Place(name, reader.line_num, f"{column}_std")


def _checked(value: str, decimals: int, place: _Place) -> Decimal:
    if not re.fullmatch(_NUMBER, value):
        raise place.error(f"{value!r} is no percentage.", "Write it like 81.16.")
    number = Decimal(value.rstrip(" %"))
    if number > 100:
        raise place.error(f"{value} is no percentage.", "Percentages lie between 0 and 100.")
    if number != round(number, decimals):
        raise place.error(f"{value} has more than {decimals} decimals.", "Say with --decimals how many were printed.")
    return number


def _said(row: tuple[str, ...]) -> str:
    """`table2/text`: the number of a row says nothing where it has a label."""
    parts = [part for part in row if part and not part.isdigit()] or [part for part in row if part]
    return "/".join(parts) or "(no name)"


def _open(path: Path | None) -> AbstractContextManager[IO[str]]:
    if path is not None:
        return path.open(encoding="utf-8-sig", newline="")
    return (files("strokebench.reports.paper") / "paper_numbers.csv").open(encoding="utf-8")
