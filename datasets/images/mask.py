"""A binary mask, brought to the grid of its image."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from strokebench.datasets.images.nifti import VolumeError, check_invertible, open_nifti

SAME_MM = 0.1
"""Grids whose affines differ by less are the same."""
REMEDY = "Save the mask with the affine of its image."
"""Of a mask whose affine is nonsense."""


def read_mask(
    path: Path, shape: tuple[int, ...], affine: NDArray[np.float64], resample: bool = False
) -> NDArray[np.bool_]:
    """A mask, by whatever two values, on the grid of its image; trailing axes of one are dropped.

    Args:
        shape, affine: the image's grid: voxels (x, y, z), voxel to world millimetres (4, 4).
        resample: bring a mask of another grid in the same space to the image's, by nearest neighbour.

    Returns:
        True inside: (x, y, z).

    Raises:
        VolumeError: `unreadable`, as `strokebench.datasets.images.nifti.open_nifti`; `affine`: not finite or singular;
            `values`: more than two, or not 0 outside, as in all corners; `grid`: another one, or a mask that lies
            wholly outside its image.
    """
    nifti = open_nifti(path)
    check_invertible(nifti.affine, str(path), REMEDY)
    if max(nifti.shape[3:], default=1) > 1:
        raise VolumeError(f"{path} {nifti.shape} holds several masks.", "Save one mask a patient.", "values")
    mask = _binary(nifti.voxels(), path)
    if mask[np.ix_((0, -1), (0, -1), (0, -1))].all():
        raise VolumeError(
            f"{path} marks {mask.mean():.0%} of its volume, all corners too.",
            "Save the mask with 0 outside and 1 inside; none of it where there is nothing.",
            "values",
        )
    if mask.shape == shape and np.allclose(nifti.affine, affine, atol=SAME_MM):
        return mask
    if not resample and not same_voxels(mask.shape, nifti.affine, shape, affine):
        raise VolumeError(
            f"{path} {mask.shape} is not on the grid of the image {shape}.",
            "Set `mask_grid: resample` if both lie in one space; else resample the mask to its image.",
            "grid",
        )
    from nibabel.processing import resample_from_to

    source = nibabel.Nifti1Image(mask.astype(np.uint8), nifti.affine)
    moved = np.asarray(resample_from_to(source, (shape, affine), order=0).dataobj) > 0
    if not moved.any():
        # A lacune that is all of a mask may lie between the centres of thick slices. Beside others it is left out here:
        # lesions are measured as they were drawn, and masks of a brain, which features depend on, stay as they are.
        to_image = np.linalg.inv(affine) @ nifti.affine
        voxels = np.rint(np.argwhere(mask) @ to_image[:3, :3].T + to_image[:3, 3]).astype(int)
        moved[tuple(voxels[((voxels >= 0) & (voxels < shape)).all(axis=1)].T)] = True
    if mask.any() and not moved.any():
        raise VolumeError(f"{path} lies outside its image.", "Register the mask to its image.", "grid")
    return moved


def largest_piece(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest connected part of a mask (x, y, z), touching by faces."""
    from scipy.ndimage import label

    pieces, _ = label(mask)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return mask & (pieces == sizes.argmax())


def _binary(data: NDArray[np.float32], path: Path) -> NDArray[np.bool_]:
    # Two stored values stay two whatever the slope; 255 times a slope of 1/255 need not be 1.
    values = np.unique(data)
    low, high = float(values[0]), float(values[-1])
    if len(values) > 2 or not np.isfinite(values).all() or (len(values) == 2 and low != 0) or high < 0:
        raise VolumeError(
            f"{path} holds {len(values)} values from {low:g} to {high:g}.",
            "Save the mask with 0 outside and 1 inside.",
            "values",
        )
    return data > 0


def same_voxels(
    one_shape: tuple[int, ...], one: NDArray[np.float64], other_shape: tuple[int, ...], other: NDArray[np.float64]
) -> bool:
    """Whether two grids, by shape and affine (4, 4), have the same voxels, perhaps in another order of their axes."""
    turned: list[Any] = [
        nibabel.as_closest_canonical(nibabel.Nifti1Image(np.broadcast_to(np.uint8(0), shape), affine))
        for shape, affine in ((one_shape, one), (other_shape, other))
    ]
    return turned[0].shape == turned[1].shape and np.allclose(turned[0].affine, turned[1].affine, atol=SAME_MM)
