"""Tables whose cells have types, Excel and Parquet, as the texts that they show."""

import numbers
import re
import unicodedata
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import BytesIO
from itertools import zip_longest
from typing import Any

import numpy as np
import pandas as pd

from strokebench.datasets.own.cohort_file import CohortFile
from strokebench.datasets.own.table_size import extent
from strokebench.datasets.problems import Problem
from strokebench.errors import StrokebenchError, named

_EXACT = 2**53
"""From here on a spreadsheet's number may be another than was typed."""
_FORMAT = re.compile(r'((?:"[^"]*"|\\.)*)(?:[#0,.]+|General)(%?)((?:"[^"]*"|\\.)*)')
"""A number with what is written around it, as `"P"000` and `0.0" mmol/l"`."""
_BETWEEN = r'(?:[- ()]|"[^"]*"|\\.)*'
_PLACES = re.compile(f"{_BETWEEN}(?:0{_BETWEEN})+")
"""A place for each digit, with what stands between and around them, as `00-000` and `"P"000`."""
_LANGUAGE = re.compile(r"\[\$-\w+\]")


@dataclass
class Sheet:
    """Rows that are not empty, by their number in the file, and what was seen on the way.

    Args:
        merged: ranges of merged cells, as `A1:C1`.
    """

    rows: list[tuple[int, list[str]]]
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)


def read_excel(file: CohortFile) -> Sheet:
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
        shown = [page for page in book.worksheets if page.sheet_state == "visible"] or book.worksheets
        page = book[file.sheet] if file.sheet else shown[0]
        with zipfile.ZipFile(path) as archive:
            xml = archive.read(page._worksheet_path.lstrip("/"))
        # What a file states of its extent may be less than it holds; cells of a format alone go on for ever.
        page.reset_dimensions()
        last_row, last_column = (last or None for last in extent(BytesIO(xml)))
        formulas: Iterable[tuple] = ()
        if re.search(rb"<(?:\w+:)?f[\s>/]", xml):
            as_typed = load_workbook(path, read_only=True)[page.title]
            as_typed.reset_dimensions()
            formulas = as_typed.iter_rows(max_row=last_row, max_col=last_column, values_only=True)
        rows, struck = [], []
        cells = page.iter_rows(max_row=last_row, max_col=last_column)
        for number, (row, formula_row) in enumerate(zip_longest(cells, formulas, fillvalue=()), 1):
            first = next((cell for cell in row if cell is not None and cell.value is not None), None)
            struck += [number] * bool(first is not None and first.font and first.font.strike)
            rows.append([_excel_cell(cell, formula, file.decimal) for cell, formula in zip_longest(row, formula_row)])
    except StrokebenchError:
        raise
    except Exception as error:
        raise StrokebenchError(
            f"{path}: no Excel table could be read ({error}).", "Save it as .xlsx or as CSV."
        ) from None
    width = max(map(len, rows), default=0)
    rows = [row + [""] * (width - len(row)) for row in rows]
    sheet = Sheet([(number, row) for number, row in enumerate(rows, 1) if any(cell.strip() for cell in row)])
    sheet.merged = [one.decode() for one in re.findall(rb'<(?:\w+:)?mergeCell [^>]*?ref="([A-Z0-9:]+)"', xml)]
    if others := [name for name in book.sheetnames if name != page.title]:
        sheet.notes.append(f"sheets of {path.name} that are not read: {', '.join(others)}")
    if struck:
        sheet.notes.append(f"rows of {path.name} that are struck through are read as the others: {named(struck, 6)}")
    for tag, what in ((b"row", "rows"), (b"col", "columns")):
        if hidden := re.findall(rb'<(?:\w+:)?%s\s[^>]*?\bhidden="(?:1|true)"' % tag, xml):
            sheet.notes.append(
                f"hidden {what} of {path.name} are read as the others ({what} or runs of them: {len(hidden)})"
            )
    return sheet


def _excel_cell(cell: Any, formula: Any, decimal: str) -> str:
    if cell is None:
        return ""
    if cell.value is None:
        if cell.data_type == "str":
            # The result of a formula is an empty text.
            return ""
        # A formula whose result was never stored stands as it is, for the check to name.
        text = str(getattr(formula, "text", formula))
        return text if text.startswith("=") else ""
    text = _cell(cell.value, decimal)
    # What a format shows is what the user reads, and what files are named after: 0017, P017, 45%.
    written = _LANGUAGE.sub("", cell.number_format or "").partition(";")[0]
    if cell.data_type != "n" or not text:
        return text
    if text.isdigit() and _PLACES.fullmatch(written):
        return _placed(text, written)
    if (shown := _FORMAT.fullmatch(written)) is None:
        return text
    before, percent, behind = shown.groups()
    text = f"{float(cell.value) * 100:.12g}%".replace(".", decimal) if percent else text
    return re.sub(r'"|\\(?=.)', "", before) + text + re.sub(r'"|\\(?=.)', "", behind)


def _placed(digits: str, form: str) -> str:
    """Digits at their places from the right, the first place with all that are left.

    >>> _placed("12007", "00-000"), _placed("7", '"P"000'), _placed("1234", "00-0")
    ('12-007', 'P007', '123-4')
    """
    parts = re.findall(r'"[^"]*"|\\.|.', form)
    places = [i for i, part in enumerate(parts) if part == "0"]
    for i in reversed(places[1:]):
        parts[i], digits = digits[-1:] or "0", digits[:-1]
    parts[places[0]] = digits or "0"
    return "".join(part.strip('"').removeprefix("\\") for part in parts)


def read_parquet(file: CohortFile) -> Sheet:
    try:
        # Arrow's own types: as floats, whole numbers beside a missing one would lose their last digits.
        frame = pd.read_parquet(file.table, dtype_backend="pyarrow")
    except Exception as error:
        raise StrokebenchError(f"{file.table}: no Parquet table could be read ({error}).") from None
    if frame.index.name is not None or frame.index.nlevels > 1:
        frame = frame.reset_index()
    columns = [[_cell(value, file.decimal) for value in frame.iloc[:, i]] for i in range(frame.shape[1])]
    sheet = Sheet([(1, [str(name) for name in frame.columns]), *enumerate(map(list, zip(*columns, strict=True)), 2)])
    for i, name in enumerate(frame.columns):
        if str(name) not in file.banned and frame.iloc[:, i].map(pd.api.types.is_list_like).any():
            what = f"column {str(name)!r} holds lists or records"
            sheet.problems.append(Problem("column_free_text", what, where=str(name)))
    return sheet


def _cell(value: Any, decimal: str) -> str:
    """A value as text; a number with the table's sign of decimals, for it is one whichever way texts beside it go."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, bytes):
        # Some programs write texts as plain bytes.
        return unicodedata.normalize("NFC", value.decode(errors="replace"))
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
        return str(int(number)) if number.is_integer() else repr(number).replace(".", decimal)
    return str(value)
