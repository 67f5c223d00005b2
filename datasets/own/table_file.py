"""A clinical table as text cells, whatever file it comes from, so that every fault can be quoted as it stands."""

import csv
import io
import numbers
import re
import unicodedata
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from statistics import mode
from typing import Any

import numpy as np
import pandas as pd

from strokebench.datasets.own.cohort_file import CohortFile
from strokebench.datasets.own.table_size import SEPARATORS, check_size
from strokebench.datasets.problems import Problem
from strokebench.errors import StrokebenchError

MISSING = frozenset({"", "na", "n/a", "nan", "null", "nil", "-", "--", "?", ".", "<na>", "#n/a"})
"""Cell texts that mean unknown, whatever their case. `none` is not among them: it can be a category."""

HEADER_WITHIN = 30
"""Rows of titles and comments that may stand above the header."""
_EXACT = 2**53
"""From here on a spreadsheet's number may be another than was typed."""


@dataclass(frozen=True)
class TableFile:
    """What a table's file holds.

    Args:
        cells: text, missing ones empty, one row a patient; the index is the row number in the file.
        problems: of the file's form.
        notes: what was not read, and why.
    """

    cells: pd.DataFrame
    problems: list[Problem]
    notes: list[str]


@dataclass
class _Sheet:
    """Rows that are not empty, by their number in the file, and what was seen on the way."""

    rows: list[tuple[int, list[str]]]
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_table(file: CohortFile) -> TableFile:
    """Read the CSV, TSV, Excel or Parquet table of a cohort.

    The header is the first row that names the id column; what stands above it is noted. All text is in Unicode's
    composed form (NFC), so that equal names are equal.

    Raises:
        StrokebenchError: no such file, another format, an encoding that does not fit, a password, a row with more
            cells than the header or fewer (names the row), a quotation mark that is never closed, no rows.
    """
    path = file.table
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise StrokebenchError(
            f"{path}: a table cannot be read from this format.", f"Save it as {', '.join(_READERS)}."
        )
    if not path.is_file():
        raise StrokebenchError(f"{path}: no such file.", "Paths in the cohort's file count from its folder.")
    check_size(path)
    sheet = reader(file)
    start = next((i for i, (_, row) in enumerate(sheet.rows[:HEADER_WITHIN]) if _names(row, file.id)), 0)
    for number, row in sheet.rows[:start]:
        text = " ".join(filter(None, map(str.strip, row)))
        sheet.notes.append(f"row {number} of {path.name} stands above the header and is not read: {text[:60]!r}")
    header, body = _rectangle(path, sheet.rows[start:])
    if not body:
        raise StrokebenchError(f"{path}: the table has no rows.")
    array = np.array([row for _, row in body], dtype=object)
    cells = pd.DataFrame(array, [number for number, _ in body], header, dtype=object)
    return TableFile(cells.apply(by_value, args=(_known,)), sheet.problems, sheet.notes)


def by_value(cells: pd.Series, change: Callable[[str], Any]) -> pd.Series:
    """Each cell changed; every different one only once, for tables of many patients have few of them."""
    codes, values = pd.factorize(cells)
    changed = np.empty(len(values), dtype=object)
    changed[:] = [change(value) for value in values]
    return pd.Series(changed[codes], cells.index, dtype=object, name=cells.name)


def _known(cell: str) -> str:
    return "" if cell.strip().casefold() in MISSING else cell


def _names(row: list[str], column: str) -> bool:
    return any(cell.strip() == column for cell in row)


def _rectangle(path: Path, rows: list[tuple[int, list[str]]]) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Header and body of equal width: separators at the end of a line make no column."""
    if not rows:
        return [], []
    header, body = [name.strip() for name in rows[0][1]], []
    named = max((i for i, name in enumerate(header, 1) if name), default=0)
    for number, row in rows[1:]:
        if len(row) < named or any(cell.strip() for cell in row[len(header) :]):
            raise StrokebenchError(
                f"{path}, row {number}: {len(row)} cell{'s' * (len(row) != 1)} where the header has {len(header)}.",
                "Put a cell that holds the separator between double quotes; delete rows that are no patient.",
            )
        body.append((number, [*row, *[""] * len(header)][: len(header)]))
    width = max([named, *(i for _, row in body for i, cell in enumerate(row[named:], named + 1) if cell.strip())])
    return header[:width], [(number, row[:width]) for number, row in body]


def _csv(file: CohortFile) -> _Sheet:
    path = file.table
    try:
        text = unicodedata.normalize("NFC", path.read_bytes().decode(file.encoding))
    except (UnicodeDecodeError, LookupError) as error:
        raise StrokebenchError(
            f"{path}: not {file.encoding} text ({error}).", "Set `encoding:`, e.g. gb18030, latin-1, cp1252 or utf-16."
        ) from None
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    lines = io.StringIO(text, newline="").readlines()
    # Excel's own way to name the separator; no part of the table.
    stated = re.fullmatch(r'"?sep=(.)"?;*\s*', lines[0], re.IGNORECASE) if lines else None
    separator = file.separator or (stated and stated[1]) or _separator(path, lines, file.id)
    if stated:
        lines[0] = "\n"
    reader, start = csv.reader(iter(lines), delimiter=separator, strict=True), 0
    records: list[tuple[int, int, list[str]]] = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                records.append((start, reader.line_num, row))
            start = reader.line_num
    except csv.Error as error:
        raise _open_quote(path, start + 1, str(error)) from None
    _refuse_swallowed(path, lines, records, separator)
    # A row of several lines is known by the last one, as an editor shows where it ends.
    return _Sheet([(end, row) for _, end, row in records])


def _separator(path: Path, lines: list[str], id: str) -> str:
    """The one under which a header that names the id column has most cells."""
    if path.suffix.lower() == ".tsv":
        return "\t"

    def cells(separator: str) -> tuple[int, int]:
        rows = list(csv.reader(lines[:HEADER_WITHIN], delimiter=separator))
        return max((len(row) for row in rows if _names(row, id)), default=0), len(rows[0]) if rows else 0

    return max(SEPARATORS, key=cells)


def _open_quote(path: Path, row: int, why: str) -> StrokebenchError:
    return StrokebenchError(
        f"{path}, row {row}: a quotation mark that opens here is not closed as it should be ({why}).",
        "Close or delete it; within a quoted cell, write it twice.",
    )


def _refuse_swallowed(path: Path, lines: list[str], records: list[tuple[int, int, list[str]]], separator: str) -> None:
    """Raise where a quoted cell of several lines holds what looks like rows of the table."""
    several = [(start, end) for start, end, _ in records if end - start > 1]
    if not several:
        return
    width = mode(len(row) for _, _, row in records)
    first = {_shape(row[0]) for start, end, row in records if end - start == 1}
    for start, end in several:
        for line in lines[start + 1 : end]:
            row = line.replace('"', "").split(separator)
            if len(row) >= width > 1 and _shape(row[0]) in first:
                raise _open_quote(path, start + 1, f"its cell holds another row, that of {row[0].strip()!r}")


def _shape(cell: str) -> str:
    """`p017` as `a0`: what ids of one kind have in common."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "0", cell.strip()))


def _excel(file: CohortFile) -> _Sheet:
    from openpyxl import load_workbook

    path = file.table
    with path.open("rb") as opened:
        if opened.read(4) == b"\xd0\xcf\x11\xe0":
            raise StrokebenchError(
                f"{path} is protected by a password, or is an old .xls file.",
                "Take the password off, or save it as .xlsx or CSV.",
            )
    try:
        # Not by pandas, which makes an error, a formula without a value and a number's leading zeros vanish.
        book = load_workbook(path, read_only=True, data_only=True)
        if file.sheet and file.sheet not in book.sheetnames:
            raise StrokebenchError(f"{path}: no sheet {file.sheet!r}.", f"Its sheets: {', '.join(book.sheetnames)}.")
        page = book[file.sheet] if file.sheet else book.worksheets[0]
        with zipfile.ZipFile(path) as archive:
            xml = archive.read(page._worksheet_path.lstrip("/"))
        formulas: Iterable[tuple] = ()
        if re.search(rb"<(?:\w+:)?f[\s>/]", xml):
            formulas = load_workbook(path, read_only=True)[page.title].iter_rows(values_only=True)
        rows = [
            [_excel_cell(cell, formula) for cell, formula in zip_longest(row, formula_row)]
            for row, formula_row in zip_longest(page.iter_rows(), formulas, fillvalue=())
        ]
    except StrokebenchError:
        raise
    except Exception as error:
        raise StrokebenchError(
            f"{path}: no Excel table could be read ({error}).", "Save it as .xlsx or as CSV."
        ) from None
    sheet = _Sheet([(number, row) for number, row in enumerate(rows, 1) if any(cell.strip() for cell in row)])
    if merged := re.findall(rb'<(?:\w+:)?mergeCell [^>]*?ref="([A-Z0-9:]+)"', xml):
        ranges = ", ".join(one.decode() for one in merged[:6]) + (" and more" if len(merged) > 6 else "")
        sheet.problems.append(
            Problem("cells_merged", f"merged cells hold their value once: {ranges}", where=page.title)
        )
    if others := [name for name in book.sheetnames if name != page.title]:
        sheet.notes.append(f"sheets of {path.name} that are not read: {', '.join(others)}")
    return sheet


def _excel_cell(cell: Any, formula: Any) -> str:
    if cell is None:
        return ""
    if cell.value is None:
        # A formula whose result was never stored stands as it is, for the check to name.
        text = str(getattr(formula, "text", formula))
        return text if text.startswith("=") else ""
    text = _cell(cell.value)
    # What a format of zeros shows is what the user reads, and what files are named after.
    zeros = cell.number_format if cell.data_type == "n" else ""
    return text.zfill(len(zeros)) if re.fullmatch("0+", zeros or "") and text.isdigit() else text


def _parquet(file: CohortFile) -> _Sheet:
    try:
        # Arrow's own types: as floats, whole numbers beside a missing one would lose their last digits.
        frame = pd.read_parquet(file.table, dtype_backend="pyarrow")
    except Exception as error:
        raise StrokebenchError(f"{file.table}: no Parquet table could be read ({error}).") from None
    if frame.index.name is not None or frame.index.nlevels > 1:
        frame = frame.reset_index()
    columns = [[_cell(value) for value in frame.iloc[:, i]] for i in range(frame.shape[1])]
    return _Sheet([(1, [str(name) for name in frame.columns]), *enumerate(map(list, zip(*columns, strict=True)), 2)])


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if value is None or value is pd.NaT or value is pd.NA:
        return ""
    if isinstance(value, bool | np.bool_):
        return str(int(value))
    if isinstance(value, numbers.Integral):
        return str(int(value))
    # A spreadsheet stores whole numbers as floats; an id 17 must not become "17.0".
    if isinstance(value, numbers.Real):
        number = float(value)
        if np.isnan(number):
            return ""
        if abs(number) >= _EXACT:
            return f"{number:e}"
        return str(int(number)) if number.is_integer() else repr(number)
    return str(value)


_READERS: dict[str, Callable[[CohortFile], _Sheet]] = {
    ".csv": _csv,
    ".tsv": _csv,
    ".txt": _csv,
    ".xlsx": _excel,
    ".xlsm": _excel,
    ".parquet": _parquet,
}
