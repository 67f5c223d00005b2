"""Where things lie in MNI space: tissue templates, and a simplified map of the arterial territories.

The territories are drawn from ellipsoids, planes and boxes, the same on both sides. They are our simplification,
not an atlas: good enough to place an infarct where an artery could have caused it, and to name the place.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strokebench.datasets.images.lesion import TERRITORY_NAMES

Floats = NDArray[np.floating[Any]]

TERRITORIES = TERRITORY_NAMES[:-1]
"""All but the ventricle, which no artery feeds; the same names make findings and texts of all cohorts read alike."""

NAMES = {2 * i + 1 + right: (name, ("left", "right")[right]) for i, name in enumerate(TERRITORIES) for right in (0, 1)}
"""Label -> (territory, side): odd labels are left."""

_ELLIPSOIDS = {
    # territory: centres (|x|, y, z) and radii in MNI mm; later ones lie over earlier ones.
    "insular MCA": [((38, 2, 2), (8, 23, 17))],
    "lateral lenticulostriate": [((25, 0, 7), (9, 21, 15)), ((24, -8, 22), (9, 19, 10))],
    "medial lenticulostriate": [((12, 13, 6), (8, 13, 12))],
    "anterior choroidal": [((22, -15, -6), (7, 10, 11))],
    "thalamoperforating": [((11, -19, 7), (11, 13, 11))],
}


@dataclass(frozen=True)
class Anatomy:
    """Templates on one grid, and the points of each territory.

    Args:
        t1, grey, white, brain: float32 (x, y, z), 0 to 1.
        labels: int16 (x, y, z), labels of `NAMES`, 0 outside the brain.
        affine: voxel to MNI mm (4, 4).
    """

    t1: Floats
    grey: Floats
    white: Floats
    brain: Floats
    labels: NDArray[np.int16]
    affine: Floats

    def points(self, territory: str, side: str) -> Floats:
        """MNI coordinates (n, 3) of the voxels of one territory that hold tissue."""
        label = 2 * TERRITORIES.index(territory) + 1 + (side == "right")
        voxels = np.argwhere((self.labels == label) & (self.grey + self.white > 0.6))
        return voxels @ self.affine[:3, :3].T + self.affine[:3, 3]


@lru_cache(maxsize=1)
def anatomy(resolution: int = 2) -> Anatomy:
    """Templates of the MNI 152 brain as nilearn's package carries them, with the territories drawn on them.

    Args:
        resolution: voxel size in mm.
    """
    from nilearn.datasets import (
        load_mni152_brain_mask,
        load_mni152_gm_template,
        load_mni152_template,
        load_mni152_wm_template,
    )

    t1 = load_mni152_template(resolution=resolution)
    parts = [
        np.clip(image.get_fdata(dtype=np.float32), 0, 1)
        for image in (t1, load_mni152_gm_template(resolution), load_mni152_wm_template(resolution))
    ]
    brain = load_mni152_brain_mask(resolution=resolution).get_fdata(dtype=np.float32)
    voxels = np.indices(brain.shape, dtype=np.float32).reshape(3, -1)
    affine = np.asarray(t1.affine, dtype=float)
    world = affine[:3, :3] @ voxels + affine[:3, 3:]
    labels = territory_labels(*world.astype(np.float32)).reshape(brain.shape)
    labels[(brain < 0.5) | (parts[1] + parts[2] < 0.4)] = 0
    return Anatomy(parts[0], parts[1], parts[2], brain, labels, affine)


def territory_labels(x: Floats, y: Floats, z: Floats) -> NDArray[np.int16]:
    """Label of each MNI point, as if everywhere were brain; the left hemisphere is x < 0.

    Args:
        x, y, z: mm, of any one shape, as (n,) or (x, y, z).

    Returns:
        labels of `NAMES` in that shape.
    """
    side = np.abs(x)
    # The borders are straight lines through the sulci of the MNI brain.
    sylvian = -1 - 0.55 * y
    central = 8 - 0.55 * z
    tentorium = np.clip(-6 - 0.42 * side - 0.3 * np.clip(-60 - y, 0, None), -30, None)
    index = np.full(x.shape, TERRITORIES.index("parietal MCA"), dtype=np.int16)

    def paint(where: NDArray[np.bool_], territory: str) -> None:
        index[where] = TERRITORIES.index(territory)

    paint(y > central, "frontal MCA")
    paint((z < sylvian) & (y < 22) & (y > -75), "temporal MCA")
    paint((y < -58 - 0.15 * z) & (z > tentorium), "occipital MCA")
    paint((side < 13 + 0.14 * np.clip(z, 0, None)) & (y > -56) & (z > -22), "anterior cerebral artery")
    paint((y < -56) & (side < 30) & (z < 28), "occipital PCA")
    paint((z < -11) & (y < -12) & (y > -60) & (side < 46), "temporal PCA")
    for territory, shapes in _ELLIPSOIDS.items():
        for centre, radii in shapes:
            axes = zip((side, y, z), centre, radii, strict=True)
            paint(np.sum([((a - c) / r) ** 2 for a, c, r in axes], axis=0) < 1, territory)
    cerebellum = (z < tentorium) & (y < -36)
    paint(cerebellum, "inferior cerebellar")
    paint(cerebellum & (z > tentorium - 17), "superior cerebellar")
    stem = (side < 17) & (z < -8) & (y < -10) & (y > np.where(z < -42, -56, -40))
    paint(stem, "basilar")
    return (2 * index + 1 + (x >= 0)).astype(np.int16)
