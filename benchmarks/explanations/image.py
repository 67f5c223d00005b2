"""Which places of the image move the prediction: each of 4 x 4 is covered, and the volume encoded again."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strokebench.benchmarks.explanations.patient import Patient
from strokebench.benchmarks.models.columns import instead
from strokebench.datasets.encoders.contract import GRID, TOKENS
from strokebench.reports.explanation.effects import Breakdown, Effect
from strokebench.tasks.inputs import modalities_of

IMAGE, VECTOR, TOKEN = "image", "image.vector", "image.tokens"
SLICES = 6
"""Pictures of the volume, from below to the top."""
ENLARGED = 4
"""Pixels an edge of a voxel."""
ACROSS = ("far left", "left", "right", "far right")
ALONG = ("back", "back of the middle", "front of the middle", "front")
TITLE = "Which places of the image move it"
_COVERED = (
    "Each place is a column of the volume from bottom to top, a sixteenth of the encoder's grid seen from above; its"
    " effect is the prediction less that without the place, and the effects of two places need not add up. Where all go"
    " one way, to be covered moves the model whatever lies there: what stands out counts. "
)


def image_effects(patient: Patient, weights: Path | None = None) -> Breakdown | None:
    """By place, from the left back to the right front; None of a model that reads no image.

    Args:
        weights: folder with downloaded weights, for an encoder that needs them.
    """
    said, cohort = patient.model.description, patient.examined.cohort
    if IMAGE not in modalities_of(said.reads):
        return None
    files: dict[str, Any] = {}
    if cohort.images is not None:
        files = {str(sequence): path for sequence, path in cohort.images.loc[patient.id].dropna().items()}
    if said.encodings[IMAGE].sha256 and files:
        return _covered(patient, files, weights)
    tokens = patient.arrays.get(TOKEN)
    if TOKEN in said.reads and tokens is not None and np.isfinite(tokens).all():
        how = (
            "A place's token is replaced by the training mean. That is an approximation: the other tokens have looked"
            " at that place too, and the image's vector is left as it is."
        )
        return _part(patient, {TOKEN: _without_one(tokens)}, _COVERED + how)
    known = any(np.isfinite(own).any() for name, own in patient.arrays.items() if name in (VECTOR, TOKEN))
    why = "The image came as a ready vector, of which no place can be taken away." if known else (
        f"This patient has no image; {instead(said)}."
    )  # fmt: skip
    return Breakdown("image", TITLE, patient.unit, missing=why)


def _covered(patient: Patient, paths: dict[str, Any], weights: Path | None) -> Breakdown:
    from strokebench.datasets.images.mri import prepare

    encoder, cohort = patient.model.encoders(weights)[0], patient.examined.cohort
    masks = {} if cohort.brain_masks is None else cohort.brain_masks.loc[patient.id].dropna().to_dict()
    files = {name: (Path(path), Path(masks[name]) if name in masks else None) for name, path in paths.items()}
    first = next(iter(files))
    made: dict[str, list[NDArray[np.float32]]] = {VECTOR: [], TOKEN: []}
    slices: list[bytes] = []
    for name in cohort.sequences:
        if name not in files:
            made[VECTOR].append(np.full((TOKENS + 1, encoder.dim), np.nan, np.float32))
            made[TOKEN].append(np.full((TOKENS + 1, TOKENS, encoder.dim), np.nan, np.float32))
            continue
        # A patient's sequences share the grid of the first one there is.
        beside = None if name == first else files[first]
        volume = prepare(files[name][0], encoder.target, patient.id, files[name][1], cohort.reading, beside)
        # One at a time, as a cohort is encoded on a CPU; the volume itself comes first.
        parts = [encoder.encode(one[None], "cpu") for one in (volume, *covered(volume))]
        for array, place in ((VECTOR, 0), (TOKEN, 1)):
            made[array].append(np.concatenate([part[place] for part in parts]))
        slices += pictures(volume)
    how = (
        "A place is covered with the mean grey of the head and the whole volume encoded again, so nothing of the"
        " encoder is approximated; but a covered brain is none that the model has seen. The pictures show the volume as"
        f" the encoder gets it, at {encoder.target.spacing:g} mm."
    )
    if len(cohort.sequences) > 1:
        how += f" A place is covered in all sequences at once; the pictures are of {', '.join(files)}, in this order."
    arrays = {name: np.concatenate(one, axis=-1) for name, one in made.items()}
    return _part(patient, arrays, _COVERED + how, tuple(slices))


def covered(volume: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The volume (x, y, z) with each place in turn at 0, the mean of the head, in the order of an encoder's tokens."""
    edges = [np.linspace(0, size, GRID + 1).round().astype(int) for size in volume.shape[:2]]
    found = []
    for i, j in np.ndindex(GRID, GRID):
        found.append(volume.copy())
        found[-1][edges[0][i] : edges[0][i + 1], edges[1][j] : edges[1][j + 1]] = 0
    return found


def _without_one(tokens: NDArray[np.float32]) -> NDArray[np.float32]:
    """Tokens (1, 16, d) as they are, then without each in turn: (17, 16, d), NaN for the one that is not there."""
    copies = np.repeat(tokens, TOKENS + 1, axis=0)
    copies[np.arange(1, TOKENS + 1), np.arange(TOKENS)] = np.nan
    return copies


def _part(
    patient: Patient, arrays: dict[str, NDArray[np.float32]], how: str, slices: tuple[bytes, ...] = ()
) -> Breakdown:
    values = patient.values(patient.inputs(**arrays))
    effects = (values[:, :1] - values[:, 1:]).T.tolist()
    names = [f"{along}, {across}" for across in ACROSS for along in ALONG]
    found = tuple(Effect(name, model, tuple(fits)) for name, (model, *fits) in zip(names, effects, strict=True))
    return Breakdown("image", TITLE, patient.unit, how, found, pictures=slices)


def pictures(volume: NDArray[np.float32]) -> tuple[bytes, ...]:
    """Axial slices of a prepared volume (x, y, z) as PNG, the patient's right on the left and the front up."""
    from PIL import Image

    head = volume != 0
    levels = np.flatnonzero(head.any(axis=(0, 1)))
    low, high = np.percentile(volume[head], (1, 99.5))
    grey = np.where(head, (volume - low) / max(high - low, 1e-6), 0).clip(0, 1)
    found = []
    for level in np.unique(np.quantile(levels, np.linspace(0.2, 0.9, SLICES)).round().astype(int)):
        picture = Image.fromarray(np.rint(255 * grey[::-1, ::-1, level].T).astype(np.uint8))
        buffer = io.BytesIO()
        picture.resize([ENLARGED * edge for edge in picture.size], Image.Resampling.BICUBIC).save(buffer, "PNG")
        found.append(buffer.getvalue())
    return tuple(found)
