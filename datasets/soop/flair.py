"""Real FLAIR of SOOP: three slices a patient, read from the public pictures and laid at their place in the head.

A picture shows an axial, a sagittal and a coronal slice of the patient's FLAIR in MNI space, skull-stripped, one pixel
a millimetre, and a rendering that is not used. The lesion is painted half red. The paint is taken off, and with it
every trace: what is below is known to one grey level, and averaging over the pixels of a voxel hides even that.
"""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.datasets.cohort import ONLY, Cohort
from strokebench.datasets.images.rendering import AFFINE, SHAPE, SPACING_MM
from strokebench.datasets.soop.build import write_volume
from strokebench.datasets.soop.load import kept, load, source_folder
from strokebench.errors import StrokebenchError
from strokebench.files import digest, file_digest, home

VERSION = 1
"""Raised whenever a volume would look different."""
PICTURES = "PNG/r{id}_lesion.nii.png"
PICTURE = (189, 692)
"""Rows and columns of a picture."""
RIGHT, LEFT, BACK, FRONT, TOP = 78, -78, -112, 76, 85
"""Borders of the slices in mm of MNI space; columns of the axial and the coronal one run from left to right."""
AXIAL_Z, SAGITTAL_X, CORONAL_Y = 18, -39, -18
"""Where the slices lie in mm."""
THICK = 3
"""Voxels of 3 mm that a slice is laid in, so that an encoder's grid, which lies elsewhere, cannot miss it (ours)."""


def load_flair() -> Cohort:
    """SOOP with three real FLAIR slices a patient in place of the lesion on a template (pictures of the authors).

    Everything else is as in `strokebench.datasets.soop.load.load`; a patient without a picture has no image.

    Raises:
        StrokebenchError: as there; there are no pictures, or one that cannot be read (names the patient).
    """
    cohort = load()
    folder = source_folder()
    places = {id: folder / PICTURES.format(id=id) for id in cohort.ids}
    here = {id: path for id, path in places.items() if path.is_file()}
    if not here:
        raise StrokebenchError(
            f"{folder}: no {PICTURES.format(id='ID')}.", "`strokebench cohort fetch soop` gets them."
        )
    key = digest({"files": {id: file_digest(path) for id, path in here.items()}, "version": VERSION})
    cache = home("cohorts", f"soop-flair-{key[:16]}")
    built = kept(cache, f"the FLAIR slices of {len(here)} SOOP patients", lambda: build_flair(here, cache))
    missing = f"image: {len(places) - len(here)}; " if len(here) < len(places) else ""
    return replace(
        cohort,
        name="soop-flair",
        title="SOOP with three real FLAIR slices (public cohort)",
        images=pd.Series(
            {id: str(cache / built[id]) if id in built else None for id in cohort.ids}, dtype=object
        ).to_frame(ONLY),
        about={
            **cohort.about,
            "image": (
                "three real FLAIR slices in MNI space (axial z = 18, sagittal x = -39, coronal y = -18 mm), laid 9 mm "
                "thick, read from the authors' pictures, whose red lesion was taken off; the rest of the head is empty"
            ),
            "missing": f"{missing}{cohort.about['missing']}",
        },
    )


def build_flair(pictures: dict[str, Path], cache: Path) -> dict[str, str]:
    """Write `images/ID.nii.gz` below `cache`; the path of each patient's.

    Raises:
        StrokebenchError: a picture that cannot be read; names the patient.
    """
    from joblib import Parallel, delayed

    Parallel(n_jobs=min(2, len(pictures)))(
        delayed(_write_one)(id, path, cache / "images" / f"{id}.nii.gz") for id, path in pictures.items()
    )
    return {id: f"images/{id}.nii.gz" for id in pictures}


def _write_one(patient: str, picture: Path, path: Path) -> None:
    try:
        write_volume(path, lay(take_off_red(read_picture(picture.read_bytes()))))
    except StrokebenchError as error:
        raise StrokebenchError(f"Patient {patient}: {picture}: {error.message}", error.hint) from None


def read_picture(data: bytes) -> NDArray[np.uint8]:
    """Colours (189, 692, 3) of a picture.

    Raises:
        StrokebenchError: no picture, or of another size.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        colours = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise StrokebenchError(f"the picture cannot be read ({error}).", "Fetch it again.") from None
    if colours.shape[:2] != PICTURE:
        raise StrokebenchError(
            f"a picture of {colours.shape[1]} x {colours.shape[0]} pixels.", "It should be 692 x 189."
        )
    return colours


def take_off_red(colours: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Grey (h, w) of colours (h, w, 3) below paint of half red: (grey + 255) / 2, grey / 2, grey / 2, rounded somehow.

    Red and green together tell the grey within 1, odd or even alike; green alone would make every grey even, by which
    a network could read the mask.
    """
    red, green, blue = np.moveaxis(colours.astype(np.int16), -1, 0)
    painted = (red != green) | (green != blue)
    return np.where(painted, (red + green - 128).clip(0, 255), red)


def lay(grey: NDArray[np.int16]) -> NDArray[np.int16]:
    """The slices of a picture (189, 692) at their place in a volume (53, 64, 53); 0 elsewhere.

    A voxel is the mean of its pixels; where slices cross, of both.
    """
    x, y, z = np.arange(LEFT, RIGHT + 1), np.arange(BACK, FRONT + 1), np.arange(TOP, TOP - 136, -1)
    low = PICTURE[0] - len(z)
    total, count = np.zeros(SHAPE), np.zeros(SHAPE)
    for pixels, across, down, where, axes in (
        (grey[:, :157], x, y[::-1], AXIAL_Z, (0, 1, 2)),
        (grey[low:, 157:346], y, z, SAGITTAL_X, (1, 2, 0)),
        (grey[low:, 346:503], x, z, CORONAL_Y, (0, 2, 1)),
    ):
        columns, rows, depth = (_cells(at, axis) for at, axis in zip((across, down, where), axes, strict=True))
        for layer in range(THICK):
            place: list[Any] = [None] * 3
            place[axes[0]], place[axes[1]] = columns[None, :], rows[:, None]
            place[axes[2]] = depth + layer - THICK // 2
            np.add.at(total, tuple(place), pixels)
            np.add.at(count, tuple(place), 1)
    return np.divide(total, count, out=total, where=count > 0).round().astype(np.int16)


def _cells(at: Any, axis: int) -> Any:
    """Index along an axis of the grid of a place in mm."""
    return np.rint((np.asarray(at) - AFFINE[axis, 3]) / SPACING_MM).astype(int)
