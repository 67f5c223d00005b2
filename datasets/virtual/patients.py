"""The virtual patients without their images: table, infarct as planned, severity, course and true probability.

Order of causes: shared factors -> history -> cause of the stroke (TOAST) -> infarct and occluded artery -> severity ->
vital signs and laboratory values -> NIHSS -> Glasgow Coma Scale -> treatment and course -> mRS at 90 days. Vital signs
and laboratory values follow the severity before its final noise, never the NIHSS itself; the coma scale, of the same
hour, does, and the true probability knows it. So no method can pass that probability, whatever of the table it reads.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtr, ndtri

from strokebench.datasets.virtual import severity
from strokebench.datasets.virtual.course import UNIFORM, follow, hours_to_admission, occluded_artery
from strokebench.datasets.virtual.dictionary import COLUMNS, FACTORS, LACUNE, PANELS, TOAST, VARIABLES, Variable
from strokebench.datasets.virtual.lesions import Lesion, draw_lesion, eloquence
from strokebench.datasets.virtual.settings import PATIENTS, SITES, Site, Strengths
from strokebench.errors import StrokebenchError

_TABLE, _LESION, VOLUME, TEXT, _COURSE, SEQUENCE = range(6)
"""Random streams of a patient; a change in one leaves the others as they were."""

CENTRE, SCALE = 1.76, 0.93
"""Mean and standard deviation, at the default strengths, of what vital signs and laboratory values follow. They are
standardised by constants, since a patient may not depend on the others."""
THRESHOLD = 0.85
"""Sum of causes and noise below which the NIHSS is under 7, before a site's case mix shifts it."""
_LACUNAR_NOISE = 0.5
"""Standard deviation of the final noise of a lacune: what a small artery feeds cannot make a grave stroke."""

_AF_CARDIOEMBOLIC, _CARDIOEMBOLIC = 0.80, 0.15
"""Cardioembolism with and without atrial fibrillation (our choice)."""
_UNSCANNED = 0.04
"""Share of patients without an MRI: a pacemaker, or too ill (our choice)."""


@dataclass(frozen=True)
class VirtualPatients:
    """What the generator knows of each patient before any image is drawn.

    Args:
        table: `dictionary.COLUMNS`, index = patient id.
        site: site name of each.
        truth: true probability of NIHSS < 7 of each.
        lesions: infarct of each, in the order of the table.
        extra: `severity` (causes before the final noise), `age_factor`, `prior_stroke` and `onset` (hours from onset to
            the MRI, never missing), `scanned` (0 without an MRI).
    """

    table: pd.DataFrame
    site: pd.Series
    truth: pd.Series
    lesions: tuple[Lesion, ...]
    extra: pd.DataFrame


def stream(seed: int, patient: int, which: int) -> np.random.Generator:
    """A patient's own random numbers, the same whoever else is drawn and in whatever order."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(patient, which)))


def shares(n: int) -> list[tuple[Site, int, int]]:
    """Each site's patients and positives for a cohort of n, in the proportions of the full one.

    Raises:
        StrokebenchError: n below 12, where a site could be empty.
    """
    if n < 12:
        raise StrokebenchError(f"A virtual cohort of {n} patients is too small.", "Ask for 12 or more.")
    sizes = _largest_remainder([site.patients * n / PATIENTS for site in SITES], n)
    total = round(n * sum(site.positives for site in SITES) / PATIENTS)
    rates = [site.positives / site.patients for site in SITES]
    wanted = [size * rate for size, rate in zip(sizes, rates, strict=True)]
    positives = _largest_remainder([w * total / sum(wanted) for w in wanted], total)
    return list(zip(SITES, sizes, positives, strict=True))


def draw_patients(seed: int = 0, n: int = PATIENTS, strengths: Strengths | None = None) -> VirtualPatients:
    """Table, truth and infarcts of a cohort.

    Each site has its exact number of patients and of positives: the site's threshold is calibrated until the
    true probabilities sum to the number of positives, then the positives are drawn given that number (see
    `severity.draw_positives`), then each patient's final noise given the side of the threshold. A site with
    fewer positives is one with graver strokes: its shift enters the causes, so vital signs and laboratory
    values show it.
    """
    strengths = strengths or Strengths()
    plan = shares(n)
    cohort = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2**32 - 1,)))
    of_site = cohort.permutation(np.repeat(np.arange(len(plan)), [size for _, size, _ in plan]))

    rngs = [stream(seed, i, _TABLE) for i in range(n)]
    factors = pd.DataFrame([rng.standard_normal(len(FACTORS)) for rng in rngs], columns=list(FACTORS))
    own = pd.DataFrame([rng.standard_normal(len(VARIABLES)) for rng in rngs], columns=list(VARIABLES))
    gaps = pd.DataFrame([rng.random(len(VARIABLES) + len(PANELS)) for rng in rngs], columns=[*VARIABLES, *PANELS])
    cause = np.array([rng.random(2) for rng in rngs])
    u = pd.DataFrame([stream(seed, i, _COURSE).random(len(UNIFORM)) for i in range(n)], columns=list(UNIFORM))
    table = pd.DataFrame(index=pd.RangeIndex(n))
    for name, variable in VARIABLES.items():
        if "severity" not in variable.loads and variable.marginal[0] != "drawn":
            table[name] = _column(variable, factors, own[name], table)
    table["toast"] = _toast(table, *cause.T)
    lesions = tuple(draw_lesion(toast, stream(seed, i, _LESION)) for i, toast in enumerate(table["toast"]))
    lacunar = (table["toast"] == LACUNE).to_numpy()
    table["occlusion_site"] = occluded_artery(lesions, lacunar, u["occlusion"].to_numpy())

    collaterals = factors["severity"].to_numpy()
    volume = strengths.volume * np.array([(np.log(lesion.volume_ml) - 2.1) / 1.6 for lesion in lesions])
    causes = volume + (
        strengths.eloquence * np.array([eloquence(lesion) for lesion in lesions])
        + strengths.age * factors["age"].to_numpy()
        + strengths.prior_stroke * table["prior_stroke"].to_numpy()
        + strengths.premorbid * table["premorbid_mrs"].to_numpy()
        + strengths.perfusion * np.where(lacunar, 0.0, collaterals)
        + strengths.occlusion * (table["occlusion_site"] != "none").to_numpy()
    )
    noise = np.where(lacunar, _LACUNAR_NOISE, 1.0)
    chance = own["gcs"].to_numpy()
    truth = np.empty(n)
    table["nihss"] = table["gcs"] = 0
    for k, (_, _, count) in enumerate(plan):
        here = of_site == k
        threshold = severity.calibrate(causes[here], count, noise[here])
        distance = threshold - causes[here]
        labels = severity.draw_positives(ndtr(distance / noise[here]), count, cohort)
        scores = severity.nihss(noise[here] * severity.draw_noise(distance / noise[here], labels, cohort) - distance)
        gcs = severity.draw_gcs(scores, ndtr(chance[here]))
        known = severity.given_gcs(severity.nihss_probabilities(distance, noise[here]), gcs)
        truth[here] = severity.given_count(known, count)
        table.loc[here, "nihss"], table.loc[here, "gcs"] = scores, gcs
        causes[here] += THRESHOLD - threshold
    factors["severity"] = (causes - (1 - strengths.systemic_volume) * volume - CENTRE) / SCALE

    table["onset_to_admission"] = hours_to_admission(
        _latent(VARIABLES["onset_to_admission"], factors, own["onset_to_admission"], strengths)
    )
    for name, variable in VARIABLES.items():
        if name not in table and name != "diastolic_pressure":
            table[name] = _column(variable, factors, own[name], table, strengths)
    # The pulse pressure is a share of the systolic, larger in the old: so it is never absurdly small.
    share = 0.43 * np.exp(0.13 * _latent(VARIABLES["diastolic_pressure"], factors, own["diastolic_pressure"]))
    table["diastolic_pressure"] = np.clip(np.round(table["systolic_pressure"] * (1 - share)), 30, 160)
    onset = np.round(table["onset_to_admission"] + 3.0 * np.exp(1.0 * ndtri(u["scan"])), 1)
    scanned = u["unscanned"] > expit(logit(_UNSCANNED) + 0.4 * factors["severity"])
    table["onset_to_mri"] = onset.where(scanned)
    table = table.join(follow(table, lesions, collaterals, u))
    extra = pd.DataFrame(
        {
            "severity": causes,
            "age_factor": factors["age"],
            "onset": onset,
            "prior_stroke": table["prior_stroke"],
            "scanned": scanned.astype(float),
        }
    )
    sites = [plan[k][0] for k in of_site]
    table = _with_gaps(table[[*COLUMNS]], gaps, factors["severity"], np.array([site.lab_gaps for site in sites]))
    ids = pd.Index([f"V{i + 1:0{max(4, len(str(n)))}d}" for i in range(n)], name="patient_id")
    return VirtualPatients(
        table.set_index(ids),
        pd.Series([site.name for site in sites], index=ids, name="site"),
        pd.Series(truth, index=ids, name="truth"),
        lesions,
        extra.set_index(ids),
    )


def _largest_remainder(wanted: list[float], total: int) -> list[int]:
    floors = [int(w) for w in wanted]
    order = sorted(range(len(wanted)), key=lambda i: floors[i] - wanted[i])
    for i in order[: total - sum(floors)]:
        floors[i] += 1
    return floors


def _latent(
    variable: Variable, factors: pd.DataFrame, own: pd.Series, strengths: Strengths | None = None
) -> NDArray[Any]:
    """Standard normals (n,) from the shared factors and the column's own ones."""
    loads = dict(variable.loads)
    if "severity" in loads and strengths is not None:
        loads["severity"] *= strengths.systemic
    rest = np.sqrt(max(0.0, 1 - sum(load**2 for load in loads.values())))
    return rest * own.to_numpy() + sum(load * factors[name].to_numpy() for name, load in loads.items())


def _column(
    variable: Variable,
    factors: pd.DataFrame,
    own: pd.Series,
    table: pd.DataFrame,
    strengths: Strengths | None = None,
) -> NDArray[Any]:
    """Values (n,) of one column; `table` holds those that it may depend on."""
    latent = _latent(variable, factors, own, strengths)
    if variable.marginal[0] == "by":
        _, flag, without, having = variable.marginal
        values = np.where(table[flag] > 0, _values(having, latent), _values(without, latent))
    else:
        values = _values(variable.marginal, latent)
    if variable.marginal[0] in ("flag", "ordinal"):
        return values
    return np.round(np.clip(values, variable.column.low, variable.column.high), variable.decimals)


def _values(marginal: tuple, latent: NDArray[Any]) -> NDArray[Any]:
    match marginal:
        case ("normal", mean, sd):
            return mean + sd * latent
        case ("lognormal", median, sd):
            return median * np.exp(sd * latent)
        case ("flag", prevalence):
            return (latent > ndtri(1 - prevalence)).astype(float)
        case ("ordinal", levels, probabilities):
            cuts = ndtri(np.cumsum(probabilities)[:-1])
            chosen = np.asarray(levels, dtype=object)[np.searchsorted(cuts, latent)]
            return chosen if isinstance(levels[0], str) else chosen.astype(float)
        case other:
            raise AssertionError(other)


def _toast(history: pd.DataFrame, u: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """Cause of the stroke (n,): the heart with atrial fibrillation, small arteries with hypertension and diabetes.

    Lacunes are rarer than in an unselected registry, as in any cohort whose median NIHSS is near 10.

    Args:
        u, other: uniform numbers (n,), for the heart or not, and for which of the others.
    """
    af = history["atrial_fibrillation"] > 0
    cardioembolic = u < np.where(af, _AF_CARDIOEMBOLIC, _CARDIOEMBOLIC + 0.2 * (history["heart_failure"] > 0))
    smoker = history["smoking"] == "current"
    weights = np.stack(
        [
            0.33 * np.exp(0.3 * smoker + 0.25 * history["dyslipidaemia"] - 0.15),
            0.20 * np.exp(0.35 * history["hypertension"] + 0.2 * history["diabetes"] - 0.28),
            0.03 * np.exp(-0.05 * (history["age"] - 68)),
            np.full(len(u), 0.20),
        ],
        axis=1,
    )
    edges = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
    others = np.array([TOAST[0], LACUNE, TOAST[3], TOAST[4]], dtype=object)
    which = np.minimum((other[:, None] > edges).sum(axis=1), 3)
    return np.where(cardioembolic, TOAST[1], others[which])


def _with_gaps(table: pd.DataFrame, gaps: pd.DataFrame, severe: pd.Series, lab_gaps: NDArray[Any]) -> pd.DataFrame:
    """Missing values: single ones, and whole panels of a laboratory, likelier in grave strokes and at some sites."""
    table = table.copy()
    panels = {
        name: gaps[name] < expit(logit(np.minimum(share * lab_gaps, 0.5)) + steep * severe)
        for name, (share, steep) in PANELS.items()
    }
    for name, variable in VARIABLES.items():
        if variable.missing:
            missing = gaps[name] < expit(logit(variable.missing) + variable.missing_severe * severe)
            table.loc[missing | panels.get(variable.panel, False), name] = np.nan
    return table
