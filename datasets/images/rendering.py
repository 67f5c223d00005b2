"""A lesion mask laid on the MNI template: a volume for patients of whom only the mask is public."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strokebench.datasets.images.lesion import voxels_of
from strokebench.errors import StrokebenchError

VERSION = 1
"""Raised whenever a volume would look different."""

SPACING_MM = 3.0
SHAPE = (53, 64, 53)
AFFINE = np.array([[3.0, 0, 0, -78], [0, 3, 0, -112], [0, 0, 3, -72], [0, 0, 0, 1]])
"""Grid of every rendered volume: 3 mm, from the patient's left, back and bottom; the whole MNI brain fits."""

BRAIN, LESION = 600.0, 1000.0
"""Intensity of the brightest brain tissue, and of a voxel that is lesion throughout (our choice)."""


def render(mask: NDArray[Any], affine: NDArray[Any]) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """The MNI152 T1 template with a bright lesion, and the lesion's mask, both on the grid `SHAPE`, `AFFINE`.

    The lesion is brought to the coarse grid first, as the share of each voxel that it fills, and blended with
    the template there, so that small lesions and smooth borders survive.

    Args:
        mask: (x, y, z), lesion above 0.5, in MNI space, voxels of at most 3 mm.
        affine: voxel to world millimetres (4, 4).

    Raises:
        StrokebenchError: voxels over 3 mm; a lesion that lies outside the template altogether.
    """
    filled = fill(mask, affine)
    brain = _template()
    image = brain + filled * (LESION - brain)
    lesion = filled >= 0.5
    if not lesion.any() and filled.any():
        lesion[np.unravel_index(filled.argmax(), filled.shape)] = True
    return image.round().astype(np.int16), lesion.astype(np.uint8)


def fill(mask: NDArray[Any], affine: NDArray[Any]) -> NDArray[np.float64]:
    """Share of each voxel of the coarse grid (53, 64, 53) that the lesion fills, 0 to 1; arguments as of `render`."""
    spacing = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    if spacing.max() > SPACING_MM + 1e-3:
        raise StrokebenchError(
            f"The lesion mask has voxels of {spacing.max():.1f} mm.", f"Give a mask of {SPACING_MM:.0f} mm or finer."
        )
    voxels = voxels_of(mask > 0.5)
    if not len(voxels):
        return np.zeros(SHAPE)
    world = voxels @ affine[:3, :3].T + affine[:3, 3]
    cell = np.rint((world - AFFINE[:3, 3]) / SPACING_MM).astype(int)
    inside = ((cell >= 0) & (cell < SHAPE)).all(axis=1)
    if not inside.any():
        raise StrokebenchError(
            "The lesion lies outside the MNI template.", "Register the mask to MNI space, or correct its affine."
        )
    count = np.bincount(np.ravel_multi_index(tuple(cell[inside].T), SHAPE), minlength=int(np.prod(SHAPE)))
    return (count * spacing.prod() / SPACING_MM**3).clip(0, 1).reshape(SHAPE)


@lru_cache(maxsize=1)
def _template() -> NDArray[np.float64]:
    from nilearn.datasets import load_mni152_template
    from nilearn.image import resample_img

    fine = load_mni152_template(resolution=1)
    coarse = resample_img(fine, AFFINE, SHAPE, interpolation="continuous", force_resample=True, copy_header=True)
    brain = coarse.get_fdata().clip(0)
    return brain / brain.max() * BRAIN
