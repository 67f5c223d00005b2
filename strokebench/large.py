"""Arrays that may not fit into memory: written block by block, and mapped from a nameless file when they are large.

The system writes the pages of such a file to disk and takes them back as it needs room; the file vanishes with
the array, also after `kill -9`.
"""

import os
from collections.abc import Iterator, Sequence
from math import prod
from mmap import mmap
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strokebench.errors import StrokebenchError
from strokebench.files import home

HELD = 2**28
"""Bytes of the largest array that is held in memory: no array of a cohort of the paper's size is larger."""

WHOLE = 2**26
"""Bytes up to which an array is worked on at once, so that sums of ordinary cohorts keep their order of terms."""

BLOCK = 2**23
"""Bytes that are worked on at once in a larger array: few enough for the allocator to use them again."""


def room(shape: Sequence[int]) -> NDArray[np.float32]:
    """A writeable array of any shape, to be filled; in memory up to `HELD` bytes, else below `home("scratch")`.

    A mapped one is a plain array, no `np.memmap`: joblib would look for the latter's file by its name.

    Raises:
        StrokebenchError: the disk has no room for it. It is taken at once, for a page that cannot be written
            later would end the process without a word.
    """
    size = prod(shape) * 4
    if size <= HELD:
        return np.empty(shape, np.float32)
    folder = home("scratch")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder) as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
            return np.frombuffer(mmap(file.fileno(), size), np.float32).reshape(shape)
    except OSError as error:
        raise StrokebenchError(
            f"{folder}: no room for {size / 1e9:.1f} GB of prepared embeddings: {error.strerror}.",
            "Make room, use fewer jobs at once, or set STROKEBENCH_HOME elsewhere.",
        ) from error


def blocks(rows: int, shape: Sequence[int]) -> Iterator[slice]:
    """These many rows of an array of this shape (n, ...): one slice up to `WHOLE` bytes, else slices of `BLOCK`."""
    row_bytes = max(4 * prod(shape[1:]), 1)
    step = rows if rows * row_bytes <= WHOLE else max(BLOCK // row_bytes, 1)
    for start in range(0, rows, max(step, 1)):
        yield slice(start, min(start + step, rows))


def take(x: NDArray[np.float32], rows: Any) -> NDArray[np.float32]:
    """`x[rows]` of an array (n, ...), by integers, a mask or a slice; a slice is a view, as ever."""
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
