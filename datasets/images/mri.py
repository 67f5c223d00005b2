"""From a NIfTI file, however oriented and spaced, to the grid and the intensities that an encoder expects."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from strokebench.datasets.images.mask import read_mask
from strokebench.datasets.images.nifti import Nifti, VolumeError, check_invertible, of_patient, open_nifti
from strokebench.datasets.images.reading import PLAIN, Files, Reading
from strokebench.datasets.images.target import Target
from strokebench.errors import StrokebenchError

PREPARATION = 4
"""Raised with every change that alters a prepared volume: cached embeddings are made anew."""
SPACING_MM = (0.2, 25.0)
"""Voxel edges outside this are a wrong header, not a scanner."""
HOUNSFIELD_AIR = -500.0
"""A darkest percentile below this is the air of a CT."""
BRAIN_HU = 150.0
"""Hounsfield units that a CT without its skull stays below, fresh blood included (our choice)."""
SAME_PLACE = 0.5
"""Share of the smaller of two heads that the other holds, from which they lie in one place (our choice)."""


@dataclass(frozen=True)
class Volume:
    """A volume in RAS orientation.

    Args:
        data: (x, y, z), left to right, back to front, bottom to top.
        spacing: in mm, along the same axes.
        to_world: from voxels to the scanner's millimetres, (4, 4).
        shape, affine: the grid as it lies in the file (4, 4).
        side: why left and right are a guess; empty where the header says which is which.
    """

    data: NDArray[np.float32]
    spacing: tuple[float, float, float]
    to_world: NDArray[np.float64]
    shape: tuple[int, ...]
    affine: NDArray[np.float64]
    side: str


def read_volume(path: Path, patient: str = "", reading: Reading = PLAIN) -> Volume:
    """Read a NIfTI file and turn its axes to RAS.

    An oblique volume keeps its own axes, named by the nearest anatomical ones.

    Args:
        path: `.nii` or `.nii.gz`.
        patient: named in errors.

    Raises:
        VolumeError: as `strokebench.datasets.images.nifti.open_nifti`; truncated; not three-dimensional; an affine
            that is not finite, singular or of implausible voxel size; values that are not finite; a constant volume.
    """
    with of_patient(patient):
        data, nifti = _load(path, reading)
    image: Any = nibabel.as_closest_canonical(nibabel.Nifti1Image(data, nifti.affine))
    spacing = tuple(float(edge) for edge in np.linalg.norm(image.affine[:3, :3], axis=0))
    return Volume(np.asarray(image.dataobj), spacing, image.affine, data.shape, nifti.affine, nifti.side)  # type: ignore[arg-type]


def prepare(
    path: Path,
    target: Target,
    patient: str = "",
    brain_mask: Path | None = None,
    reading: Reading = PLAIN,
    beside: Files | None = None,
    read: Callable[..., tuple[Any, Any]] | None = None,
) -> NDArray[np.float32]:
    """Read a volume, centre the head on the encoder's grid and standardise its intensities, with MONAI's transforms.

    The head is everything clearly above the background, so skull-stripped volumes and whole heads both work.
    Intensities are clipped to percentiles 0.1 and 99.9 of the head and made mean 0, variance 1 within it;
    outside is 0 (our choice; the paper says nothing of its preparation). Of CT, Hounsfield units within
    `reading.window` are kept in proportion instead.

    Args:
        path: `.nii` or `.nii.gz`.
        target: shape and spacing of the grid.
        patient: named in errors.
        brain_mask: what lies outside becomes background.
        beside: another image of the same head in the same space, on whose grid this one is brought.
        read: `image_and_head`, or one that remembers, where several images lie beside the same one.

    Returns:
        float32, the shape of `target`, (right, front, top).

    Raises:
        StrokebenchError: as `read_volume` and `strokebench.datasets.images.mask.read_mask`; nothing stands out from the
            background; or the two heads do not lie in one place.
    """
    read = read or image_and_head
    image, head = read((path, brain_mask), target, patient, reading)
    from strokebench.datasets.images import transforms as steps

    if beside is None:
        grid = steps.grid_around(image, head, target)
        image, head = steps.on_grid(image, head, grid, target)
        _check_head(head, path, patient)
        return np.asarray(_shaded(image, head, reading)[0])
    other = read(beside, target, patient, reading)
    grid = steps.grid_around(*other, target)
    image, head = steps.on_grid(image, head, grid, target)
    _, there = steps.on_grid(*other, grid, target)
    _check_head(head, path, patient)
    _check_head(there, beside[0], patient)
    with of_patient(patient):
        check_place(path, beside[0], float((head & there).sum() / min(head.sum(), there.sum()).clip(1)))
    return np.asarray(_shaded(image, head, reading)[0])


def _shaded(image: Any, head: Any, reading: Reading) -> Any:
    """The last step of `prepare`, of image and head (1, x, y, z)."""
    from strokebench.datasets.images import transforms as steps

    return steps.windowed(image, head, reading.window) if reading.window else steps.standardised(image, head)


def check_hounsfield(path: Path, low: float, high: float) -> None:
    """A volume that is said to be CT: neither with air nor, where the skull was taken off, in the range of a brain.

    Args:
        low, high: 1st and 99th percentile of its voxels.

    Raises:
        VolumeError: `no_ct`.
    """
    if low > HOUNSFIELD_AIR and (high > BRAIN_HU or low < -BRAIN_HU):
        raise VolumeError(
            f"{path} reaches from {low:.0f} to {high:.0f}, and `window:` says Hounsfield units (air at -1000).",
            "Delete `window:` if it is MRI; export a CT with its rescale intercept.",
            "no_ct",
        )


def check_place(path: Path, other: Path, overlap: float) -> None:
    """Two images of one head: a share of the smaller head below `SAME_PLACE` that lies in the other is an error.

    Raises:
        VolumeError: `apart`.
    """
    if overlap < SAME_PLACE:
        raise VolumeError(
            f"{path} lies elsewhere than {other} ({100 * overlap:.0f}% of the head in common).",
            "Register it to the other one, or export both again with their positions.",
            "apart",
        )


def image_and_head(files: Files, target: Target, patient: str, reading: Reading) -> tuple[Any, Any]:
    """An image at its own place, averaged to the target's spacing, and where the head is, each (1, x, y, z).

    Raises:
        StrokebenchError: as `prepare`.
    """
    path, brain_mask = files
    # A bad file is named before MONAI's import takes its seconds.
    with of_patient(patient):
        data, nifti = _load(path, reading)
        if reading.window:
            check_hounsfield(path, *np.percentile(data, [1, 99]))
        mask = read_mask(brain_mask, data.shape, nifti.affine, reading.resample_masks) if brain_mask else None
    from strokebench.datasets.images import transforms as steps

    image = steps.to_ras(data, nifti.affine)
    if mask is not None:
        image = steps.within(image, steps.to_ras(mask.astype(np.float32), nifti.affine), bool(reading.window))
    image = steps.averaged(image, target.spacing)
    head = steps.find_head(image, bool(reading.window))
    _check_head(head, path, patient, 8)
    return image, head


def _check_head(head: Any, path: Path, patient: str, least: int = 1) -> None:
    """So many voxels of an image (1, x, y, z) at least must be head; between those of a grid a few specks are lost."""
    if head.sum() < least:
        who = f"Patient {patient}: " if patient else ""
        raise StrokebenchError(f"{who}{path} shows no head.", "Look at it; export it again.")


def _load(path: Path, reading: Reading) -> tuple[NDArray[np.float32], Nifti]:
    """Voxels (i, j, k) as they are in the file, and its header; errors as `read_volume`."""
    nifti = open_nifti(path)
    _check_grid(nifti, path)
    return _finite(nifti.voxels(), path, reading.nan_is_background), nifti


def _check_grid(nifti: Nifti, path: Path) -> None:
    shape = nifti.shape
    if len([n for n in shape if n > 1]) > 3:
        raise VolumeError(
            f"{path} is {len(shape)}-dimensional {shape}.",
            "Save one 3D volume, for instance the trace of a diffusion series.",
            "4d",
        )
    _check_affine(nifti.affine, str(path))
    if min(shape[:3]) < 2:
        raise VolumeError(
            f"{path} is a single slice {shape}.", "Save all slices of the series in one 3D file.", "few_slices"
        )


def _finite(data: NDArray[np.float32], path: Path, nan_is_background: bool) -> NDArray[np.float32]:
    """The voxels (x, y, z), NaN as background where that is declared."""
    absent = np.isnan(data)
    if absent.any() and nan_is_background and not absent.all():
        # 0, as elsewhere in such a file, unless the brain itself is darker.
        data = np.where(absent, min(np.float32(0), np.nanmin(data)), data)
    elif absent.any():
        raise VolumeError(
            f"{path} holds values that are not finite (NaN in {absent.mean():.2%} of its voxels).",
            "Set `image_nan: background` if NaN marks what lies outside the brain; else export the volume again.",
            "nan",
        )
    if not np.isfinite(data).all():
        raise VolumeError(
            f"{path} holds values that are not finite (infinite in {np.isinf(data).mean():.2%} of its voxels).",
            "Export the volume again.",
            "nan",
        )
    if data.max() == data.min():
        raise VolumeError(f"{path} is constant ({data.flat[0]:g} everywhere).", "Export it again.", "empty")
    return data


def _check_affine(affine: NDArray[np.float64], what: str) -> None:
    check_invertible(affine, what, "Its header is broken: convert it again from DICOM.")
    edges = np.linalg.norm(affine[:3, :3], axis=0)
    low, high = SPACING_MM
    if edges.min() < low or edges.max() > high:
        raise VolumeError(
            f"{what} has voxels of {' x '.join(f'{edge:.3g}' for edge in edges)} mm.",
            f"Edges from {low:g} to {high:g} mm are plausible; correct the header's spacing.",
            "affine",
        )
