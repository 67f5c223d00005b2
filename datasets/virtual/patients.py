"""The virtual patients without their images: table, infarct as planned, NIHSS and true probability.

Order of causes: shared factors -> history -> cause of the stroke (TOAST) -> infarct -> severity -> vital signs
and laboratory values. The last follow the severity before its final noise, never the NIHSS itself, so that the true
probability stays the same whatever of the table one knows: no method can pass it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit, ndtr, ndtri

from strokebench.datasets.virtual.dictionary import FACTORS, TOAST, VARIABLES, Variable
from strokebench.datasets.virtual.lesions import Lesion, draw_lesion, eloquence
from strokebench.datasets.virtual.settings import PATIENTS, SITES, Site, Strengths
from strokebench.errors import StrokebenchError

_TABLE, _LESION, VOLUME, TEXT = range(4)
"""Random streams of a patient; a change in one leaves the others as they were."""

CENTRE, SCALE = 1.81, 1.0
"""Mean and standard deviation, at the default strengths, of what vital signs and laboratory values follow. They are
standardised by constants, since a patient may not depend on the others."""
TOTAL = 1.74
"""Standard deviation of causes and noise at the default strengths."""
THRESHOLD = 0.85
"""Sum of causes and noise below which the NIHSS is under 7, before a site's case mix shifts it."""

_AF_CARDIOEMBOLIC = 0.80
_CARDIOEMBOLIC = (0.245 - 0.226 * _AF_CARDIOEMBOLIC) / (1 - 0.226)
"""Cardioembolism with and without atrial fibrillation (our choice), 24.5 % together (ATM-2021)."""


@dataclass(frozen=True)
class VirtualPatients:
    """What the generator knows of each patient before any image is drawn.

    Args:
        table: inputs and `nihss`, index = patient id.
        site: site name of each.
        truth: true probability of NIHSS < 7 of each.
        lesions: infarct of each, in the order of the table.
        extra: `severity` (causes before the final noise), `age_factor`, `onset` (hours, never missing).
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
    `draw_positives`), then each patient's final noise given the side of the threshold. A site with
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
    gaps = pd.DataFrame([rng.random(len(VARIABLES)) for rng in rngs], columns=list(VARIABLES))
    history = {
        name: _column(variable, factors, own[name])
        for name, variable in VARIABLES.items()
        if "severity" not in variable.loads and variable.marginal[0] != "drawn"
    }
    toast = _toast(history, own["toast"], np.array([rng.random() for rng in rngs]))
    lesions = tuple(draw_lesion(cause, stream(seed, i, _LESION)) for i, cause in enumerate(toast))

    volume = strengths.volume * np.array([(np.log(lesion.volume_ml) - 2.1) / 1.6 for lesion in lesions])
    causes = volume + (
        strengths.eloquence * np.array([eloquence(lesion) for lesion in lesions])
        + strengths.age * factors["age"].to_numpy()
        + strengths.prior_stroke * history["prior_stroke"]
        + strengths.premorbid * history["premorbid_mrs"]
        + strengths.perfusion * factors["severity"].to_numpy()
    )
    truth, scores = np.empty(n), np.empty(n, dtype=np.int64)
    for k, (_, _, count) in enumerate(plan):
        here = of_site == k
        threshold = calibrate(causes[here], count)
        labels, truth[here] = draw_positives(ndtr(threshold - causes[here]), count, cohort)
        noise = draw_noise(threshold - causes[here], labels, cohort)
        scores[here] = nihss(causes[here] + noise - threshold, TOTAL)
        causes[here] += THRESHOLD - threshold
    factors["severity"] = (causes - (1 - strengths.systemic_volume) * volume - CENTRE) / SCALE

    table = pd.DataFrame(index=pd.RangeIndex(n))
    for name, variable in VARIABLES.items():
        if name == "toast":
            table[name] = toast
        else:
            table[name] = history[name] if name in history else _column(variable, factors, own[name], strengths)
    extra = pd.DataFrame(
        {
            "severity": causes,
            "age_factor": factors["age"],
            "onset": table["onset_to_admission"],
            "prior_stroke": table["prior_stroke"],
        }
    )
    sites = [plan[k][0] for k in of_site]
    table = _with_gaps(table, gaps, factors["severity"], np.array([site.lab_gaps for site in sites]))
    table["nihss"] = scores
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


def _column(
    variable: Variable, factors: pd.DataFrame, own: pd.Series, strengths: Strengths | None = None
) -> NDArray[Any]:
    """Values of one column from the shared factors and its own normals."""
    loads = dict(variable.loads)
    if "severity" in loads and strengths is not None:
        loads["severity"] *= strengths.systemic
    rest = np.sqrt(max(0.0, 1 - sum(load**2 for load in loads.values())))
    latent = rest * own.to_numpy() + sum(load * factors[name].to_numpy() for name, load in loads.items())
    match variable.marginal:
        case ("normal", mean, sd):
            values = mean + sd * latent
        case ("lognormal", median, sd):
            values = median * np.exp(sd * latent)
        case ("flag", prevalence):
            return (latent > ndtri(1 - prevalence)).astype(float)
        case ("ordinal", levels, probabilities):
            cuts = ndtri(np.cumsum(probabilities)[:-1])
            chosen = np.asarray(levels, dtype=object)[np.searchsorted(cuts, latent)]
            return chosen if isinstance(levels[0], str) else chosen.astype(float)
        case other:
            raise AssertionError(other)
    return np.round(np.clip(values, variable.column.low, variable.column.high), variable.decimals)


def _toast(history: dict[str, Any], own: pd.Series, u: NDArray[Any]) -> NDArray[Any]:
    """Cause of the stroke: the heart with atrial fibrillation, small arteries with hypertension and diabetes."""
    af = history["atrial_fibrillation"] > 0
    cardioembolic = u < np.where(af, _AF_CARDIOEMBOLIC, _CARDIOEMBOLIC + 0.2 * (history["heart_failure"] > 0))
    smoker = history["smoking"] == "current"
    weights = np.stack(
        [
            0.257 * np.exp(0.3 * smoker + 0.25 * history["dyslipidaemia"] - 0.15),
            0.296 * np.exp(0.35 * history["hypertension"] + 0.2 * history["diabetes"] - 0.28),
            0.020 * np.exp(-0.05 * (history["age"] - 68)),
            np.full(len(u), 0.182),
        ],
        axis=1,
    )
    edges = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
    others = np.array([TOAST[0], TOAST[2], TOAST[3], TOAST[4]], dtype=object)
    which = np.minimum((ndtr(own.to_numpy())[:, None] > edges).sum(axis=1), 3)
    return np.where(cardioembolic, TOAST[1], others[which])


def _with_gaps(table: pd.DataFrame, gaps: pd.DataFrame, severity: pd.Series, lab_gaps: NDArray[Any]) -> pd.DataFrame:
    """Missing values: at random, likelier where the stroke is grave, and likelier at some sites."""
    table = table.copy()
    for name, variable in VARIABLES.items():
        if not variable.missing:
            continue
        share = np.full(len(table), variable.missing)
        if variable.missing >= 0.05:
            share *= lab_gaps
        log_odds = logit(share) + variable.missing_severe * severity.to_numpy()
        table.loc[gaps[name].to_numpy() < expit(log_odds), name] = np.nan
    return table


Floats = NDArray[np.floating[Any]]

SPREAD = 1.08
"""Logits of NIHSS / 43 for one standard deviation of severity: gives a median near 10 and a 95th centile near 28
where 31.9 % are below 7 (our choice)."""


def calibrate(causes: Floats, count: int) -> float:
    """The threshold at which `causes` and standard normal noise are expected to give `count` positives.

    A patient is positive when causes (n,) + noise stay below the threshold.
    """
    low, high = float(causes.min()) - 12, float(causes.max()) + 12
    return float(brentq(lambda t: ndtr(t - causes).sum() - count, low, high))


def draw_positives(p: Floats, count: int, rng: np.random.Generator) -> tuple[NDArray[np.bool_], Floats]:
    """Positives drawn so that there are exactly `count`, and the exact probability of each under that condition.

    Independent Bernoulli draws with probabilities `p` are conditioned on their sum: patients are visited one
    after the other with the probability that the count still to come allows. Where `p` sums to `count`, as
    after `calibrate`, the condition moves a probability by an order of 1/n only; the returned ones are exact,
    sum to `count`, and are what `truth.csv` keeps.

    Args:
        p: (n,) unconditional probabilities.
        count: 0 to n.

    Returns:
        (n,) labels and (n,) probabilities.
    """
    n = len(p)
    # rest[i, c]: probability that patients i, i+1, ... hold c positives.
    rest = np.zeros((n + 1, count + 1))
    rest[n, 0] = 1
    for i in range(n - 1, -1, -1):
        rest[i] = (1 - p[i]) * rest[i + 1]
        rest[i, 1:] += p[i] * rest[i + 1, :-1]
    labels = np.zeros(n, dtype=bool)
    left = count
    for i in range(n):
        if left and rng.random() * rest[i, left] < p[i] * rest[i + 1, left - 1]:
            labels[i], left = True, left - 1
    return labels, _given_count(p, count)


def _given_count(p: Floats, count: int) -> Floats:
    """P(patient i is positive | the sum is count), each from the distribution of the others' sum."""
    if count == 0:
        return np.zeros(len(p))
    others = np.zeros((len(p), count + 1))
    others[:, 0] = 1
    for j, q in enumerate(p):
        step = (1 - q) * others
        step[:, 1:] += q * others[:, :-1]
        step[j] = others[j]
        others = step
    yes, no = p * others[:, count - 1], (1 - p) * others[:, count]
    return yes / (yes + no)


def draw_noise(distance: Floats, positive: NDArray[np.bool_], rng: np.random.Generator) -> Floats:
    """Standard normal noise, given on which side of the threshold it lands.

    Args:
        distance: (n,) threshold minus causes; positive means noise below it.
    """
    u = rng.uniform(1e-9, 1, len(distance))
    return np.where(positive, ndtri(u * ndtr(distance)), -ndtri(u * ndtr(-distance)))


def nihss(excess: Floats, spread: float) -> NDArray[np.int64]:
    """Integer NIHSS, 0 to 42, from severity beyond the threshold; below it is always under 7, above never.

    Args:
        excess: (n,) causes + noise - threshold.
        spread: standard deviation of causes + noise in the whole cohort.
    """
    score = np.floor(43 * expit(logit(7 / 43) + SPREAD * excess / spread))
    score = np.where(excess < 0, np.minimum(score, 6), np.maximum(score, 7))
    return np.minimum(score, 42).astype(np.int64)
