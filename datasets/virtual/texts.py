"""Diagnostic text of the virtual patients: what a vision language model would make of the volume, mistakes and all."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strokebench.datasets.images.lesion import LesionFindings, Side, Territories, measure_lesion
from strokebench.datasets.texts.writer import TextErrors, write_answers
from strokebench.datasets.virtual.anatomy import NAMES
from strokebench.datasets.virtual.dictionary import TOAST
from strokebench.datasets.virtual.lesions import draw_lesion
from strokebench.datasets.virtual.settings import Strengths
from strokebench.datasets.virtual.volumes import VirtualVolume, infarct_mask

WORDING = TextErrors(volume_noise=0.1, wrong_side=0.0, nihss_noise=2.0)
"""What still differs between the answers to one patient's questions, each of which is asked for itself."""
_OTHER: dict[str, Side] = {"left": "right", "right": "left", "both": "both"}


def answer(volume: VirtualVolume, rng: np.random.Generator, strengths: Strengths) -> dict[str, str]:
    """One answer a prompt, all of one reading of the image: a model that errs does so in each of them.

    With probability `strengths.misread` it sees a lesion that is not there, of the size and place that infarcts have;
    else the patient's own. Then it may take one side for the other, and misjudges the size. The paper's own text
    predicts no better than chance (Table 2, AUC 49.5), so a text that always told the truth would be less faithful.
    """
    mask = _imagined(volume, rng) if rng.random() < strengths.misread else volume.mask
    seen = measure_lesion(mask, volume.affine, Territories(volume.labels, NAMES))
    if rng.random() < strengths.wrong_side:
        seen = _mirrored(seen)
    factor = float(np.exp(strengths.volume_reading * rng.standard_normal()))
    return write_answers(replace(seen, volume_ml=seen.volume_ml * factor), rng, WORDING)


def _mirrored(seen: LesionFindings) -> LesionFindings:
    territories: dict[tuple[str, str], float] = {
        (name, _OTHER[side]): share for (name, side), share in seen.territories.items()
    }
    return replace(seen, side=_OTHER[seen.side], territories=territories)


def _imagined(volume: VirtualVolume, rng: np.random.Generator) -> NDArray[Any]:
    lesion = draw_lesion(TOAST[int(rng.integers(len(TOAST)))], rng)
    voxel_ml = abs(float(np.linalg.det(volume.affine[:3, :3]))) / 1000
    return infarct_mask(lesion, volume.mni, volume.labels, volume.tissue, voxel_ml, rng)
