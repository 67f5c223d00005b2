"""Which patients lie suspiciously near each other in an array of embeddings?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NEIGHBOUR = 5
"""Nearness is measured against the distance to the fifth neighbour, so that up to four copies stand out."""
SKETCH = 256
"""Columns that wider arrays are projected to; distances change by about 1 / sqrt(2 * 256)."""
CHUNK = 1024
EQUAL = 1e-6
"""A distance below this share of the typical one is rounding: the embeddings are equal."""

Pairs = dict[tuple[int, int], float]
"""Rows (smaller first) -> distance as a share of the smaller distance to a fifth neighbour; 0: equal."""


def near_pairs(arrays: list[NDArray], below: float) -> Pairs:
    """Pairs of rows nearer to each other than `below` times what lies around them.

    A share of the local distance rather than a distance: patients without much to see in the image lie close
    together in every cohort, and a threshold that fits one encoder fits no other.

    Args:
        arrays: one row a patient each; they are standardised and weigh the same. A row with a missing value in
            all arrays is in no pair.

    Returns:
        Nothing where fewer than `NEIGHBOUR` + 2 patients are known.
    """
    x, known = _joined(arrays)
    if len(known) < NEIGHBOUR + 2:
        return {}
    squares = np.einsum("ij,ij->i", x, x)
    typical = np.sqrt(2 * squares.mean()) or 1.0
    around = np.empty(len(x))
    candidates = []
    for start in range(0, len(x), CHUNK):
        rows = slice(start, start + CHUNK)
        distances = squares[rows, None] + squares[None] - 2 * x[rows] @ x.T
        distances[np.arange(len(distances)), np.arange(start, start + len(distances))] = np.inf
        near = np.argpartition(distances, NEIGHBOUR - 1, axis=1)[:, :NEIGHBOUR]
        # The product of matrices loses the digits of small distances, so those are taken again.
        exact = np.linalg.norm(x[rows, None] - x[near], axis=2)
        around[rows] = exact.max(axis=1)
        candidates += [(start + i, int(near[i, k]), float(exact[i, k])) for i, k in np.ndindex(near.shape)]
    pairs: Pairs = {}
    for i, j, distance in candidates:
        scale = max(around[i], around[j])
        share = 0.0 if distance <= EQUAL * typical else distance / scale
        if share < below:
            pairs[tuple(sorted((int(known[i]), int(known[j]))))] = float(share)  # type: ignore[index]
    return pairs


def _joined(arrays: list[NDArray]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Standardised columns of all arrays side by side, of the rows that are known, and which rows these are."""
    rng = np.random.default_rng(0)
    flat = [np.asarray(array).reshape(len(array), -1) for array in arrays]
    known = np.flatnonzero(np.any([~np.isnan(x).all(axis=1) for x in flat], axis=0))
    blocks = []
    for x in flat:
        x = x[known]
        deviation = np.nanstd(x, axis=0, dtype=np.float64)
        mean = np.nanmean(x, axis=0, dtype=np.float64)
        scaled = np.nan_to_num((x - mean) / np.where(deviation > 0, deviation, 1), nan=0.0)
        if scaled.shape[1] > SKETCH:
            scaled = scaled @ rng.standard_normal((scaled.shape[1], SKETCH)) / np.sqrt(SKETCH)
        blocks.append(scaled / np.sqrt(x.shape[1]))
    return np.hstack(blocks), known
