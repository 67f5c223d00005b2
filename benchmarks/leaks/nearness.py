"""Which patients lie suspiciously near each other in an array of embeddings?

Arrays may be maps of files larger than the memory: they are read in blocks of rows, and what is kept of a patient
is a sketch of a few hundred numbers.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

NEIGHBOUR = 5
"""Nearness is measured against the distance to the fifth neighbour, so that up to four copies stand out."""
SKETCH = 256
"""Columns that wider arrays are projected to; distances change by about 1 / sqrt(2 * 256)."""
EXAMINED = 10_000
"""Patients whose neighbours are looked for among all; of more, so many are drawn, and time grows linearly from there
on (our choice: a minute at a hundred thousand patients)."""
MARKS = 8
"""Random directions in which equal patients must agree."""
BLOCK = 1024
"""Rows of an array read at a time."""
EQUAL = 1e-6
"""A distance below this share of the typical one is rounding: the embeddings are equal."""

Pairs = dict[tuple[int, int], float]
"""Rows (smaller first) -> distance as a share of the smaller distance to a fifth neighbour; 0: equal."""


def near_pairs(arrays: list[NDArray], below: float, examined: int = EXAMINED) -> Pairs:
    """Pairs of rows nearer to each other than `below` times what lies around them.

    A share of the local distance rather than a distance: patients without much to see in the image lie close
    together in every cohort, and a threshold that fits one encoder fits no other.

    Args:
        arrays: one row a patient each, (n, ...); they are standardised and weigh the same. A row with a missing value
            in all arrays is in no pair.
        examined: with more patients than this, pairs are looked for around so many, drawn at random, and around
            those whose sketch another patient has too, so that equal patients are found wherever they are.

    Returns:
        Nothing where fewer than `NEIGHBOUR` + 2 patients are known.
    """
    from sklearn.neighbors import NearestNeighbors

    x, known = _joined(arrays)
    if len(known) < NEIGHBOUR + 2:
        return {}
    typical = np.sqrt(2 * np.einsum("ij,ij->i", x, x, dtype=np.float64).mean()) or 1.0
    rows = _chosen(x, examined)
    distances, near = NearestNeighbors(n_neighbors=NEIGHBOUR + 1, algorithm="brute").fit(x).kneighbors(x[rows])
    others = near != rows[:, None]
    # Among more than five equal patients one may not be its own neighbour.
    others[others.all(axis=1), -1] = False
    near, exact = (part[others].reshape(len(rows), NEIGHBOUR) for part in (near, distances))
    around = np.full(len(x), -np.inf)
    around[rows] = exact.max(axis=1)
    candidates = [(int(rows[i]), int(near[i, k]), float(exact[i, k])) for i, k in np.ndindex(near.shape)]
    pairs: Pairs = {}
    for i, j, distance in candidates:
        scale = max(around[i], around[j])
        share = 0.0 if distance <= EQUAL * typical else distance / scale
        if share < below:
            pairs[tuple(sorted((int(known[i]), int(known[j]))))] = float(share)  # type: ignore[index]
    return pairs


def _chosen(x: NDArray[np.float32], examined: int) -> NDArray[np.intp]:
    """The rows whose neighbours are looked for."""
    if len(x) <= examined:
        return np.arange(len(x))
    drawn = np.random.default_rng(0).choice(len(x), examined, replace=False)
    # Rounded, so that equal embeddings that were added up in another order still count as equal.
    marks = np.round(x @ np.random.default_rng(1).standard_normal((x.shape[1], MARKS)).astype(np.float32), 3)
    _, first, times = np.unique(marks, axis=0, return_index=True, return_counts=True)
    return np.union1d(drawn, first[times > 1])


def _joined(arrays: list[NDArray]) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Standardised columns of all arrays side by side (known, d), of the rows that are known, and which these are."""
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(0)
    there = [_known(array) for array in arrays]
    known = np.flatnonzero(np.any(there, axis=0))
    widths = [int(np.prod(array.shape[1:])) for array in arrays]
    sketched = [min(width, SKETCH) for width in widths]
    joined = np.empty((len(known), sum(sketched)), np.float32)
    at = 0
    for array, width, columns in zip(arrays, widths, sketched, strict=True):
        scaler = StandardScaler()
        for _, x in _blocks(array, known):
            scaler.partial_fit(x)
        projection = rng.standard_normal((width, SKETCH)) / np.sqrt(SKETCH) if width > SKETCH else None
        for start, x in _blocks(array, known):
            scaled = np.nan_to_num(scaler.transform(x), nan=0.0)
            scaled = scaled if projection is None else scaled @ projection
            joined[start : start + len(x), at : at + columns] = scaled / np.sqrt(width)
        at += columns
    return joined, known


def _blocks(array: NDArray, rows: NDArray[np.intp]) -> Iterator[tuple[int, NDArray[np.float64]]]:
    for start in range(0, len(rows), BLOCK):
        part = rows[start : start + BLOCK]
        yield start, np.asarray(array[part], np.float64).reshape(len(part), -1)


def _known(array: NDArray) -> NDArray[np.bool_]:
    blocks = _blocks(array, np.arange(len(array)))
    return np.concatenate([~np.isnan(x).all(axis=1) for _, x in blocks] or [np.zeros(0, bool)])
