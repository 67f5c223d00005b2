"""Axial slices of a volume, chosen, windowed and encoded as PNG, for a vision language model to look at.

The paper sends slices to its model and does not say which (section 3.2); number, window and size are our
choice. The bytes carry pixels alone: no header field, file name or date of the volume.
"""

import io
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from strokebench.datasets.images.mri import read_volume
from strokebench.datasets.images.reading import PLAIN, Reading, volume_digest
from strokebench.errors import StrokebenchError
from strokebench.files import digest

VERSION = 1
"""Raised whenever the same volume would give other pictures."""

BRAIN_MM = 135.0
"""A head is followed from its top down this far; below lie face and neck."""
FOREGROUND = 0.1
"""Share of the volume's range above the air around the head from which a voxel counts as tissue."""
MARGIN = (0.08, 0.95)
"""Where the first and the last slice lie between skull base and vertex; the very ends show little brain."""


@dataclass(frozen=True)
class SliceSettings:
    """Which pictures are made of a volume.

    Args:
        count: slices a volume, evenly spaced from the skull base to the vertex; a volume with fewer gives
            all that it has.
        size: width and height of each picture in pixels.
        window: percentiles of the tissue's intensities that become black and white.
    """

    count: int = 12
    size: int = 336
    window: tuple[float, float] = (1.0, 99.5)

    def __post_init__(self) -> None:
        if not 1 <= self.count <= 100:
            raise StrokebenchError(f"{self.count} slices a volume.", "Choose 1 to 100.")
        if not 32 <= self.size <= 2048:
            raise StrokebenchError(f"Pictures of {self.size} pixels.", "Choose 32 to 2048.")

    def fingerprint(self, volume: Path, reading: Reading = PLAIN) -> str:
        """Identity of the pictures of a volume file, without making them."""
        window = [reading.window] if reading.window else []
        return digest([VERSION, asdict(self), volume_digest(volume), *window])


DEFAULT_SLICES = SliceSettings()


def make_slices(path: Path, settings: SliceSettings = DEFAULT_SLICES, reading: Reading = PLAIN) -> list[bytes]:
    """Axial pictures of a NIfTI file, from the skull base to the vertex, as PNG.

    The left of each picture is the patient's right and its top is anterior, whatever the file's orientation;
    pixels are square in mm.

    Raises:
        StrokebenchError: as `strokebench.datasets.images.mri.read_volume`.
    """
    volume = read_volume(path, reading=reading)
    data, spacing = volume.data, volume.spacing
    air, tissue = _foreground(data)
    levels = _levels(tissue, spacing[2], settings.count)
    across, along = (_extent(tissue[:, :, levels[0] : levels[-1] + 1], axis) for axis in (0, 1))
    low, high = np.percentile(data[tissue], settings.window)
    low, high = reading.window or (min(low, air), high)
    scale = 255.0 / max(high - low, np.finfo(np.float32).tiny)
    shades = (np.clip(data[across, along][:, :, levels], low, high) - low) * scale
    # Canonical axes run to the patient's right and front; a radiologist's picture runs the other way.
    pictures = np.rint(shades)[::-1, ::-1].astype(np.uint8).transpose(2, 1, 0)
    return [_png(picture, spacing[:2], settings.size) for picture in pictures]


def _foreground(volume: NDArray[np.float32]) -> tuple[float, NDArray[np.bool_]]:
    """Intensity of the air around the head, and where tissue is."""
    sides = (volume[0], volume[-1], volume[:, 0], volume[:, -1])
    air = float(np.median(np.concatenate([side.ravel() for side in sides])))
    distance = np.abs(volume - air)
    return air, distance > FOREGROUND * np.percentile(distance, 99.5)


def _levels(tissue: NDArray[np.bool_], spacing: float, count: int) -> NDArray[np.intp]:
    """Indices of the slices, lowest first, none twice."""
    area = tissue.sum(axis=(0, 1))
    filled = np.flatnonzero(area > 0.1 * area.max())
    top = filled[-1]
    bottom = max(filled[0], top - int(BRAIN_MM / spacing))
    first, last = (bottom + share * (top - bottom) for share in MARGIN)
    return np.unique(np.rint(np.linspace(first, last, count)).astype(np.intp))


def _extent(tissue: NDArray[np.bool_], axis: int) -> slice:
    """Where the head lies along an axis, with a little air; a few bright voxels in the air are no head."""
    profile = tissue.sum(axis=tuple(other for other in range(3) if other != axis))
    filled = np.flatnonzero(profile > 0.02 * profile.max())
    air = round(0.03 * (filled[-1] - filled[0])) + 1
    return slice(max(0, filled[0] - air), filled[-1] + air + 1)


def _png(picture: NDArray[np.uint8], spacing: tuple[float, float], size: int) -> bytes:
    rows, columns = picture.shape
    extent = (columns * spacing[0], rows * spacing[1])
    width, height = (max(1, round(size * mm / max(extent))) for mm in extent)
    # A fresh picture holds no metadata that could be written along.
    canvas = Image.new("L", (size, size))
    resized = Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC)
    canvas.paste(resized, ((size - width) // 2, (size - height) // 2))
    buffer = io.BytesIO()
    canvas.save(buffer, "PNG", optimize=False)
    return buffer.getvalue()
