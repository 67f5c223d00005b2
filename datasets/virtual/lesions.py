"""Which infarct a patient has: its artery, place, volume, and how eloquent the place is. No image is drawn here."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strokebench.datasets.virtual.anatomy import Anatomy, anatomy

LACUNAR = {"lateral lenticulostriate": 0.46, "thalamoperforating": 0.20, "basilar": 0.20, "anterior choroidal": 0.14}
"""Share of each territory among small-artery occlusions (our choice)."""

TERRITORIAL = {
    "frontal MCA": 0.20,
    "parietal MCA": 0.17,
    "temporal MCA": 0.13,
    "insular MCA": 0.09,
    "lateral lenticulostriate": 0.09,
    "occipital MCA": 0.06,
    "occipital PCA": 0.08,
    "anterior cerebral artery": 0.05,
    "temporal PCA": 0.03,
    "inferior cerebellar": 0.04,
    "superior cerebellar": 0.02,
    "basilar": 0.03,
    "thalamoperforating": 0.01,
}
"""Share of each territory among the other causes: about three quarters lie in the middle cerebral artery's
territory (our choice)."""

LOG_VOLUME = {
    # TOAST class: mean and standard deviation of the logarithm of the infarct volume in ml.
    "small-artery occlusion": (-0.1, 0.7),
    "large-artery atherosclerosis": (2.7, 1.4),
    "cardioembolism": (3.2, 1.4),
    "other determined": (2.4, 1.4),
    "undetermined": (2.5, 1.5),
}
"""Log-normal volumes of our choice. The whole cohort's median is 8.9 ml (seed 0), below the 14 ml of SOOP (Absher et
al., Sci Data 2024;11:839)."""

LARGEST_ML = {
    "basilar": 8.0,
    "thalamoperforating": 10.0,
    "anterior choroidal": 8.0,
    "medial lenticulostriate": 10.0,
    "lateral lenticulostriate": 35.0,
    "superior cerebellar": 35.0,
    "inferior cerebellar": 45.0,
    "temporal PCA": 50.0,
    "occipital PCA": 70.0,
    "anterior cerebral artery": 70.0,
}
"""Largest infarct that a territory can hold; those of the middle cerebral artery grow to 260 ml."""

MOTOR_PATH = ((36, -22, 58), (27, -20, 32), (24, -16, 14), (21, -14, 2), (14, -18, -14), (6, -24, -34))
"""The corticospinal tract, hand area to pons, as a line of MNI points (|x|, y, z)."""
LANGUAGE = ((-48, 18, 14), (-54, -40, 14))
NEGLECT = ((46, -42, 30), (40, 2, 4))
VISION = ((10, -84, 4),)


@dataclass(frozen=True)
class Lesion:
    """One infarct as planned.

    Args:
        territory, side: of its first focus.
        centre: MNI mm.
        volume_ml: of all foci together.
        satellites: MNI centres and volume shares of further small emboli.
    """

    territory: str
    side: str
    centre: tuple[float, float, float]
    volume_ml: float
    satellites: tuple[tuple[tuple[float, float, float], float], ...] = ()

    @property
    def radius_mm(self) -> float:
        """Radius of a sphere of this volume."""
        return float((3000 * self.volume_ml / (4 * np.pi)) ** (1 / 3))


def draw_lesion(toast: str, rng: np.random.Generator) -> Lesion:
    """An infarct that fits the cause of the stroke (a TOAST class of `LOG_VOLUME`)."""
    shares = LACUNAR if toast == "small-artery occlusion" else TERRITORIAL
    names = list(shares)
    territory = names[rng.choice(len(names), p=np.array(list(shares.values())) / sum(shares.values()))]
    side = "left" if rng.random() < 0.5 else "right"
    mean, sd = LOG_VOLUME[toast]
    largest = LARGEST_ML.get(territory, 260.0)
    volume = float(np.exp(mean + sd * rng.standard_normal()))
    # A soft ceiling, so that no volume piles up at the territory's limit.
    volume = max(0.3, largest * (1 - np.exp(-volume / largest)))
    centre = _point(territory, side, rng)
    satellites = []
    if toast == "cardioembolism" and rng.random() < 0.35:
        for _ in range(rng.integers(1, 4)):
            other = names[rng.integers(len(names))]
            where = side if rng.random() < 0.6 else ("left", "right")[int(rng.integers(2))]
            satellites.append((_point(other, where, rng), float(rng.uniform(0.03, 0.08))))
    return Lesion(territory, side, centre, float(volume), tuple(satellites))


def eloquence(lesion: Lesion) -> float:
    """How much function the place holds, about 0 (silent) to 2.5.

    Reaching the corticospinal tract counts most, then language on the left or spatial attention on the right,
    then vision; a brainstem infarct is graver than its size. Deep and brainstem infarcts thus have high scores
    for their volume, as Payabvash et al. found (see `dictionary.CITATIONS`); the numbers are our choice.
    """
    x, y, z = lesion.centre
    reach = 0.8 * lesion.radius_mm

    def near(points: Any, scale: float) -> float:
        distance = np.linalg.norm(np.asarray(points, dtype=float) - np.array([x, y, z]), axis=1).min()
        return float(np.exp(-max(0.0, distance - reach) / scale))

    score = near(_motor_line(lesion.side), 10.0)
    score += 0.9 * near(LANGUAGE, 14.0) + 0.6 * near(NEGLECT, 14.0)
    score += 0.3 * near([(-a if lesion.side == "left" else a, b, c) for a, b, c in VISION], 14.0)
    return score + (0.4 if lesion.territory == "basilar" else 0.0)


def _point(territory: str, side: str, rng: np.random.Generator) -> tuple[float, float, float]:
    points = _points(territory, side)
    jittered = points[rng.integers(len(points))] + rng.uniform(-1, 1, 3)
    return float(jittered[0]), float(jittered[1]), float(jittered[2])


@lru_cache(maxsize=64)
def _points(territory: str, side: str) -> NDArray[Any]:
    atlas: Anatomy = anatomy()
    return atlas.points(territory, side)


@lru_cache(maxsize=2)
def _motor_line(side: str) -> NDArray[Any]:
    corners = np.array(MOTOR_PATH, dtype=float)
    steps = np.linspace(0, len(corners) - 1, 40)
    line = np.stack([np.interp(steps, np.arange(len(corners)), corners[:, k]) for k in range(3)], axis=1)
    line[:, 0] *= -1 if side == "left" else 1
    return line
