"""Measures of a volume's own quality: coverage, intensities, noise, motion. No reference is needed."""

import hashlib
import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strokebench.datasets.images.likeness import likeness
from strokebench.datasets.images.mask import largest_piece
from strokebench.datasets.images.mri import Volume
from strokebench.datasets.images.placing import left_out
from strokebench.datasets.images.target import WHOLE_HEAD

CELL_MM = 20.0
"""Edge of a cell by which two heads are held to lie in one place (our choice)."""
FOREGROUND = 0.15
"""A voxel is head if it is brighter than this share of the bright tissue above the background."""


@dataclass(frozen=True)
class ImageFacts:
    """Measured on one volume in RAS orientation.

    Args:
        extent_mm: of the volume from left to right, back to front, bottom to top.
        spacing_mm: of the voxels in the same order.
        slice_axis: axis of the thickest voxels; bottom to top where all are alike.
        n_slices: along `slice_axis`.
        blank_slices: slices without signal, or equal to the one before, between others that show the head; along
            the axis that has most of them.
        low, high: 1st and 99th percentile of the intensities.
        n_values: distinct intensities, counted on every eighth voxel.
        negative: share of negative voxels.
        foreground: share of the volume that is head.
        clipped: share of the head at the largest intensity, if the histogram is cut off there; else 0.
        noise: standard deviation of the noise over the median intensity of the head.
        ghosting: mean intensity of the air that noise does not explain, over the median of the head; NaN
            where the volume shows no air.
        content: hash of the voxel values; equal for equal volumes in whatever orientation and data type.
        place: cells of `CELL_MM` of the scanner's space that the head fills.
        left_out: share of the head beyond the grid of an encoder of whole heads.
        likeness: see `strokebench.datasets.images.likeness.likeness`.
    """

    extent_mm: tuple[float, ...]
    spacing_mm: tuple[float, ...]
    slice_axis: int
    n_slices: int
    blank_slices: int
    low: float
    high: float
    n_values: int
    negative: float
    foreground: float
    clipped: float
    noise: float
    ghosting: float
    content: str
    place: frozenset[tuple[int, ...]]
    left_out: float
    likeness: NDArray[np.float32]


def measure_image(volume: Volume, ct: bool = False) -> ImageFacts:
    """Facts of a volume, as `strokebench.datasets.images.mri.read_volume` gives it.

    Args:
        ct: the head is the largest piece; a headrest is another.
    """
    data, spacing = volume.data, np.array(volume.spacing)
    # Voxels within a tenth of the thickest are alike; the last of them is the axial one.
    slice_axis = int(np.flatnonzero(spacing >= 0.9 * spacing.max())[-1])
    low, high = (float(q) for q in np.percentile(data, [1, 99]))
    base, scatter = _air(data)
    head = _above(data, base, scatter, high)
    if ct:
        head = largest_piece(head)
    level = float(np.median(data[head])) - base if head.any() else float("nan")
    noise = _noise(data, head, slice_axis) / level
    return ImageFacts(
        extent_mm=tuple((spacing * data.shape).tolist()),
        spacing_mm=volume.spacing,
        slice_axis=slice_axis,
        n_slices=data.shape[slice_axis],
        blank_slices=max(_blank_slices(data, head, axis) for axis in range(3)),
        low=low,
        high=high,
        n_values=len(np.unique(data[::2, ::2, ::2])),
        negative=float((data < 0).mean()),
        foreground=float(head.mean()),
        clipped=_clipped(data, head),
        noise=noise,
        ghosting=_ghosting(data, head, slice_axis) / level,
        content=hashlib.sha256(str(data.shape).encode() + np.ascontiguousarray(data).tobytes()).hexdigest(),
        place=_place(head, volume),
        left_out=left_out(head, spacing, WHOLE_HEAD) if head.any() else 0.0,
        likeness=likeness(data, head),
    )


def head_of(data: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Voxels of a volume (x, y, z) that are brighter than its air, (x, y, z)."""
    return _above(data, *_air(data), float(np.percentile(data, 99)))


def _above(data: NDArray[np.float32], base: float, scatter: float, high: float) -> NDArray[np.bool_]:
    return data > base + max(FOREGROUND * (high - base), 4 * scatter)


def _place(head: NDArray[np.bool_], volume: Volume) -> frozenset[tuple[int, ...]]:
    # A quarter of a cell between samples fills every cell that a finer look would.
    steps = [max(1, int(CELL_MM / 4 / edge)) for edge in volume.spacing]
    voxels = np.argwhere(head[:: steps[0], :: steps[1], :: steps[2]]) * steps
    world = voxels @ volume.to_world[:3, :3].T + volume.to_world[:3, 3]
    return frozenset(map(tuple, np.unique(np.floor(world / CELL_MM).astype(int), axis=0).tolist()))


def _air(data: NDArray[np.float32]) -> tuple[float, float]:
    """Level and scatter of the air: of the corners, or where the head fills them, of the darkest voxels."""
    width = [max(1, n // 12) for n in data.shape]
    ends = [(slice(None, w), slice(-w, None)) for w in width]
    corners = np.concatenate([data[corner].ravel() for corner in itertools.product(*ends)])
    dark = float(np.percentile(data, 5))
    level = float(np.median(corners))
    if level > dark + FOREGROUND * (float(np.percentile(data, 99)) - dark):
        return dark, 0.0
    return level, 1.4826 * float(np.median(np.abs(corners - level)))


def _noise(data: NDArray[np.float32], part: NDArray[np.bool_], slice_axis: int) -> float:
    """Donoho's estimate: median absolute diagonal Haar detail within slices, where edges weigh little."""
    data, part = np.moveaxis(data, slice_axis, 0), np.moveaxis(part, slice_axis, 0)
    rows, columns = (n - n % 2 for n in data.shape[1:])
    blocks = data[:, :rows, :columns].reshape(len(data), rows // 2, 2, columns // 2, 2)
    inside = part[:, :rows, :columns].reshape(len(data), rows // 2, 2, columns // 2, 2).all(axis=(2, 4))
    detail = (blocks[:, :, 0, :, 0] - blocks[:, :, 0, :, 1] - blocks[:, :, 1, :, 0] + blocks[:, :, 1, :, 1]) / 2
    return float(np.median(np.abs(detail[inside])) / 0.6745) if inside.any() else float("nan")


def _ghosting(data: NDArray[np.float32], head: NDArray[np.bool_], slice_axis: int) -> float:
    """Motion between the lines of k-space throws copies of the head along the phase axis into the air.

    Magnitude noise in air is white, with a mean of 1.91 times its standard deviation (Rayleigh); a mean above
    that is ghost.
    """
    from scipy.ndimage import binary_closing, binary_dilation, binary_fill_holes

    air = ~binary_fill_holes(binary_dilation(binary_closing(head, iterations=2), iterations=2))
    if air.mean() < 0.02:
        return float("nan")
    mean = float(data[air].mean() - data.min())
    return max(0.0, mean - 1.91 * _noise(data, air, slice_axis))


def _blank_slices(data: NDArray[np.float32], head: NDArray[np.bool_], axis: int) -> int:
    planes, filled = np.moveaxis(data, axis, 0), np.moveaxis(head, axis, 0).mean(axis=(1, 2))
    inside = np.flatnonzero(filled > 0.02)
    if len(inside) < 2:
        return 0
    span = range(inside[0] + 1, inside[-1] + 1)
    blank = sum(filled[i] < 0.1 * min(filled[i - 1], 0.2) or np.ptp(planes[i]) == 0 for i in span)
    repeated = sum(bool((planes[i] == planes[i - 1]).all()) and np.ptp(planes[i]) > 0 for i in span)
    return int(blank + repeated)


def _clipped(data: NDArray[np.float32], head: NDArray[np.bool_]) -> float:
    values = data[head]
    if not values.size:
        return 0.0
    top = values.max()
    at_top = float((values == top).mean())
    below = float(((values > 0.85 * top) & (values < top)).mean())
    # A lesion of one bright value piles up at the top as well: with little just below it, and never so much.
    return at_top if below > 0.6 * at_top or at_top > 0.45 else 0.0
