"""Automatic quality control of images: a reason a patient. It excludes nobody; that is the user's decision.

Limits are of two kinds: what no head MRI can be (coverage, orientation, empty, clipped), and what lies far from
the cohort's own images (intensity scale, noise, motion), by median and median absolute deviation. All limits
are our choice.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from strokebench.datasets.images.facts import ImageFacts, measure_image
from strokebench.datasets.images.likeness import copies
from strokebench.datasets.images.mask import read_mask
from strokebench.datasets.images.mri import HOUNSFIELD_AIR, SAME_PLACE, Volume, check_hounsfield, read_volume
from strokebench.datasets.images.nifti import VolumeError
from strokebench.datasets.images.placing import LEFT_OUT
from strokebench.datasets.images.reading import PLAIN, Reading
from strokebench.datasets.images.target import WHOLE_HEAD
from strokebench.datasets.problems import Problem

MIN_EXTENT_MM = (100.0, 120.0, 80.0)
"""Least coverage from left to right, back to front, bottom to top: less cannot hold a brain."""
MAX_EXTENT_MM = 450.0
MIN_SLICES = 8
MIN_FOREGROUND = 0.01
MAX_CLIPPED = 0.02
MAX_SHEAR = 0.02
"""Largest cosine between two voxel axes; axes of a scanner are at right angles."""
FEW_VALUES = 5

MIN_COHORT = 8
"""Fewer readable images give no limits of their own."""
DEVIATIONS = 6.0
"""Robust standard deviations from the cohort's median that an image may lie away."""
SCALE_DECADES = 1.5
NOISE_TIMES = 2.0
GHOST_EXCESS = 0.008
"""Least deviation that counts, however alike the others are: decades of intensity, times the median noise, and
ghost intensity as a share of the head's."""


def examine_images(
    images: pd.DataFrame,
    masks: Mapping[str, Sequence[pd.Series]] = {},
    jobs: int = 2,
    progress: Callable[[int, int], None] | None = None,
    reading: Reading = PLAIN,
) -> list[Problem]:
    """Read every image (and mask) and judge it by itself, beside the cohort's others, and beside the patient's others.

    Args:
        images: paths, one column a sequence, one row a patient; None where there is none (that is for the caller to
            report).
        masks: sequence -> paths likewise, of lesions and of brains.
        jobs: processes.
        progress: called with the number of images done and of all.
    """
    total, before = int(images.notna().sum().sum()), 0
    facts: dict[str, dict[str, ImageFacts]] = {}
    problems: list[Problem] = []
    for sequence, paths in images.items():

        def advance(done: int, _: int, before: int = before) -> None:
            if progress:
                progress(before + done, total)

        facts[str(sequence)], found = _examine_sequence(paths, masks.get(str(sequence), ()), jobs, advance, reading)
        label = f"{sequence}: " if len(images.columns) > 1 else ""
        problems += [replace(problem, what=label + problem.what, sequence=str(sequence)) for problem in found]
        before += int(paths.notna().sum())
    return [*problems, *_apart(facts), *_copies(facts)]


def masks_by_sequence(
    masks: pd.Series | None, masked: str, brain_masks: pd.DataFrame | None
) -> dict[str, list[pd.Series]]:
    """Sequence -> paths of what lies in its grid: lesion masks, where it is `masked`, and brain masks."""
    found = {} if brain_masks is None else {str(name): [paths] for name, paths in brain_masks.items()}
    if masks is not None:
        found[masked] = [masks, *found.get(masked, [])]
    return found


def _apart(facts: Mapping[str, Mapping[str, ImageFacts]]) -> Iterator[Problem]:
    """Patients whose sequences do not lie in one place: each is held against the first that there is."""
    first: dict[str, str] = {}
    for sequence, by_patient in facts.items():
        for id, fact in by_patient.items():
            one, other = fact.place, facts[first.setdefault(id, sequence)][id].place
            overlap = len(one & other) / max(1, min(len(one), len(other)))
            if first[id] != sequence and overlap < SAME_PLACE:
                what = f"{100 * overlap:.0f}% of the head lies where that of {first[id]} does"
                yield Problem("image_apart", f"{sequence}: {what}", id, sequence=sequence)


def _copies(facts: Mapping[str, Mapping[str, ImageFacts]]) -> Iterator[Problem]:
    """Images that are another's: in two sequences, or in other intensities, shifted or mirrored."""
    by_key = {(sequence, id): fact for sequence, by_patient in facts.items() for id, fact in by_patient.items()}
    first: dict[str, tuple[str, str]] = {}
    same = {key: other for key, fact in by_key.items() if (other := first.setdefault(fact.content, key)) != key}
    found = [(key, other, "the same image as") for key, other in same.items() if key[0] != other[0]]
    for key, other, mirrored in copies({key: fact.likeness for key, fact in by_key.items() if key not in same}):
        found.append((key, other, f"{'a mirrored' if mirrored else 'an altered'} copy of the image of"))
    for (sequence, id), (other_sequence, owner), what in found:
        of = [other_sequence] * (sequence != other_sequence) + [f"patient {owner}"] * (id != owner)
        label = f"{sequence}: " if len(facts) > 1 else ""
        yield Problem("image_doubled", f"{label}holds {what} {' of '.join(of)}", id, sequence=sequence)


def _examine_sequence(
    images: pd.Series, masks: Sequence[pd.Series], jobs: int, progress: Callable[[int, int], None], reading: Reading
) -> tuple[dict[str, ImageFacts], list[Problem]]:
    paths = {str(id): Path(path) for id, path in images.items() if not pd.isna(path)}
    masks_of: dict[str, list[Path]] = {id: [] for id in paths}
    for kind in masks:
        for id, mask in kind.items():
            if not pd.isna(mask) and str(id) in masks_of:
                masks_of[str(id)].append(Path(mask))
    tasks = (delayed(_examine)(path, masks_of[id], reading) for id, path in paths.items())
    facts: dict[str, ImageFacts] = {}
    problems: list[Problem] = []
    results = Parallel(n_jobs=min(jobs, max(1, len(paths))), return_as="generator")(tasks)
    for done, (id, (fact, found)) in enumerate(zip(paths, results, strict=True), 1):
        problems += [Problem(code, what, id, paths[id].name, remedy) for code, what, remedy in found]
        if fact is not None:
            facts[id] = fact
        progress(done, len(paths))
    return facts, [*problems, *judge(facts, {id: path.name for id, path in paths.items()}, reading)]


def judge(facts: Mapping[str, ImageFacts], names: Mapping[str, str], reading: Reading = PLAIN) -> Iterator[Problem]:
    """Problems of readable images, by themselves and beside the cohort's others.

    Noise and motion are judged where nothing simpler is wrong, and if both are high only the one that is
    further beyond its limit is named: either raises the other's estimate.

    Args:
        facts: by patient, in the order of the table.
        names: file name of each patient's image.
        reading: whether they are said to be CT.
    """
    found = {id: [*_alone(fact, bool(reading.window))] for id, fact in facts.items()}
    first: dict[str, str] = {}
    for id, fact in facts.items():
        owner = first.setdefault(fact.content, id)
        if owner != id:
            found[id].append(("image_doubled", f"holds the same image as patient {owner} ({names[owner]})"))
    usable = {id: fact for id, fact in facts.items() if not found[id]}
    for id, what in _scales(usable).items():
        found[id].append(("image_scale", what))
    usable = {id: fact for id, fact in usable.items() if not found[id]}
    for id, one in _noise_and_motion(usable, bool(reading.window)).items():
        found[id].append(one)
    millimetres = " x ".join(f"{n * WHOLE_HEAD.spacing:.0f}" for n in WHOLE_HEAD.shape)
    for id, fact in facts.items():
        # Ghosts and noise look like a head of any size.
        if not found[id] and fact.left_out > LEFT_OUT:
            what = f"{100 * fact.left_out:.1f}% of the head lie beyond the encoder's {millimetres} mm"
            found[id].append(("image_beyond_grid", what))
    for id, problems in found.items():
        for code, what in problems:
            yield Problem(code, what, id, names[id])


def _examine(
    path: Path, masks: Sequence[Path], reading: Reading
) -> tuple[ImageFacts | None, list[tuple[str, str, str]]]:
    """Facts of one patient's image, and code, sentence and remedy of what is wrong with its file and its masks."""
    try:
        volume = read_volume(path, reading=reading)
        if reading.window:
            check_hounsfield(path, *np.percentile(volume.data, [1, 99]))
        found = [*_geometry(volume)]
        facts = None if found else measure_image(volume, bool(reading.window))
    except VolumeError as error:
        return None, [(f"image_{error.fault}", _what(error, path), error.hint)]
    except Exception as error:
        # Whatever a strange volume does to a measure: it is a problem of this patient, and the others go on.
        return None, [("image_unreadable", f"cannot be measured ({type(error).__name__}: {error})", "")]
    if volume.side:
        found.append(("image_side", volume.side, ""))
    return facts, found + [problem for mask in masks for problem in _mask_problems(mask, volume, reading)]


def _geometry(volume: Volume) -> Iterator[tuple[str, str, str]]:
    axes = volume.affine[:3, :3] / np.linalg.norm(volume.affine[:3, :3], axis=0)
    cosine = np.abs(axes.T @ axes - np.eye(3)).max()
    extent = max(n * edge for n, edge in zip(volume.data.shape, volume.spacing, strict=True))
    if cosine > MAX_SHEAR:
        yield "image_affine", f"its axes are not at right angles (cosine {cosine:.2f})", ""
    elif extent > MAX_EXTENT_MM:
        edges = " x ".join(f"{edge:.3g}" for edge in volume.spacing)
        yield "image_affine", f"its voxels of {edges} mm make a field of {extent:.0f} mm", ""


def _mask_problems(path: Path, volume: Volume, reading: Reading) -> Iterator[tuple[str, str, str]]:
    try:
        read_mask(path, volume.shape, volume.affine, reading.resample_masks)
    except VolumeError as error:
        fault = error.fault if error.fault in ("grid", "values") else "unreadable"
        yield f"mask_{fault}", f"the mask {path.name} {_what(error, path)}", error.hint


def _what(error: VolumeError, path: Path) -> str:
    """What is wrong; the patient and the file are named beside every problem."""
    return error.message.removeprefix(f"{path} ").rstrip(".")


def _alone(fact: ImageFacts, ct: bool) -> Iterator[tuple[str, str]]:
    if fact.high == fact.low and fact.n_values < 2:
        yield "image_empty", f"every voxel is {fact.low:g}"
        return
    if fact.foreground < MIN_FOREGROUND:
        yield "image_empty", f"only {100 * fact.foreground:.2g}% of the volume has signal"
        return
    if fact.n_values <= FEW_VALUES:
        yield "image_scale", f"has {fact.n_values} distinct values: a mask or label map, no image"
        return
    if fact.low < HOUNSFIELD_AIR and not ct:
        yield "image_ct", f"air is at {fact.low:.0f}, as in Hounsfield units: is it CT?"
        return
    yield from _coverage(fact)
    if fact.blank_slices:
        yield "image_missing_slices", f"{fact.blank_slices} slices inside the head are blank or repeated"
    if fact.clipped > MAX_CLIPPED:
        yield "image_clipped", f"{100 * fact.clipped:.0f}% of the head is at the largest value"


def _coverage(fact: ImageFacts) -> Iterator[tuple[str, str]]:
    axis = fact.slice_axis
    short = [i for i in range(3) if fact.extent_mm[i] < MIN_EXTENT_MM[i]]
    if fact.n_slices < MIN_SLICES:
        yield "image_few_slices", f"has {fact.n_slices} slices"
    elif short == [axis]:
        covered = f"{fact.n_slices} slices cover {fact.extent_mm[axis]:.0f} mm"
        yield "image_few_slices", f"{covered}, less than the {MIN_EXTENT_MM[axis]:.0f} mm of a brain"
    elif short:
        names = ("left to right", "back to front", "bottom to top")
        covered = " and ".join(f"{fact.extent_mm[i]:.0f} mm from {names[i]}" for i in short)
        needed = " and ".join(f"{MIN_EXTENT_MM[i]:.0f}" for i in short)
        yield "image_field_of_view", f"covers {covered}, less than the {needed} mm of a brain"


def _scales(facts: Mapping[str, ImageFacts]) -> dict[str, str]:
    if len(facts) < MIN_COHORT:
        return {}
    decades = pd.Series({id: math.log10(fact.high - fact.low) for id, fact in facts.items()})
    negative = pd.Series({id: fact.negative for id, fact in facts.items()})
    limit = max(SCALE_DECADES, DEVIATIONS * _scatter(decades))
    found = {}
    for id in facts:
        times = 10 ** abs(decades[id] - decades.median())
        if abs(decades[id] - decades.median()) > limit:
            way = "above" if decades[id] > decades.median() else "below"
            found[id] = f"its intensities are {times:.0f} times {way} the cohort's"
        elif negative[id] > 0.1 and negative.median() < 0.01:
            found[id] = f"{100 * negative[id]:.0f}% of its voxels are negative, unlike the cohort's"
    return found


def _noise_and_motion(facts: Mapping[str, ImageFacts], ct: bool) -> dict[str, tuple[str, str]]:
    if len(facts) < MIN_COHORT:
        return {}
    noise = pd.Series({id: fact.noise for id, fact in facts.items()})
    # A CT has no phase axis; what lies in its air is the table.
    ghost = pd.Series({id: math.nan if ct else fact.ghosting for id, fact in facts.items()})
    log = noise.clip(lower=1e-4).map(math.log)
    noise_limit = math.exp(log.median() + max(math.log(NOISE_TIMES), DEVIATIONS * _scatter(log)))
    ghost_limit = ghost.median() + max(GHOST_EXCESS, DEVIATIONS * _scatter(ghost))
    found = {}
    for id in facts:
        noisy, moved = noise[id] / noise_limit, ghost[id] / ghost_limit
        # A comparison with NaN is False: an image without air shows no ghost.
        if moved > 1 and not noisy > moved:
            what = f"ghosts in the air of {100 * ghost[id]:.1f}% of the head's intensity"
            found[id] = ("image_motion", f"{what} (limit {100 * ghost_limit:.1f}%)")
        elif noisy > 1:
            what = f"noise of {100 * noise[id]:.0f}% of the head's intensity"
            found[id] = ("image_noise", f"{what} (limit {100 * noise_limit:.0f}%)")
    return found


def _scatter(values: pd.Series) -> float:
    """Robust standard deviation."""
    return float(1.4826 * (values - values.median()).abs().median())
