"""From a NIfTI file, however oriented and spaced, to the grid and the intensities that an encoder expects."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from strokebench.datasets.images.target import Target
from strokebench.errors import StrokebenchError

PREPARATION = 2
"""Raised with every change that alters a prepared volume: cached embeddings are made anew."""
SPACING_MM = (0.2, 25.0)
"""Voxel edges outside this are a wrong header, not a scanner."""


class VolumeError(StrokebenchError):
    """A volume that cannot be used.

    Args:
        fault: which of `unreadable`, `4d`, `affine`, `few_slices`, `nan`, `empty`, `grid`.
    """

    def __init__(self, message: str, hint: str = "", fault: str = "unreadable") -> None:
        super().__init__(message, hint)
        self.fault = fault

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors cross process borders; all parts must survive."""
        return type(self), (self.message, self.hint, self.fault)


@dataclass(frozen=True)
class Volume:
    """A volume in RAS orientation: data (x, y, z) left to right, back to front, bottom to top; spacing in mm."""

    data: NDArray[np.float32]
    spacing: tuple[float, float, float]


def read_volume(path: Path, patient: str = "") -> Volume:
    """Read a NIfTI file and turn its axes to RAS.

    An oblique volume keeps its own axes, named by the nearest anatomical ones.

    Args:
        path: `.nii` or `.nii.gz`.
        patient: named in errors.

    Raises:
        VolumeError: no such file; not NIfTI; truncated; not three-dimensional; an affine that is not
            finite, singular or of implausible voxel size; values that are not finite; a constant volume.
    """
    data, affine = _load(path, patient)
    image: Any = nibabel.as_closest_canonical(nibabel.Nifti1Image(data, affine))
    spacing = tuple(float(edge) for edge in np.linalg.norm(image.affine[:3, :3], axis=0))
    return Volume(np.asarray(image.dataobj), spacing)  # type: ignore[arg-type]


def prepare(path: Path, target: Target, patient: str = "", brain_mask: Path | None = None) -> NDArray[np.float32]:
    """Read a volume, centre the head on the encoder's grid and standardise its intensities, with MONAI's transforms.

    The head is everything clearly above the background, so skull-stripped volumes and whole heads both work.
    Intensities are clipped to percentiles 0.1 and 99.9 of the head and made mean 0, variance 1 within it;
    outside is 0 (our choice; the paper says nothing of its preparation).

    Args:
        path: `.nii` or `.nii.gz`.
        target: shape and spacing of the grid.
        patient: named in errors.
        brain_mask: above 0 inside the brain, in the grid of the volume; what lies outside becomes background.

    Returns:
        float32, the shape of `target`, (right, front, top).

    Raises:
        StrokebenchError: as `read_volume`; a mask on another grid; or nothing stands out from the background.
    """
    # A bad file is named before MONAI's import takes its seconds.
    loaded = _load(path, patient)
    mask = None if brain_mask is None else _load(brain_mask, patient)
    from strokebench.datasets.images import transforms as steps

    who = f"Patient {patient}: " if patient else ""
    image = steps.to_ras(*loaded)
    if mask is not None:
        brain = steps.to_ras(*mask)
        if brain.shape != image.shape:
            raise VolumeError(
                f"{who}{brain_mask} {tuple(brain.shape[1:])} is not on the grid of the image {tuple(image.shape[1:])}.",
                "Resample the mask to the grid of its image.",
                "grid",
            )
        image = steps.within(image, brain)
    image = steps.averaged(image, target.spacing)
    head = steps.find_head(image)
    if head.sum() < 8:
        raise StrokebenchError(f"{who}{path} shows no head.", "Look at it; export it again.")
    return np.asarray(steps.standardised(*steps.centred(image, head, target))[0])


def _load(path: Path, patient: str) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Voxels (i, j, k) and affine as they are in the file; errors as `read_volume`."""
    who = f"Patient {patient}: " if patient else ""
    try:
        image: Any = nibabel.load(path)
        if len([n for n in image.shape if n > 1]) > 3:
            raise VolumeError(
                f"{who}{path} is {len(image.shape)}-dimensional {image.shape}.",
                "Save one 3D volume, for instance the trace of a diffusion series.",
                "4d",
            )
        _check_affine(image.affine, f"{who}{path}")
        image = image.slicer[(slice(None),) * 3 + (0,) * (len(image.shape) - 3)] if len(image.shape) > 3 else image
        if len(image.shape) < 3 or min(image.shape) < 2:
            raise VolumeError(
                f"{who}{path} is a single slice {image.shape}.",
                "Save all slices of the series in one 3D file.",
                "few_slices",
            )
        data = np.asarray(image.dataobj, dtype=np.float32)
    except FileNotFoundError:
        raise VolumeError(f"{who}no image at {path}.", "Check the path.") from None
    except (OSError, EOFError, zlib.error, ValueError, TypeError, nibabel.filebasedimages.ImageFileError) as error:
        raise VolumeError(
            f"{who}{path} cannot be read: {' '.join(str(error).split())[:160]}.",
            "The file is damaged or cut short; copy or export it again.",
        ) from None
    if not np.isfinite(data).all():
        share = 1 - np.isfinite(data).mean()
        raise VolumeError(
            f"{who}{path} holds values that are not finite ({share:.2%} of its voxels).",
            "Replace them by 0 if they lie outside the brain, or export the volume again.",
            "nan",
        )
    if data.max() == data.min():
        raise VolumeError(f"{who}{path} is constant ({data.flat[0]:g} everywhere).", "Export it again.", "empty")
    return data, np.asarray(image.affine, dtype=np.float64)


def _check_affine(affine: NDArray[np.float64], what: str) -> None:
    edges = np.linalg.norm(affine[:3, :3], axis=0)
    low, high = SPACING_MM
    # The volume of a unit cell against that of a box with its edges: 1 for right angles, 0 for a flat cell.
    upright = np.isfinite(affine).all() and edges.min() > 0
    if not upright or abs(np.linalg.det(affine[:3, :3] / edges)) < 0.2:
        raise VolumeError(
            f"{what} has a singular affine.", "Its header is broken: convert it again from DICOM.", "affine"
        )
    if edges.min() < low or edges.max() > high:
        raise VolumeError(
            f"{what} has voxels of {' x '.join(f'{edge:.3g}' for edge in edges)} mm.",
            f"Edges from {low:g} to {high:g} mm are plausible; correct the header's spacing.",
            "affine",
        )
