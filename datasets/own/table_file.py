"""A clinical table as text cells, whatever file it comes from, so that every fault can be quoted as it stands."""

import csv
import io
import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mode
from typing import Any

import numpy as np
import pandas as pd

from strokebench.datasets.foreign import HEAD, foreign_kind
from strokebench.datasets.own.cohort_file import CohortFile
from strokebench.datasets.own.number_cells import UNSEEN
from strokebench.datasets.own.table_size import LARGEST, SEPARATORS, check_size
from strokebench.datasets.own.typed_table import Sheet, read_excel, read_parquet
from strokebench.datasets.problems import Problem
from strokebench.errors import StrokebenchError, named

MISSING = frozenset({"", "na", "n/a", "nan", "null", "-", "--", "?", ".", "<na>", "#n/a", "#nv", "\\n"})
"""Cell texts that mean unknown, whatever their case. `none` and `nil` are not among them: they can be a finding."""

HEADER_WITHIN = 30
"""Rows of titles and comments that may stand above the header."""


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
        raise StrokebenchError(f"{path}: the table has no rows.", "; ".join(sheet.notes))
    # Above the header a title may go over several cells.
    if merged := [one for one in sheet.merged if int(re.sub(r".*\D", "", one)) >= sheet.rows[start][0]]:
        what = f"merged cells hold their value once: {named(merged, 6)}"
        sheet.problems.append(Problem("cells_merged", what, where=path.name))
    array = np.array([row for _, row in body], dtype=object)
    cells = pd.DataFrame(array, [number for number, _ in body], header, dtype=object)
    unknown: dict[str, list[str]] = {}
    known = pd.concat([_known(cells.iloc[:, i], unknown) for i in range(len(header))], axis=1)
    if unknown:
        words = (f"{word} in {named(columns, 3)}" for word, columns in unknown.items())
        sheet.notes.append(f"cells of {path.name} read as unknown: {'; '.join(words)}")
    return TableFile(known, sheet.problems, sheet.notes)


def read_beside(file: CohortFile, path: Path, id: str) -> TableFile:
    """Another table of the cohort, with a decimal point, and in UTF-8 or else in the encoding of the clinical one.

    Raises:
        StrokebenchError: as `read_table`.
    """
    encoding = CohortFile.encoding
    with suppress(OSError):
        if path.suffix.lower() in (".csv", ".tsv", ".txt") and path.stat().st_size <= LARGEST:
            try:
                path.read_bytes().decode()
            except UnicodeDecodeError:
                encoding = file.encoding
    return read_table(
        replace(file, table=path, id=id, sheet=None, separator="", encoding=encoding, missing=(), decimal=".")
    )


def by_value(cells: pd.Series, change: Callable[[str], Any]) -> pd.Series:
    """Each cell changed; every different one only once, for tables of many patients have few of them."""
    codes, values = pd.factorize(cells)
    changed = np.empty(len(values), dtype=object)
    changed[:] = [change(value) for value in values]
    return pd.Series(changed[codes], cells.index, dtype=object, name=cells.name)


def _known(cells: pd.Series, unknown: dict[str, list[str]]) -> pd.Series:
    """A column in which cells that mean unknown are empty; beside a `+` a `-` is a finding.

    Args:
        unknown: gets, for each such word as written, the column and how many of its cells.
    """
    found = [cell for cell in cells.unique() if cell.strip().casefold() in MISSING]
    signs = [cell for cell in found if cell.strip() in ("-", "--")]
    if signs and any(re.fullmatch(r"\s*\(?\++\)?\s*", cell) for cell in cells.unique()):
        found = [cell for cell in found if cell not in signs]
    for cell in found:
        if cell.strip():
            unknown.setdefault(repr(cell.strip()), []).append(f"{cells.name} ({(cells == cell).sum()})")
    return by_value(cells, lambda cell: "" if cell in found else cell)


def _names(row: list[str], column: str) -> bool:
    return column in map(_header, row)


def _header(cell: str) -> str:
    """A column's name on one line, with single spaces and without unseen signs: spreadsheets break headers to fit."""
    return " ".join(UNSEEN.sub("", cell).split()) if not cell.isascii() else " ".join(cell.split())


def _rectangle(path: Path, rows: list[tuple[int, list[str]]]) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Header and body of equal width: separators at the end of a line make no column."""
    if not rows:
        return [], []
    header, body = [*map(_header, rows[0][1])], []
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


def _csv(file: CohortFile) -> Sheet:
    path = file.table
    text = _text(file, path.read_bytes())
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
                # By ="0017" a spreadsheet is told to keep the zeros.
                cells = [_AS_TEXT.sub(r"\1", cell) if cell.startswith("=") else cell for cell in row]
                records.append((start, reader.line_num, cells))
            start = reader.line_num
    except csv.Error as error:
        raise _open_quote(path, start + 1, str(error)) from None
    _refuse_swallowed(path, lines, records, separator)
    lost = [f"letters of {path.name} were lost before it came here (\ufffd)"] if "\ufffd" in text else []
    if found := TWICE.search(text):
        lost.append(
            f"letters of {path.name} were encoded twice before it came here, such as {found[0]!r}; export it again"
        )
    # A row of several lines is known by the last one, as an editor shows where it ends.
    return Sheet([(end, row) for _, end, row in records], notes=lost)


def _text(file: CohortFile, content: bytes) -> str:
    """The text of a CSV file.

    Raises:
        StrokebenchError: it is another kind of file, or in another encoding than the cohort's file says.
    """
    path, hint = file.table, "Set `encoding:`, e.g. gb18030, latin-1, cp1252 or utf-16."
    if (kind := foreign_kind(content[:HEAD])) and "utf" not in kind.what.lower():
        raise StrokebenchError(f"{path} is {kind.what}.", "Save it as CSV, or give it the ending of its kind.")
    try:
        text = content.decode(file.encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise StrokebenchError(f"{path}: not {file.encoding} text ({error}).", hint) from None
    # An encoding of one byte a letter takes any bytes; those of UTF-8 are no chance.
    if not content.isascii() and len(text) == len(content):
        with suppress(UnicodeDecodeError):
            content.decode()
            raise StrokebenchError(f"{path} is UTF-8 text, not {file.encoding}.", "Delete `encoding:`.")
    if found := re.search("[\0\x80-\x84\x86-\x9f]", text):
        row = text.count("\n", 0, found.start()) + 1
        raise StrokebenchError(f"{path}, row {row}: {found[0]!r} is no letter; it may be in another encoding.", hint)
    return unicodedata.normalize("NFC", text.removeprefix("\ufeff"))


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


TWICE = re.compile("\\w{0,20}(?:\u00c3[\u0080-\u00bf\u0152-\u2122]|\u00c2[\u0080-\u00bf]|\u00e2\u20ac.)\\w{0,20}")
"""`Ã¼` where an ü stood."""
_AS_TEXT = re.compile(r'^="([^"]*)"$')
_READERS: dict[str, Callable[[CohortFile], Sheet]] = {
    ".csv": _csv,
    ".tsv": _csv,
    ".txt": _csv,
    ".xlsx": read_excel,
    ".xlsm": read_excel,
    ".parquet": read_parquet,
}
