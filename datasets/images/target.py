"""The grid that volumes are resampled to."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """The grid that an image encoder wants its volumes on, in RAS orientation.

    Args:
        shape: voxels left to right, back to front, bottom to top.
        spacing: edge of a voxel in mm, the same along each axis, so that a millilitre stays a millilitre.
    """

    shape: tuple[int, int, int]
    spacing: float


WHOLE_HEAD = Target((56, 64, 48), 3.0)
"""168 x 192 x 144 mm: the grid of the embedded encoder, on which a cohort is checked."""
HALF_FINE = Target((128, 128, 96), 1.5)
"""192 x 192 x 144 mm hold a brain; a network of stride 32 leaves a map of 4 x 4 (ours)."""
