"""What happens to a virtual patient: occlusion, treatment, growth of the infarct, complications, mRS at 90 days.

Shares and effects are ours, set so that the cohort's marginals lie near those of the registries in
`docs/virtual_cohort.md`. Nothing of this is a cause of the NIHSS on admission, but for the occlusion.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, ndtri

from strokebench.datasets.virtual.lesions import Lesion, eloquence

Floats = NDArray[np.floating[Any]]

UNIFORM = (
    "hours", "occlusion", "scan", "unscanned", "needle", "needle_hours", "groin", "groin_hours", "open", "growth",
    "haemorrhage", "oedema", "pneumonia", "mrs", "lost",
)  # fmt: skip
"""What is left to chance, one uniform number a patient each."""

LARGE = ("M2", "M1", "ICA")
"""Arteries of the front, the farther up the larger the infarct; the first is opened less often by a catheter."""
CUTS = (0.25, 1.05, 1.75, 2.4, 3.05, 3.4)
"""Latent severity from which the mRS at 90 days is 1, 2, ..., 6."""
LOST = 0.05
"""Share that is lost to follow-up, more of the mild ones."""


def hours_to_admission(latent: Floats) -> Floats:
    """Hours (n,) of standard normals (n,): log-normal about 5 h, flattened towards the seven days of inclusion."""
    hours = 5.0 * np.exp(1.2 * latent)
    return np.round(np.maximum(168 * (1 - np.exp(-hours / 168)), 0.3), 1)


def occluded_artery(lesions: Sequence[Lesion], lacunar: NDArray[np.bool_], u: Floats) -> NDArray[Any]:
    """The artery that is found occluded on admission, or `none` (n,), by the infarct's place and volume."""
    found = []
    for lesion, is_lacunar, chance in zip(lesions, lacunar, u, strict=True):
        size = np.log(lesion.volume_ml) - 3.0 + 1.3 * ndtri(chance)
        place = lesion.territory
        if is_lacunar:
            found.append("none")
        elif "MCA" in place or place == "lateral lenticulostriate":
            found.append(("none", *LARGE)[int(np.searchsorted((-0.2, 0.7, 2.0), size))])
        elif place == "anterior cerebral artery":
            found.append("ACA" if size > 0 else "none")
        elif "PCA" in place or place == "thalamoperforating":
            found.append("PCA" if size > 0 else "none")
        else:
            found.append("basilar" if size > 0.2 else "none")
    return np.array(found, dtype=object)


def follow(table: pd.DataFrame, lesions: Sequence[Lesion], collaterals: Floats, u: pd.DataFrame) -> pd.DataFrame:
    """Treatment, complications and outcome, one row a patient.

    Args:
        table: history, what was found on admission, and the NIHSS; no gaps.
        collaterals: tissue at risk (n,), standard normal, more is worse.
        u: uniform numbers, columns `UNIFORM`.
    """
    normal = pd.DataFrame(ndtri(u.to_numpy()), u.index, u.columns)
    score, age, hours = table["nihss"], table["age"], table["onset_to_admission"]
    site, occluded = table["occlusion_site"], table["occlusion_site"] != "none"
    volume = np.array([lesion.volume_ml for lesion in lesions])

    needle = hours + 0.65 * np.exp(0.35 * normal["needle_hours"])
    eligible = (needle <= 4.5) & (score >= 4)
    lysed = eligible & (u["needle"] < 0.8 - 0.35 * table["atrial_fibrillation"])
    groin = hours + 1.5 * np.exp(0.35 * normal["groin_hours"])
    reachable = site.isin((*LARGE, "basilar")) & (score >= 6) & (table["premorbid_mrs"] <= 3) & (groin <= 24)
    offered = np.where(groin <= 6, 0.8, 0.4) * np.where(site == "M2", 0.6, 1.0)
    treated = reachable & (u["groin"] < offered)
    opened = occluded & (u["open"] < np.select([treated, lysed & (site != "ICA"), lysed], [0.82, 0.33, 0.12], 0.12))

    at_risk = np.where(occluded & ~opened, 0.7, 0.12) * np.exp(0.5 * collaterals + 0.4 * normal["growth"])
    growth = np.round(np.minimum(volume * at_risk, 320 - volume), 1)
    final = volume + growth
    in_front = site.isin(LARGE)
    oedema = in_front & (u["oedema"] < expit((final - 190) / 25 - (age - 65) / 20))
    risk = -4.8 + 0.9 * lysed + 0.7 * treated + 0.4 * np.log(final / 20) + 0.12 * (table["glucose"] - 7)
    bled = u["haemorrhage"] < expit(risk)
    pneumonia = u["pneumonia"] < expit(-2.9 + 0.11 * (score - 10) + 0.04 * (age - 70) + 0.3 * table["premorbid_mrs"])

    deficit = score * np.where(opened, 0.035, 0.075)
    latent = (
        deficit
        + 0.22 * np.log1p(final)
        + 0.35 * np.array([eloquence(lesion) for lesion in lesions])
        + 0.032 * (age - 68)
        + 0.30 * table["premorbid_mrs"]
        + 0.20 * table["diabetes"]
        + 0.25 * table["heart_failure"]
        - 0.25 * lysed
        + 0.8 * pneumonia
        + 1.2 * bled
        + 1.3 * oedema
        + 0.85 * normal["mrs"]
    )
    grade = np.maximum(np.searchsorted(CUTS, latent, side="right"), table["premorbid_mrs"])
    is_lost = u["lost"] < LOST * np.exp(-0.35 * (latent - np.mean(CUTS)))
    return pd.DataFrame(
        {
            "thrombolysis": lysed.astype(float),
            "onset_to_needle": needle.round(1).where(lysed),
            "thrombectomy": treated.astype(float),
            "onset_to_groin": groin.round(1).where(treated),
            "recanalised": opened.astype(float).where(occluded),
            "infarct_growth": growth,
            "intracerebral_haemorrhage": bled.astype(float),
            "malignant_oedema": oedema.astype(float),
            "pneumonia": pneumonia.astype(float),
            "mrs90": pd.Series(grade, table.index).where(~is_lost | (grade == 6)),
        },
        index=table.index,
    )
