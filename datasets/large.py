"""Arrays that may not fit into memory: written block by block, and mapped from a nameless file when they are large.

The system writes the pages of such a file to disk and takes them back as it needs room; the file vanishes with
the array, also after `kill -9`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strokebench.datasets.files import home

HELD = 2**28
"""Bytes of the largest array that is held in memory."""

BLOCK = 2**26
"""Bytes that are worked on at once."""


def room(shape: Sequence[int]) -> NDArray[np.float32]:
    """An array to be filled; in memory up to `HELD` bytes, else mapped from below `home("scratch")`."""
    if prod(shape) * 4 <= HELD:
        return np.empty(shape, np.float32)
    folder = home("scratch")
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=folder) as file:
        return np.memmap(file, np.float32, "w+", shape=tuple(shape))


def blocks(rows: int, shape: Sequence[int]) -> Iterator[slice]:
    """All rows of an array of this shape (n, ...), in slices of at most `BLOCK` bytes; one, if `HELD` holds it."""
    row_bytes = max(4 * prod(shape[1:]), 1)
    step = rows if rows * row_bytes <= HELD else max(BLOCK // row_bytes, 1)
    for start in range(0, rows, max(step, 1)):
        yield slice(start, min(start + step, rows))


def take(x: NDArray[np.float32], rows: Any) -> NDArray[np.float32]:
    """`x[rows]`, of integers, a mask or a slice."""
    if isinstance(rows, slice):
        return x[rows]
    rows = np.asarray(rows)
    if rows.dtype == bool:
        rows = np.flatnonzero(rows)
    if rows.ndim == 0 or len(rows) * 4 * prod(x.shape[1:]) <= HELD:
        return x[rows]
    out = room((len(rows), *x.shape[1:]))
    for part in blocks(len(rows), x.shape):
        out[part] = x[rows[part]]
    return out
