"""How large a table is, by what its file states and holds, before any of it is taken into memory."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from strokebench.errors import StrokebenchError

MOST_CELLS = 10_000_000
"""Rows times columns: 100,000 patients of 100 columns."""
SEPARATORS = ",;\t|"
"""What a CSV file may separate cells by without saying so."""
LARGEST = 2**28
"""Bytes of a table, unpacked."""
_BLOCK = 2**20
_FILLED = re.compile(rb'<(?:\w+:)?c\s[^>]*?r="([A-Z]{1,3})(\d{1,7})"(?:[^>]*[^/>])?>')
"""A cell of a sheet that holds something; an empty one, of a format alone, closes itself."""


def check_size(path: Path) -> None:
    """Refuse a table that is larger than any cohort's.

    A file that is damaged passes: its reader says what is wrong with it.

    Raises:
        StrokebenchError: more than `MOST_CELLS` or `LARGEST`.
    """
    size, (rows, columns) = path.stat().st_size, (0, 0)
    try:
        if path.suffix.lower() in (".xlsx", ".xlsm"):
            size, rows, columns = _excel(path)
        elif path.suffix.lower() == ".parquet":
            size, rows, columns = _parquet(path)
        elif size <= LARGEST:
            rows, columns = 1, _separated(path)
    except Exception:
        return
    if rows * columns > MOST_CELLS:
        shape = f"{rows:,} rows and {columns:,} columns" if rows > 1 else f"{columns:,} cells"
        raise StrokebenchError(
            f"{path}: claims {shape}; up to {MOST_CELLS:,} cells are read.",
            "Delete what stands far from the table, and columns that are no input.",
        )
    if size > LARGEST:
        raise StrokebenchError(
            f"{path}: {size / 1e6:,.0f} MB; tables up to {LARGEST / 1e6:.0f} MB are read.",
            "Leave out columns that are no input.",
        )


def _excel(path: Path) -> tuple[int, int, int]:
    """Bytes of all parts, and last row and column that hold something in the sheet where they are furthest."""
    with zipfile.ZipFile(path) as book:
        size = sum(part.file_size for part in book.infolist())
        if size > LARGEST:
            return size, 0, 0
        extents = []
        for name in book.namelist():
            if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                with book.open(name) as sheet:
                    extents.append(extent(sheet))
    return size, *max(extents, key=lambda extent: extent[0] * extent[1], default=(0, 0))


def extent(sheet: IO[bytes]) -> tuple[int, int]:
    """Last row and column that hold something in the XML of a sheet; 0 where its cells do not say where they stand."""
    rows = columns = 0
    for block in _blocks(sheet, b"<"):
        cells = set(_FILLED.findall(block))
        rows = max([rows, *(int(row) for _, row in cells)])
        columns = max([columns, *(_number(letters) for letters in {letters for letters, _ in cells})])
    return rows, columns


def _blocks(file: IO[bytes], mark: bytes) -> Iterator[bytes]:
    """The file in parts that break before a mark."""
    rest = b""
    while block := file.read(_BLOCK):
        whole, found, rest_of_block = (rest + block).rpartition(mark)
        yield whole
        rest = found + rest_of_block
    yield rest


def _number(letters: bytes) -> int:
    """1 for A, 27 for AA."""
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


def _parquet(path: Path) -> tuple[int, int, int]:
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        meta = file.metadata
        size = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
        return size, meta.num_rows, meta.num_columns


def _separated(path: Path) -> int:
    """Cells of a CSV file, by its commonest separator."""
    counts, lines = dict.fromkeys(SEPARATORS.encode(), 0), 1
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            lines += block.count(b"\n")
            for separator in counts:
                counts[separator] += block.count(separator)
    return lines + max(counts.values())
