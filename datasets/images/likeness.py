"""Is an image a copy of another: in other intensities, another data type, shifted, or left for right?"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

EDGE = 16
"""Cells along each edge of the head."""
ALIKE = 0.015
"""Largest difference of any cell between two copies, in standard deviations of the cells: another data type makes 0.010
or less, a scale, a shift and a mirror nothing; two patients' MRI 0.8 or more, two heads that were drawn around lesions
0.019 or more."""
_BLOCK = 256


class Copy(NamedTuple):
    """An image that is a copy of an earlier one; `mirrored`: left for right."""

    key: tuple[str, str]
    earlier: tuple[str, str]
    mirrored: bool


def likeness(data: NDArray[np.float32], head: NDArray[np.bool_]) -> NDArray[np.float32]:
    """What a volume in RAS orientation shares with its copies: standardised means of cells of its head's box.

    Args:
        data, head: (x, y, z); a hundredth of the head may lie beyond either side of the box.

    Returns:
        (`EDGE`, `EDGE`, `EDGE`), mean 0 and deviation 1; zeros where all cells are equal.
    """
    weights = [_overlap(head.sum(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    cells = np.einsum("ia,jb,kc,abc->ijk", *weights, data, optimize=True)
    cells -= cells.mean()
    return (cells / deviation if (deviation := cells.std()) > 0 else cells).astype(np.float32)


def _overlap(filled: NDArray[np.integer]) -> NDArray[np.float64]:
    """How much of each cell each plane fills along one axis, (`EDGE`, planes), of the head's voxels a plane."""
    low, high = 0, len(filled)
    if least := 0.01 * filled.sum():
        low = int(np.searchsorted(np.cumsum(filled), least))
        high -= int(np.searchsorted(np.cumsum(filled[::-1]), least))
    edges, planes = np.linspace(low, high, EDGE + 1)[:, None], np.arange(len(filled))
    shared = np.minimum(edges[1:], planes + 1) - np.maximum(edges[:-1], planes)
    return shared.clip(0) * EDGE / (high - low)


def copies(images: Mapping[tuple[str, str], NDArray[np.float32]]) -> Iterator[Copy]:
    """Images that are copies of an earlier one, each with the first.

    Args:
        images: the `likeness` of each, (x, y, z), by sequence and patient.
    """
    keys = list(images)
    shape = len(keys), EDGE**3
    cells = np.array([images[key] for key in keys], np.float32).reshape(shape)
    mirrored = np.array([images[key][::-1] for key in keys], np.float32).reshape(shape)
    for start in range(0, len(keys), _BLOCK):
        block = slice(start, start + _BLOCK)
        # No cell can differ by less where they are less correlated.
        least = (1 - ALIKE**2) * EDGE**3
        near = (cells[block] @ cells.T > least) | (mirrored[block] @ cells.T > least)
        for i in range(start, min(start + _BLOCK, len(keys))):
            found = (
                Copy(keys[i], keys[j], turned)
                for j in np.flatnonzero(near[i - start, :i])
                for turned, other in ((False, cells), (True, mirrored))
                if np.abs(other[i] - cells[j]).max() < ALIKE
            )
            yield from islice(found, 1)
