"""Diagnostic text of the virtual patients: what a vision language model would make of the volume, mistakes and all."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from strokebench.datasets.images.lesion import Territories, measure_lesion
from strokebench.datasets.texts.prompts import PROMPTS
from strokebench.datasets.texts.writer import TextErrors, write_answers
from strokebench.datasets.virtual.anatomy import NAMES
from strokebench.datasets.virtual.dictionary import TOAST
from strokebench.datasets.virtual.lesions import draw_lesion
from strokebench.datasets.virtual.settings import Strengths
from strokebench.datasets.virtual.volumes import VirtualVolume, infarct_mask


def answer(volume: VirtualVolume, rng: np.random.Generator, strengths: Strengths) -> dict[str, str]:
    """One answer a prompt.

    The lesion is measured and written up with the mistakes of `TextErrors`. On top of them the model misreads:
    with probability `strengths.misread`, each answer for itself, since each is asked for itself, it describes a
    lesion that is not there, of the size and place that infarcts have. The paper's own text predicts no better than
    chance (Table 2, AUC 49.5), so a text that always told the truth would be the less faithful one.
    """
    territories = Territories(volume.labels, NAMES)
    errors = TextErrors(volume_noise=strengths.volume_reading)
    seen = write_answers(measure_lesion(volume.mask, volume.affine, territories), rng, errors)
    imagined = write_answers(measure_lesion(_imagined(volume, rng), volume.affine, territories), rng, errors)
    misread = rng.random(len(PROMPTS)) < strengths.misread
    return {prompt: (imagined if wrong else seen)[prompt] for prompt, wrong in zip(PROMPTS, misread, strict=True)}


def _imagined(volume: VirtualVolume, rng: np.random.Generator) -> NDArray[Any]:
    lesion = draw_lesion(TOAST[int(rng.integers(len(TOAST)))], rng)
    voxel_ml = abs(float(np.linalg.det(volume.affine[:3, :3]))) / 1000
    return infarct_mask(lesion, volume.mni, volume.labels, volume.tissue, voxel_ml, rng)
