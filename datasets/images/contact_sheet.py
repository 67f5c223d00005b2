"""Contact sheets: the middle slices of images on one page, each with a caption."""

import textwrap
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from strokebench.datasets.images.mask import read_mask
from strokebench.datasets.images.nifti import open_nifti
from strokebench.files import atomic_path

TILE = 150
"""Pixels of a slice's square."""
GAP, CAPTION, LINE = 18, 64, 17
_EMPTY, _BRIGHT = 0.16, 0.15


@dataclass(frozen=True)
class Card:
    """One image with its caption.

    Args:
        title: e.g. the patient's id.
        text: e.g. what is wrong with it.
        path: None or unreadable: a blank card.
        window: intensities from black to white; None: nearly all of the image's.
    """

    title: str
    text: str
    path: Path | None
    window: tuple[float, float] | None = None


def write_contact_sheet(cards: Sequence[Card], path: Path, heading: str, columns: int = 3) -> None:
    """Write a PNG with axial, coronal and sagittal middle slice of each card's image.

    Whatever is wrong with an image, as much of it is shown as can be read: the first volume of several, what
    is not finite as black, an orientation that makes no sense as it lies in the file.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = max(1, min(columns, len(cards)))
    width, height = 3 * TILE + GAP, TILE + CAPTION
    rows = -(-len(cards) // columns)
    head = 56
    page = np.ones((head + rows * height, GAP + columns * width))
    figure = Figure(figsize=(page.shape[1] / 100, page.shape[0] / 100), dpi=100, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    for number, card in enumerate(cards):
        top, left = head + number // columns * height, GAP + number % columns * width
        slices = slices_of(card.path, window=card.window)
        page[top : top + TILE, left : left + 3 * TILE] = 0 if slices else _EMPTY
        for i, (picture, _) in enumerate(slices or ()):
            page[top : top + TILE, left + i * TILE : left + (i + 1) * TILE] = fit(picture, TILE)
        if not slices:
            axes.text(left + 1.5 * TILE, top + TILE / 2, "cannot be shown", color="white", fontsize=10, ha="center")
        below = top + TILE + 4
        axes.text(left, below, card.title, fontsize=10, weight="bold", va="top", parse_math=False)
        lines = textwrap.wrap(card.text, 70)
        caption = lines if len(lines) <= 2 else [lines[0], lines[1][:66] + " ..."]
        axes.text(left, below + LINE, "\n".join(caption), fontsize=8.5, va="top", color="#444444", parse_math=False)
    axes.text(GAP, 16, heading, fontsize=13, weight="bold", va="top", parse_math=False)
    axes.imshow(page, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_axis_off()
    with atomic_path(path) as temporary:
        FigureCanvasAgg(figure).print_png(temporary)


def slices_of(
    path: Path | None, mask: Path | None = None, window: tuple[float, float] | None = None
) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]] | None:
    """Axial, coronal and sagittal slice, 0 to 1, and the lesion there, 0 or 1; None if nothing can be read.

    They go through most of the lesion where a mask shows one, else through the middle of the head. Each
    (rows, columns), as radiologists have them: the patient's right is on the left, front or top is up, and pixels are
    square in mm. The sagittal slice looks to the left.

    Args:
        mask: of the lesion, on any grid of the same space; one that cannot be read shows none.
        window: intensities from black to white; None: nearly all of the image's.
    """
    if path is None:
        return None
    # Whatever fault the file was just reported for: the card then says that it cannot be shown.
    try:
        nifti = open_nifti(path)
        spacing = np.linalg.norm(nifti.affine[:3, :3], axis=0)
        # A nonsensical orientation is shown as the voxels lie in the file.
        sane = np.isfinite(spacing).all() and spacing.min() > 0 and np.ptp(np.log(spacing)) < 3
        stored = nibabel.Nifti1Image(nifti.voxels(), nifti.affine if sane else np.eye(4))
        image: Any = nibabel.as_closest_canonical(stored)
        data = np.nan_to_num(np.asarray(image.dataobj, dtype=np.float32), posinf=0.0, neginf=0.0)
        lesion, place = np.zeros(data.shape, np.float32), None
        if mask is not None and sane:
            with suppress(Exception):
                lesion = read_mask(mask, data.shape, image.affine, resample=True).astype(np.float32)
                at = np.linalg.solve(image.affine, [*_most_of(mask), 1])[:3]
                place = np.clip(np.rint(at).astype(int), 0, np.array(data.shape) - 1)
        return _slices(data, lesion, np.linalg.norm(image.affine[:3, :3], axis=0), window, place)
    except Exception:
        return None


def _most_of(mask: Path) -> NDArray[np.float64]:
    """Where most of a lesion is, (x, y, z) in mm: by its own grid, so that each sequence is shown at the same place."""
    nifti = open_nifti(mask)
    own: Any = nibabel.as_closest_canonical(nibabel.Nifti1Image(nifti.voxels(), nifti.affine))
    lesion = np.asarray(own.dataobj) > 0
    # Between several lesions there may be none.
    most = [lesion.sum(axis=tuple({0, 1, 2} - {axis})).argmax() for axis in range(3)]
    return (own.affine @ [*most, 1])[:3]


def _slices(
    data: NDArray[np.float32],
    lesion: NDArray[np.float32],
    spacing: NDArray[np.float64],
    window: tuple[float, float] | None,
    place: NDArray[np.intp] | None,
) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Through `place` (x, y, z), or the middle of the head where it is not known or there is no lesion."""
    low, high = window or np.percentile(data, [1, 99.5])
    data = ((data - low) / (high - low if high > low else 1.0)).clip(0, 1)
    bright = np.argwhere(data > _BRIGHT)
    middle = np.median(bright, axis=0).astype(int) if len(bright) else np.array(data.shape) // 2
    if place is not None and lesion.any():
        middle = place
    pictures = []
    for axis in (2, 1, 0):
        # Both axes of the plane run towards right, front or top; a picture runs left and down.
        picture, inside = (
            _square(np.take(volume, middle[axis], axis=axis), *np.delete(spacing, axis))[::-1, ::-1].T
            for volume in (data, lesion)
        )
        pictures.append((picture, inside))
    return pictures


def outlined(slices: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]], size: int) -> NDArray[np.uint8]:
    """Slices, and lesions in them, side by side as colours (size, n size, 3); a red line goes round the lesion."""
    from scipy.ndimage import binary_dilation

    grey = np.hstack([fit(picture, size) for picture, _ in slices])
    inside = np.hstack([fit(lesion, size) > 0.5 for _, lesion in slices])
    colours = np.repeat((255 * grey).astype(np.uint8)[:, :, None], 3, axis=2)
    # Around it and not on it, so that all of the lesion is seen.
    colours[binary_dilation(inside) & ~inside] = (255, 40, 40)
    return colours


def _square(plane: NDArray[np.float32], across: float, down: float) -> NDArray[np.float32]:
    """Nearest-neighbour pixels of the smaller spacing: a picture shows the slices as thick as they are."""
    unit = min(across, down)
    chosen = [
        np.minimum(np.arange(max(1, round(n * edge / unit))) * unit // edge, n - 1).astype(int)
        for n, edge in zip(plane.shape, (across, down), strict=True)
    ]
    return plane[np.ix_(*chosen)]


def fit(picture: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """The picture (rows, columns) in the middle of a black square (size, size), as large as it fits."""
    from scipy.ndimage import zoom

    scaled = zoom(picture, size / max(picture.shape), order=1)[:size, :size].clip(0, 1)
    square = np.zeros((size, size), np.float32)
    top, left = (size - scaled.shape[0]) // 2, (size - scaled.shape[1]) // 2
    square[top : top + scaled.shape[0], left : left + scaled.shape[1]] = scaled
    return square
