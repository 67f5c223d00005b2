"""A clinical table as text cells, whatever file it comes from, so that every fault can be quoted as it stands."""

from __future__ import annotations

import csv
import io
import numbers
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from strokebench.errors import StrokebenchError

MISSING = frozenset({"", "na", "n/a", "nan", "null", "nil", "-", "--", "?", ".", "<na>", "#n/a"})
"""Cell texts that mean unknown, whatever their case. `none` is not among them: it can be a category."""

_SEPARATORS = ",;\t"


def read_table(
    path: Path, sheet: str | None = None, encoding: str = "utf-8-sig", missing: Sequence[str] = ()
) -> pd.DataFrame:
    """Read a CSV, TSV, Excel or Parquet table; separator of a CSV by its header (comma, semicolon, tab).

    Args:
        missing: further cell texts that mean unknown.

    Returns:
        Cells as text, missing ones empty, one row a patient; the index is the row number in the file, the header
        being row 1.

    Raises:
        StrokebenchError: no such file, another format, an encoding that does not fit, a row with another
            number of cells than the header (names the row), no rows.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise StrokebenchError(
            f"{path}: a table cannot be read from this format.", f"Save it as {', '.join(_READERS)}."
        )
    if not path.is_file():
        raise StrokebenchError(f"{path}: no such file.", "Paths in the cohort's file count from its folder.")
    header, body = reader(path, sheet, encoding)
    if not body:
        raise StrokebenchError(f"{path}: the table has no rows.")
    cells = pd.DataFrame([row for _, row in body], [number for number, _ in body], header, dtype=object)
    unknown = MISSING | {text.casefold() for text in missing}
    empty = cells.apply(lambda column: column.str.strip().str.casefold().isin(unknown))
    return cells.mask(empty, "")


Body = list[tuple[int, list[str]]]


def _csv(path: Path, sheet: str | None, encoding: str) -> tuple[list[str], Body]:
    try:
        text = path.read_bytes().decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise StrokebenchError(
            f"{path}: not {encoding} text ({error}).", "Set `encoding:`, e.g. gb18030, latin-1 or cp1252."
        ) from None
    first = text.split("\n", 1)[0]
    separator = "\t" if path.suffix.lower() == ".tsv" else max(_SEPARATORS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    header: list[str] = []
    body: Body = []
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if not header:
                header = row
            elif len(row) != len(header):
                raise StrokebenchError(
                    f"{path}, row {reader.line_num}: {len(row)} cells where the header has {len(header)}.",
                    "Put a cell that holds the separator between double quotes.",
                )
            else:
                body.append((reader.line_num, row))
    except csv.Error as error:
        raise StrokebenchError(f"{path}, row {reader.line_num}: {error}.") from None
    return header, body


def _excel(path: Path, sheet: str | None, encoding: str) -> tuple[list[str], Body]:
    try:
        frame = pd.read_excel(path, sheet_name=sheet or 0, header=None, dtype=object, na_filter=False)
    except ImportError as error:
        raise StrokebenchError(f"{path}: {error}", "Install openpyxl, or save the table as CSV.") from None
    except Exception as error:
        raise StrokebenchError(
            f"{path}: no Excel table could be read ({error}).", "Save it as .xlsx or as CSV."
        ) from None
    rows = [(number, cells) for number, cells in enumerate(_as_text(frame), 1) if any(cell.strip() for cell in cells)]
    return (rows[0][1], rows[1:]) if rows else ([], [])


def _parquet(path: Path, sheet: str | None, encoding: str) -> tuple[list[str], Body]:
    try:
        frame = pd.read_parquet(path)
    except Exception as error:
        raise StrokebenchError(f"{path}: no Parquet table could be read ({error}).") from None
    if frame.index.name is not None or frame.index.nlevels > 1:
        frame = frame.reset_index()
    return [str(name) for name in frame.columns], list(enumerate(_as_text(frame), 2))


def _as_text(frame: pd.DataFrame) -> Iterable[list[str]]:
    columns = [[_cell(value) for value in frame.iloc[:, i]] for i in range(frame.shape[1])]
    return [list(row) for row in zip(*columns, strict=True)]


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or value is pd.NaT or value is pd.NA:
        return ""
    if isinstance(value, bool | np.bool_):
        return str(int(value))
    # A spreadsheet stores whole numbers as floats; an id 17 must not become "17.0".
    if isinstance(value, numbers.Real):
        number = float(value)
        return "" if np.isnan(number) else str(int(number)) if number.is_integer() else repr(number)
    return str(value)


_READERS: dict[str, Callable[[Path, str | None, str], tuple[list[str], Body]]] = {
    ".csv": _csv,
    ".tsv": _csv,
    ".txt": _csv,
    ".xlsx": _excel,
    ".xlsm": _excel,
    ".parquet": _parquet,
}
