"""The apparent diffusion coefficient and FLAIR of a virtual patient, which agree with the diffusion-weighted image.

All show one head, infarct, white-matter disease and old infarct, and the infarct's age by the clock: the coefficient is
low at once, rises to normal by the second week, and is high from then on (Lansberg et al., AJNR 2001;22:637); FLAIR
turns bright within hours, so that it is still dark in about six of ten patients before 4.5 h (PRE-FLAIR: Thomalla et
al., Lancet Neurol 2011;10:978). The courses between these points are ours.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from strokebench.datasets.virtual.settings import Site
from strokebench.datasets.virtual.volumes import Scene, VirtualVolume, scan

GREY, WHITE, WATER = 820.0, 720.0, 3000.0
"""Apparent diffusion coefficients of healthy tissue, 1e-6 mm2/s."""
FALL, NORMAL_AGAIN = 0.45, 220.0
"""Share by which the coefficient falls in an infarct, and the hour at which it is normal again."""


def fall_of_diffusion(hours: float) -> float:
    """Share of the coefficient that is lost in an infarct of this age; below 0 where there is more than in health."""
    return FALL * (1 - np.exp(-hours)) * max(1 - hours / NORMAL_AGAIN, -0.5)


def draw_sequences(
    volume: VirtualVolume, onset_hours: float, site: Site, rng: np.random.Generator
) -> dict[str, NDArray[Any]]:
    """`adc` and `flair` on the grid of the diffusion-weighted image, int16 (x, y, z): 1e-6 mm2/s, and scanner units.

    Args:
        onset_hours: age of the infarct.
    """
    return {
        "adc": _coefficient(volume.scene, onset_hours, rng),
        "flair": scan(_flair(volume.scene, onset_hours, rng), volume.scene.brain, site, rng),
    }


def _coefficient(scene: Scene, hours: float, rng: np.random.Generator) -> NDArray[np.int16]:
    water = np.clip(scene.brain - scene.grey - scene.white, 0, 1)
    values = GREY * scene.grey + WHITE * scene.white + 250 * scene.disease * scene.white + WATER * water
    values = values + (2200 - values) * scene.cavity
    values = values * (1 - fall_of_diffusion(hours) * np.minimum(scene.infarct, 1.2))
    # A quotient of two echo-planar images: where these are distorted, it is noisy.
    noise = 45 * scene.glare**3 * rng.standard_normal(values.shape, dtype=np.float32)
    return np.clip(np.round((values + noise) * (scene.brain > 0.35)), 0, 4000).astype(np.int16)


def _flair(scene: Scene, hours: float, rng: np.random.Generator) -> NDArray[Any]:
    water = np.clip(scene.brain - scene.grey - scene.white, 0, 1)
    signal = (scene.grey + 0.82 * scene.white) * scene.texture + 0.10 * water
    rim = scene.cavity * (1 - scene.cavity)
    signal = signal * (1 + 0.55 * scene.disease) * (1 - 0.85 * scene.cavity) + 2.0 * rim * (signal > 0.3)
    turned = expit((hours - rng.normal(5.2, 1.5)) / 1.0)
    return signal * (1 + 0.75 * turned * scene.infarct)
