"""Where an encoder's grid lies about a head, and what of the head it leaves out."""

import numpy as np
from numpy.typing import NDArray

from strokebench.datasets.images.mask import largest_piece
from strokebench.datasets.images.target import Target

TALLEST_BRAIN_MM = 160.0
"""What is taller shows a face and a neck too (our choice)."""
ABOVE_MM = 3.0
"""From the height that all but 0.5 % of a whole head lies below to the upper edge of the grid: the brain lies deeper
than that height, beneath skull and scalp (our choice)."""
SKULL_MM = 10.0
"""From the surface of a whole head to its brain, at the least (our choice)."""
LEFT_OUT = 0.02
"""Share of the head from which what a grid leaves out is worth a warning (our choice)."""


def middle(head: NDArray[np.bool_], edges: NDArray[np.float64], target: Target) -> NDArray[np.float64]:
    """Middle of the head (x, y, z) in voxels; of a whole head, that of what the grid holds from its top.

    Args:
        edges: of a voxel in mm.
    """
    if not _is_whole(head, edges):
        return np.array([_borders(head, axis).mean() for axis in range(3)])
    top = _borders(head, 2)[1] + ABOVE_MM / edges[2]
    bottom = top - target.shape[2] * target.spacing / edges[2]
    # The face would draw the middle to the front.
    upper = head[:, :, max(0, round(bottom + 0.5)) :]
    return np.array([_borders(upper, 0).mean(), _borders(upper, 1).mean(), (top + bottom) / 2])


def left_out(head: NDArray[np.bool_], edges: NDArray[np.float64], target: Target) -> float:
    """Share of the head's largest piece (x, y, z) that the grid about its middle leaves out.

    Of a whole head, what lies within `SKULL_MM` beyond the grid's sides is skull and counts as inside; a neck below
    does not count at all.
    """
    whole = _is_whole(head, edges)
    centre, half = middle(head, edges, target), np.array(target.shape) * target.spacing / 2 / edges
    margin = np.array([SKULL_MM, SKULL_MM, 0]) / edges if whole else 0
    low = np.maximum(np.ceil(centre - half - margin), 0).astype(int)
    high = np.floor(centre + half + margin).astype(int) + 1
    inside, counted = tuple(map(slice, low, high)), np.s_[:, :, low[2] if whole else 0 :]
    # Mostly the grid holds everything, and pieces take longer to find than all else.
    if head[inside].sum() == head[counted].sum():
        return 0.0
    # Specks of noise in the air are none of it.
    piece = largest_piece(head)
    return float(1 - piece[inside].sum() / max(1, piece[counted].sum()))


def _is_whole(head: NDArray[np.bool_], edges: NDArray[np.float64]) -> bool:
    return bool(np.ptp(_borders(head, 2)) * edges[2] > TALLEST_BRAIN_MM)


def _borders(head: NDArray[np.bool_], axis: int) -> NDArray[np.float64]:
    """Where the head (x, y, z) begins and ends along an axis, in voxels, (2,)."""
    profile = head.sum(axis=tuple(other for other in range(3) if other != axis))
    below = np.concatenate([[0], profile.cumsum()]) / profile.sum()
    borders = np.arange(len(below)) - 0.5
    # Percentiles, not `CropForeground`'s outermost voxels: one bright speck in the air must not move the head.
    # Between voxels too: a cell may be 6 mm wide, and where its border falls must not move the head either.
    return np.interp([0.005, 0.995], below, borders)
