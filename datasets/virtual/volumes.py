"""Drawing a patient's diffusion-weighted volume: brain, infarct, distractors, and the scanner of the site.

Everything is computed on the patient's own voxels. Each voxel is carried back to MNI space by an individual
affine and a smooth displacement, and the templates are read there; so the lesion mask and the territories are
exact on the image's grid.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special
from scipy.spatial.transform import Rotation

from strokebench.datasets.virtual.anatomy import Anatomy, territory_labels
from strokebench.datasets.virtual.lesions import Lesion
from strokebench.datasets.virtual.settings import Site, Strengths

Floats = NDArray[np.floating[Any]]

FIELD_OF_VIEW = ((-80.0, 80.0), (-114.0, 84.0), (-68.0, 86.0))
"""World extent in mm, x to the right, y to the front, z upwards."""


@dataclass(frozen=True)
class Scene:
    """What every sequence shows of a head, each float32 (x, y, z).

    Args:
        grey, white, brain: shares of a voxel.
        texture: of the tissue, about 1.
        disease: of the white matter, 0 where there is none.
        cavity: of an old infarct, 0 to 1.
        glare: factor of the susceptibility artefacts that echo-planar sequences have.
        infarct: the acute one, about 1 within, soft at its edge.
    """

    grey: Floats
    white: Floats
    brain: Floats
    texture: Floats
    disease: Floats
    cavity: Floats
    glare: Floats
    infarct: Floats


@dataclass(frozen=True)
class VirtualVolume:
    """One patient's diffusion-weighted image, and what any other sequence would be drawn of (`sequences`).

    Args:
        image: int16 (x, y, z), scanner units.
        mask: uint8 (x, y, z), the acute infarct.
        labels: int16 (x, y, z), territories of `anatomy.NAMES`.
        affine: voxel to world mm (4, 4).
        mni: float32 (3, x, y, z), MNI mm of each voxel.
        tissue: float32 (x, y, z), share of grey and white matter.
    """

    image: NDArray[np.int16]
    mask: NDArray[np.uint8]
    labels: NDArray[np.int16]
    affine: Floats
    mni: Floats
    tissue: Floats
    scene: Scene


def draw_volume(
    lesion: Lesion,
    site: Site,
    atlas: Anatomy,
    rng: np.random.Generator,
    strengths: Strengths,
    age_factor: float = 0.0,
    onset_hours: float = 12.0,
    prior_stroke: bool = False,
) -> VirtualVolume:
    """One diffusion-weighted volume.

    Args:
        age_factor: standard deviations from the mean age; older brains have wider sulci and more white-matter
            disease.
        onset_hours: infarcts grow brighter within the first hours.
        prior_stroke: likely shows an old infarct, dark.
    """
    affine, shape = _grid(site)
    mni = _to_mni(affine, shape, rng, strengths)
    brain = _read(atlas.brain, mni, atlas.affine)
    t1, grey, white = np.zeros((3, *shape), dtype=np.float32)
    near = brain > 0
    for part, template in ((t1, atlas.t1), (grey, atlas.grey), (white, atlas.white)):
        part[near] = _read(template, mni[:, near], atlas.affine)
    tissue = grey + white
    inside = (brain >= 0.5) & (tissue >= 0.4)
    labels, wandered = np.zeros((2, *shape), dtype=np.int16)
    labels[inside] = territory_labels(*mni[:, inside])

    voxel_ml = float(np.prod(site.spacing)) / 1000
    # Arteries' borders differ between people: an infarct must not end along a straight line of the map.
    wander = np.stack([4.0 * _smooth_noise(shape, (12, 14, 12), rng) for _ in range(3)])
    wandered[inside] = territory_labels(*(mni + wander)[:, inside])
    mask = infarct_mask(lesion, mni, wandered, tissue, voxel_ml, rng)
    atrophy = float(np.clip(0.16 + 0.08 * age_factor + 0.05 * rng.standard_normal(), 0.0, 0.45))
    kept = np.clip((tissue - atrophy) / (1 - atrophy), 0, 1) / np.maximum(tissue, 1e-3)
    grey, white = grey * kept, white * kept
    texture = (1.08 - 0.15 * t1) * (1 + 0.04 * _smooth_noise(shape, (3, 3, 2), rng))
    distractors = _distractors(mni, tissue, age_factor, prior_stroke, strengths, rng)
    gain = strengths.contrast * (0.45 + 0.55 * (1 - np.exp(-onset_hours / 8))) * np.exp(0.22 * rng.standard_normal())
    # Tissue at the edge is partly spared.
    spared = np.clip(1 + 0.18 * _smooth_noise(shape, (14, 16, 12), rng), 0.4, 1.6)
    infarct = spared * ndimage.gaussian_filter(mask.astype(np.float32), 0.55)
    scene = Scene(grey, white, brain, texture, *distractors, infarct)
    image = scan(_diffusion_weighted(scene, gain), brain, site, rng)
    return VirtualVolume(image, mask.astype(np.uint8), labels, affine, mni, tissue, scene)


def _diffusion_weighted(scene: Scene, gain: float) -> Floats:
    water = np.clip(scene.brain - scene.grey - scene.white, 0, 1)
    signal: Floats = (scene.grey + 0.80 * scene.white) * scene.texture + 0.22 * water
    signal = signal * (1 + 0.22 * scene.disease)
    rim = scene.cavity * (1 - scene.cavity) * (signal > 0.3)
    signal = (signal * (1 - 0.72 * scene.cavity) + 0.4 * rim) * scene.glare
    return signal + gain * scene.infarct * np.maximum(signal, 0.55)


def _grid(site: Site) -> tuple[Floats, tuple[int, int, int]]:
    affine = np.diag([*site.spacing, 1.0])
    affine[:3, 3] = [low for low, _ in FIELD_OF_VIEW]
    sides = zip(FIELD_OF_VIEW, site.spacing, strict=True)
    x, y, z = (int(np.ceil((high - low) / step)) for (low, high), step in sides)
    return affine, (x, y, z)


def _to_mni(affine: Floats, shape: tuple[int, int, int], rng: np.random.Generator, strengths: Strengths) -> Floats:
    """MNI coordinates (3, x, y, z) of each voxel: head size and pose, then a smooth displacement."""
    world = np.indices(shape, dtype=np.float32) * np.diag(affine)[:3, None, None, None].astype(np.float32)
    world += affine[:3, 3, None, None, None].astype(np.float32)
    turn = Rotation.from_euler("xyz", rng.normal(0, [3.0, 1.5, 1.5]), degrees=True).as_matrix()
    # The MNI brain is larger than most; this gives a mean near 1.5 litres.
    size = 0.93 * rng.normal(1.0, 0.02) * rng.normal(1.0, 0.015, 3)
    matrix = (turn / size).astype(np.float32)
    mni = np.tensordot(matrix, world - rng.normal(0, 2.0, 3).astype(np.float32)[:, None, None, None], axes=1)
    for axis in range(3):
        mni[axis] += strengths.deformation_mm * _smooth_noise(shape, (5, 6, 5), rng)
    return mni.astype(np.float32)


def _smooth_noise(shape: tuple[int, ...], knots: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """A smooth random field of standard deviation about 1: a coarse grid of normals, interpolated."""
    coarse = rng.standard_normal(knots).astype(np.float32)
    # Linear interpolation along one axis after the other is several times faster than a cubic zoom; smoothing
    # the coarse values' kinks away costs less than the cubic, too.
    for axis, (n, k) in enumerate(zip(shape, knots, strict=True)):
        position = np.linspace(0, k - 1, n, dtype=np.float32)
        lower = np.minimum(position.astype(int), k - 2)
        share = position - lower
        share = share * share * (3 - 2 * share)
        share = share.reshape([-1 if a == axis else 1 for a in range(coarse.ndim)])
        coarse = np.take(coarse, lower, axis) * (1 - share) + np.take(coarse, lower + 1, axis) * share
    return coarse * 1.3


def _read(template: Floats, mni: Floats, affine: Floats) -> Floats:
    """The template at MNI points (3, ...), of their shape."""
    column = (3, *[1] * (mni.ndim - 1))
    scale, origin = np.diag(affine)[:3].astype(np.float32), affine[:3, 3].astype(np.float32)
    voxels = (mni - origin.reshape(column)) / scale.reshape(column)
    return ndimage.map_coordinates(template, voxels, order=1, mode="constant", output=np.float32)


def infarct_mask(
    lesion: Lesion, mni: Floats, labels: NDArray[Any], tissue: Floats, voxel_ml: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """The planned volume (x, y, z), filled outwards from each focus through tissue, first within its territory.

    Args:
        mni: MNI mm of each voxel (3, x, y, z).
        labels: territories (x, y, z), 0 outside the brain.
        tissue: share of grey and white matter (x, y, z).
        voxel_ml: volume of a voxel.
    """
    mask = np.zeros(tissue.shape, dtype=bool)
    rest = 1 - sum(share for _, share in lesion.satellites)
    foci = [(lesion.centre, rest), *lesion.satellites]
    for centre, share in foci:
        wanted = max(2, round(lesion.volume_ml * share / voxel_ml))
        distance = np.sqrt(sum((mni[k] - centre[k]) ** 2 for k in range(3)))
        radius = (3000 * wanted * voxel_ml / (4 * np.pi)) ** (1 / 3)
        # An edge that wanders by a third of the radius looks like an infarct, not like a ball.
        knots = tuple(int(np.clip(np.ceil(160 / max(radius, 8)), 5, 18)) for _ in range(3))
        cost = distance / radius + 0.28 * _smooth_noise(mask.shape, knots, rng)
        allowed = (tissue > 0.5) & (labels > 0) & ~mask
        if not allowed.any():
            continue
        home = labels.ravel()[np.where(allowed, distance, np.inf).argmin()]
        # Another territory on the same side is reached late, the other hemisphere last.
        cost += np.where(labels == home, 0.0, 0.9) + np.where(labels % 2 == home % 2, 0.0, 2.5)
        cost[~allowed] = np.inf
        wanted = min(wanted, int(allowed.sum()))
        flat = cost.ravel()
        mask.ravel()[np.argpartition(flat, wanted - 1)[:wanted]] = True
    return mask


def _distractors(
    mni: Floats, tissue: Floats, age_factor: float, prior_stroke: bool, strengths: Strengths, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """White-matter disease, an old infarct, and susceptibility artefacts at the skull base, each (x, y, z)."""
    x, y, z = mni
    grade = np.clip(0.4 + 0.5 * age_factor + 0.6 * rng.standard_normal(), 0, 2.5) * strengths.distractors
    around = np.exp(-((np.abs(x) - 20) ** 2) / 60 - (z - 24) ** 2 / 160) * (np.abs(y + 8) < 55)
    patchy = np.clip(_smooth_noise(tissue.shape, (16, 18, 12), rng) - 0.2, 0, 2)

    cavity = np.zeros_like(tissue)
    show = (0.75 if prior_stroke else 0.08) * min(strengths.distractors, 1.0)
    if rng.random() < show:
        inside = np.argwhere(tissue > 0.8)
        centre = mni[(slice(None), *inside[rng.integers(len(inside))])]
        radius = float(np.exp(rng.normal(2.0, 0.45)))
        distance = np.sqrt(sum((mni[k] - centre[k]) ** 2 for k in range(3)))
        distance = distance / radius + 0.25 * _smooth_noise(tissue.shape, (14, 16, 14), rng)
        cavity = special.expit((1 - distance) * 8)
    glare = np.ones_like(tissue)
    for spot, size in (((0, 42, -24), 11), ((46, -28, -26), 9), ((-46, -28, -26), 9)):
        strength = max(0.0, 0.25 + 0.3 * rng.standard_normal()) * strengths.distractors
        squared = sum((mni[k] - spot[k]) ** 2 for k in range(3))
        glare = glare * (1 + strength * np.exp(-squared / (2 * size**2)))
    return grade * around * patchy, cavity, glare


def scan(signal: Floats, brain: Floats, site: Site, rng: np.random.Generator) -> NDArray[np.int16]:
    """A signal (x, y, z) as the site's scanner gives it, int16:

    Point spread, receive field, complex noise, brain extraction and the scanner's own units."""
    blur = site.blur * rng.uniform(0.8, 1.3)
    signal = ndimage.gaussian_filter(signal, (blur, blur, 0.15))
    signal = signal * np.exp(site.bias * _smooth_noise(signal.shape, (3, 3, 3), rng))
    level = site.noise * np.exp(0.2 * rng.standard_normal())
    real = rng.standard_normal(signal.shape, dtype=np.float32)
    imaginary = rng.standard_normal(signal.shape, dtype=np.float32)
    magnitude = np.hypot(signal + level * real, level * imaginary)
    # The templates hold no skull, so the volumes are those of a series after brain extraction.
    magnitude *= ndimage.gaussian_filter(brain, 0.7) > 0.35
    scale = site.scale * np.exp(0.15 * rng.standard_normal())
    return np.clip(np.round(magnitude * scale), 0, 32767).astype(np.int16)
