"""What a lesion mask says: how much, on which side, which arterial territories, and how grave."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from strokebench.errors import StrokebenchError

VERSION = 1
"""Raised whenever a rule below changes, so that cached findings are measured again."""

Side = Literal["left", "right", "both"]
MassEffect = Literal["none", "mild", "marked"]

TERRITORY_NAMES = (
    "anterior cerebral artery",
    "medial lenticulostriate",
    "lateral lenticulostriate",
    "frontal MCA",
    "parietal MCA",
    "temporal MCA",
    "occipital MCA",
    "insular MCA",
    "temporal PCA",
    "occipital PCA",
    "thalamoperforating",
    "anterior choroidal",
    "basilar",
    "superior cerebellar",
    "inferior cerebellar",
    "lateral ventricle",
)
"""Territories of the Johns Hopkins arterial atlas (Liu et al., Sci Data 2023;10:74), in its order."""

JHU_NAMES: Mapping[int, tuple[str, str]] = {
    2 * i + 1 + right: (name, ("left", "right")[right]) for i, name in enumerate(TERRITORY_NAMES) for right in (0, 1)
}
"""Label of the Johns Hopkins atlas -> (territory, side): odd labels are left, even ones right."""

ASPECTS_REGIONS: Mapping[str, int] = {
    "medial lenticulostriate": 1,
    "lateral lenticulostriate": 2,
    "insular MCA": 1,
    "frontal MCA": 2,
    "parietal MCA": 2,
    "temporal MCA": 1,
    "occipital MCA": 1,
}
"""How many of the ten ASPECTS regions each territory stands for. Our approximation, since an arterial atlas
does not draw the ten regions: caudate = medial lenticulostriate; lentiform nucleus and internal capsule =
lateral lenticulostriate; insula = insular; M1 and M4 = frontal; M5 and M6 = parietal; M2 = temporal; M3 =
occipital."""

POSTERIOR_FOSSA = frozenset({"basilar", "superior cerebellar", "inferior cerebellar"})
"""Territories below the tentorium, where there is little room for swelling."""

REGION_THRESHOLD = 0.2
"""Share of an ASPECTS region that has to be damaged for it to lose its point (our choice)."""
MCA_THRESHOLD = 0.25
"""Share of a lesion that has to lie in ASPECTS territories for the score to apply (our choice)."""
ONE_SIDED = 0.85
"""Share of a lesion in one hemisphere from which it counts as one-sided (our choice)."""
MILD_ML, MARKED_ML = 82.0, 145.0
"""Infarct volumes that foretell malignant swelling: Thomalla et al., Ann Neurol 2010;68:435, and Oppenheim et
al., Stroke 2000;31:2175. That they also grade the mass effect is our choice."""
FOSSA_MILD_ML, FOSSA_MARKED_ML = 20.0, 40.0
"""The same below the tentorium (our choice)."""
MIDLINE_MM = 5.0
"""How far over the midline a one-sided lesion has to reach to count as displacing it (our choice)."""


@dataclass(frozen=True)
class Territories:
    """Arterial territories drawn on a grid.

    Args:
        labels: integer array (x, y, z), none below 0; 0 is no territory.
        names: label -> (territory, "left" or "right").
        affine: voxel to world millimetres (4, 4), world x growing to the patient's right; None: the grid of
            whatever mask is measured.
        regions: how many ASPECTS regions each territory stands for; they should sum to ten.
    """

    labels: NDArray[np.integer[Any]]
    names: Mapping[int, tuple[str, str]]
    affine: NDArray[np.floating[Any]] | None = None
    regions: Mapping[str, int] | None = None

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Number of voxels of each label, from 0 to the largest: (labels,)."""
        return np.bincount(self.labels.ravel(order="K"), minlength=max([0, *self.names]) + 1)

    def whole_ml(self, affine: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Millilitres of each label (labels,); `affine` (4, 4) is for territories that have none of their own."""
        return self.sizes.astype(np.float64) * _voxel_ml(affine if self.affine is None else self.affine)

    def on_grid(self, shape: tuple[int, ...], affine: NDArray[np.floating[Any]]) -> Self:
        """The same territories on another grid, by nearest neighbour; `self` where the grids agree.

        Args:
            shape: voxels of the grid.
            affine: its voxel to world millimetres (4, 4).

        Raises:
            StrokebenchError: the shapes differ and the territories have no affine.
        """
        same_shape = self.labels.shape == tuple(shape)
        if same_shape and (self.affine is None or np.allclose(self.affine, affine, atol=1e-3)):
            return self
        if self.affine is None:
            raise StrokebenchError(
                f"The territories have the grid {self.labels.shape}, the lesion mask {tuple(shape)}.",
                "Give the affine of the territories, so that they can be resampled.",
            )
        import nibabel
        from nibabel.processing import resample_from_to

        source = nibabel.Nifti1Image(self.labels.astype(np.int16), self.affine)
        moved = resample_from_to(source, (tuple(shape), affine), order=0)
        return replace(self, labels=np.asarray(moved.dataobj).astype(np.int16), affine=np.asarray(affine))


def read_territories(path: Path) -> Territories:
    """The Johns Hopkins arterial atlas, in MNI space.

    Raises:
        StrokebenchError: the file cannot be read, or is no map.
    """
    from strokebench.datasets.images.nifti import VolumeError, check_invertible, open_nifti

    try:
        nifti = open_nifti(path)
        check_invertible(nifti.affine, str(path), "")
        labels = nifti.voxels()
    except VolumeError as error:
        raise StrokebenchError(error.message, "Fetch it again.") from None
    if max(nifti.shape[3:], default=1) > 1 or min(labels.shape) < 2 or not (labels >= 0).all():
        raise StrokebenchError(f"{path} {nifti.shape} is no map of territories.", "Give the arterial atlas.")
    return Territories(labels.astype(np.int16), JHU_NAMES, nifti.affine)


@dataclass(frozen=True)
class LesionFindings:
    """What was measured of one lesion.

    Args:
        volume_ml: volume in millilitres.
        side: hemisphere, `both` where neither holds 85 %; says nothing where `volume_ml` is 0.
        territories: (territory, side) -> share of the territory that is damaged, 0 to 1, only those above 0,
            the most damaged first.
        aspects: 0 to 10, of the worse hemisphere (our approximation, see `ASPECTS_REGIONS`); None where less
            than a quarter of the lesion lies in the middle cerebral artery's territories.
        mass_effect: `none`, `mild` or `marked` (our rule, see `measure_lesion`).
        n_components: number of separate lesions (26-connected).
    """

    volume_ml: float
    side: Side
    territories: Mapping[tuple[str, str], float]
    aspects: int | None
    mass_effect: MassEffect
    n_components: int


def measure_lesion(mask: NDArray[Any], affine: NDArray[Any], territories: Territories) -> LesionFindings:
    """Measure a lesion mask.

    The mass effect is graded from the volume in the worse hemisphere (mild from 82 ml, marked from 145 ml)
    and from the volume in the posterior fossa (20 and 40 ml). A mild one becomes marked where the lesion is
    one-sided but its largest part reaches 5 mm or more over the midline. World x = 0 is taken for the
    midline, so the mask has to lie in a template space such as MNI.

    Args:
        mask: (x, y, z) of any type, lesion above 0.5; NaN counts as no lesion. A fourth axis of length 1 is
            dropped. May be empty.
        affine: voxel to world millimetres (4, 4).
        territories: arterial territories; resampled to the mask's grid if they lie on another.

    Raises:
        StrokebenchError: a mask that is not 3-D, or an affine that is not an invertible (4, 4) matrix.
    """
    lesion, affine = _checked(mask, affine)
    voxels = voxels_of(lesion)
    if not len(voxels):
        return LesionFindings(0.0, "both", {}, None, "none", 0)
    # Of the atlas as it was given: the mask's grid may hold only part of the brain.
    whole_ml = territories.whole_ml(affine)
    territories = territories.on_grid(lesion.shape, affine)
    voxel_ml = _voxel_ml(affine)
    labels = territories.labels[tuple(voxels.T)]
    x = voxels @ affine[0, :3] + affine[0, 3]

    inside = np.bincount(labels, minlength=len(whole_ml))
    millilitres: dict[tuple[str, str], float] = {}
    whole: dict[tuple[str, str], float] = {}
    for label, name in territories.names.items():
        millilitres[name] = millilitres.get(name, 0.0) + int(inside[label]) * voxel_ml
        whole[name] = whole.get(name, 0.0) + float(whole_ml[label])
    shares = {name: min(1.0, ml / whole[name]) for name, ml in millilitres.items() if ml}

    left = _share_left(x, labels, territories)
    side: Side = "left" if left >= ONE_SIDED else "right" if 1 - left >= ONE_SIDED else "both"
    volume = len(voxels) * voxel_ml
    components, over_midline = _components(lesion, voxels, x, side)
    worse = volume * max(left, 1 - left)
    fossa = sum(ml for (name, _), ml in millilitres.items() if name in POSTERIOR_FOSSA)
    return LesionFindings(
        volume_ml=volume,
        side=side,
        territories=dict(sorted(shares.items(), key=lambda item: (-item[1], item[0]))),
        aspects=_aspects(shares, millilitres, volume, territories.regions or ASPECTS_REGIONS),
        mass_effect=_mass_effect(worse, fossa, over_midline),
        n_components=components,
    )


def _voxel_ml(affine: NDArray[Any]) -> float:
    return float(abs(np.linalg.det(affine[:3, :3]))) / 1000


def voxels_of(lesion: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Indices (n, 3) of the voxels that are set; ten times as fast as `numpy.argwhere` on a small lesion."""
    # NIfTI arrays come in Fortran order; going through them in C order would copy them.
    order: Literal["F", "C"] = "F" if lesion.flags.f_contiguous else "C"
    flat = np.flatnonzero(lesion.ravel(order=order))
    return np.stack(np.unravel_index(flat, lesion.shape, order=order), axis=1)


def _checked(mask: NDArray[Any], affine: NDArray[Any]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    lesion, affine = np.asarray(mask), np.asarray(affine, dtype=float)
    if lesion.ndim == 4 and lesion.shape[3] == 1:
        lesion = lesion[..., 0]
    if lesion.ndim != 3:
        raise StrokebenchError(f"The lesion mask has the shape {lesion.shape}.", "A mask has three dimensions.")
    if affine.shape != (4, 4) or not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-6:
        raise StrokebenchError(
            "The affine of the lesion mask is not an invertible 4 x 4 matrix.", "Write the mask with its affine."
        )
    return lesion > 0.5, affine


def _share_left(x: NDArray[Any], labels: NDArray[Any], territories: Territories) -> float:
    # The atlas knows the side better than the sign of x close to the midline.
    by_x = np.where(x < 0, 1.0, np.where(x > 0, 0.0, 0.5))
    by_label = np.full(max(int(labels.max()), *territories.names, 0) + 1, np.nan)
    for label, (_, side) in territories.names.items():
        by_label[label] = side == "left"
    left = by_label[labels]
    return float(np.where(np.isnan(left), by_x, left).mean())


def _components(lesion: NDArray[np.bool_], voxels: NDArray[Any], x: NDArray[Any], side: Side) -> tuple[int, float]:
    """Number of separate parts, and how far (mm) the largest of a one-sided lesion crosses the midline."""
    from scipy import ndimage

    first, last = voxels.min(axis=0), voxels.max(axis=0) + 1
    box = lesion[tuple(slice(a, b) for a, b in zip(first, last, strict=True))]
    numbered, count = ndimage.label(box, structure=np.ones((3, 3, 3)))
    if side == "both":
        return int(count), 0.0
    of_voxel = numbered[tuple((voxels - first).T)]
    largest = x[of_voxel == np.bincount(of_voxel).argmax()]
    return int(count), max(0.0, float(largest.max() if side == "left" else -largest.min()))


def _aspects(
    shares: Mapping[tuple[str, str], float],
    millilitres: Mapping[tuple[str, str], float],
    volume: float,
    regions: Mapping[str, int],
) -> int | None:
    anterior = sum(ml for (name, _), ml in millilitres.items() if name in regions)
    if anterior < MCA_THRESHOLD * volume:
        return None
    lost = {"left": 0, "right": 0}
    for (name, side), share in shares.items():
        count = regions.get(name, 0)
        # A territory of two regions loses the second once the first must be full.
        lost[side] += sum(1 for i in range(count) if share >= (i + REGION_THRESHOLD) / count)
    return max(0, 10 - max(lost.values()))


def _mass_effect(worse_ml: float, fossa_ml: float, over_midline_mm: float) -> MassEffect:
    if worse_ml >= MARKED_ML or fossa_ml >= FOSSA_MARKED_ML:
        return "marked"
    if worse_ml >= MILD_ML or fossa_ml >= FOSSA_MILD_ML:
        return "marked" if over_midline_mm >= MIDLINE_MM else "mild"
    return "none"
