"""Diagnostic text from a measured lesion: a stand-in for a vision language model, with its mistakes.

A cohort whose text was written by a real model does not need this. Where no model may be called, text
measured from the lesion keeps the shape of the problem: it is a function of the image, worded in many ways,
partly wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strokebench.datasets.images.lesion import ASPECTS_REGIONS, POSTERIOR_FOSSA, REGION_THRESHOLD, LesionFindings
from strokebench.datasets.texts import wording
from strokebench.datasets.texts.prompts import PROMPTS

VERSION = 1
"""Raised whenever the wording or a rule changes, so that cached text is written again."""

MASS_EFFECTS = ("none", "mild", "marked")
MOST_PLACES = 4
"""No answer lists more places than this, as a report would not."""
SMALLEST_SHARE = 0.02
"""A territory damaged less than this is not mentioned, unless it is the only one."""


@dataclass(frozen=True)
class TextErrors:
    """How often, and by how much, the writer errs. All values are our choice.

    Args:
        volume_noise: standard deviation of the logarithm of the stated volume.
        coarse_rounding: probability that the volume is rounded to 5, 10 or 50 ml.
        aspects_off_by_one: probability that ASPECTS is one too high or too low.
        wrong_side: probability that an answer mistakes left for right.
        missed_territory: probability that a damaged territory is not mentioned.
        wrong_mass_effect: probability that the mass effect is graded one step off.
        hedge: probability of a sentence of doubt.
        invention: probability of a sentence that the image cannot support.
        nihss_noise: standard deviation of the guessed NIHSS, points.
    """

    volume_noise: float = 0.25
    coarse_rounding: float = 0.6
    aspects_off_by_one: float = 0.3
    wrong_side: float = 0.04
    missed_territory: float = 0.12
    wrong_mass_effect: float = 0.08
    hedge: float = 0.25
    invention: float = 0.12
    nihss_noise: float = 3.0


def write_answers(
    findings: LesionFindings, rng: np.random.Generator, errors: TextErrors | None = None
) -> dict[str, str]:
    """One answer a prompt, one to four sentences each.

    The NIHSS in `nihss_range` is guessed from the volume and place of the lesion (`guess_nihss`); the
    patient's own NIHSS is not known here.

    Args:
        findings: what `strokebench.datasets.images.lesion.measure_lesion` found.
        rng: decides wording and mistakes; the same state gives the same text.
        errors: which mistakes; default `TextErrors()`.
    """
    errors = TextErrors() if errors is None else errors
    writers = {
        "infarct_volume": _infarct_volume,
        "aspects": _aspects,
        "lesion_areas": _lesion_areas,
        "mass_effect": _mass_effect,
        "nihss_range": _nihss_range,
    }
    answers = {}
    for prompt in PROMPTS:
        wrong_side = rng.random() < errors.wrong_side
        if findings.volume_ml > 0:
            sentences = writers[prompt](findings, rng, errors, wrong_side)
        else:
            sentences = [wording.NO_LESION[prompt]]
        if rng.random() < errors.hedge:
            sentences.append(_pick(rng, wording.HEDGES))
        if rng.random() < errors.invention:
            invented = _pick(rng, wording.INVENTIONS).format(
                age=rng.integers(38, 90), sex=_pick(rng, ("man", "woman")), rankin=rng.integers(1, 6)
            )
            sentences.insert(int(rng.integers(len(sentences) + 1)), invented)
        answers[prompt] = " ".join(sentences)
    return answers


def write_measured(findings: LesionFindings, territories: bool) -> str:
    """What was measured of a lesion, in sentences that leave nothing to chance and make no mistake.

    Args:
        territories: were looked at, so that they and ASPECTS are said too.
    """
    if not findings.volume_ml:
        return "No lesion."
    foci = "one focus" if findings.n_components == 1 else f"{findings.n_components} foci"
    volume = _millilitres(findings.volume_ml, coarse=False)
    sentences = [f"The lesion measures {volume} and lies in {_hemisphere(findings.side, False)}, in {foci}."]
    if territories:
        damaged = [item for item in findings.territories.items() if item[1] >= SMALLEST_SHARE]
        places = []
        for (name, side), share in (damaged or [*findings.territories.items()][:1])[:MOST_PLACES]:
            extent = next(words for least, words in wording.EXTENTS if share >= least)[0]
            places.append(f"{extent} {side} {wording.PLACES[name][0]}")
        sentences.append(f"It involves {_listed(places)}." if places else wording.AREAS_NONE[0])
        sentences.append(wording.ASPECTS_NONE[1] if findings.aspects is None else f"ASPECTS is {findings.aspects}.")
    return " ".join(sentences)


def guess_nihss(findings: LesionFindings) -> float:
    """NIHSS guessed from a lesion, 0 to 42: six points a tenfold volume, and the eloquence of its place.

    Our rule, not fitted to any cohort: +3 for the left frontal, temporal or insular MCA (language), +2 for
    the lateral lenticulostriate (motor tract), +3 for the basilar territory, -2 for a lesion whose most
    damaged territory is in the cerebellum or the occipital lobe.
    """
    share = findings.territories
    score = 6 * np.log10(1 + findings.volume_ml)
    if any(share.get((name, "left"), 0) >= 0.1 for name in ("frontal MCA", "temporal MCA", "insular MCA")):
        score += 3
    if any(share.get(("lateral lenticulostriate", side), 0) >= 0.2 for side in ("left", "right")):
        score += 2
    if any(share.get(("basilar", side), 0) >= 0.05 for side in ("left", "right")):
        score += 3
    worst = next(iter(share), ("", ""))[0]
    if worst == "occipital PCA" or worst in POSTERIOR_FOSSA - {"basilar"}:
        score -= 2
    return float(np.clip(score, 0, 42))


def _infarct_volume(f: LesionFindings, rng: np.random.Generator, e: TextErrors, flip: bool) -> list[str]:
    stated = f.volume_ml * float(np.exp(rng.normal(0, e.volume_noise)))
    size = next(word for least, word in wording.SIZES if stated >= least)
    volume = _millilitres(stated, coarse=rng.random() < e.coarse_rounding)
    second = (
        _pick(rng, wording.COMPONENTS).format(n=f.n_components)
        if 2 <= f.n_components <= 12 and rng.random() < 0.3
        else _pick(rng, wording.VOLUME_SIDE).format(size=size, side=_hemisphere(f.side, flip))
    )
    return [_pick(rng, wording.VOLUME).format(volume=volume), second]


def _aspects(f: LesionFindings, rng: np.random.Generator, e: TextErrors, flip: bool) -> list[str]:
    if f.aspects is None:
        return [_pick(rng, wording.ASPECTS_NONE)]
    score = f.aspects
    if rng.random() < e.aspects_off_by_one:
        score = int(np.clip(score + rng.choice((-1, 1)), 0, 10))
    scored = {key: share for key, share in f.territories.items() if key[0] in ASPECTS_REGIONS}
    # The score is of one hemisphere; territories come with the most damaged first.
    worse = next((side for _, side in scored), f.side)
    lost = [
        name
        for (name, side), share in scored.items()
        if side == worse and share >= REGION_THRESHOLD / ASPECTS_REGIONS[name]
    ]
    places = [_pick(rng, wording.PLACES[name]) for name in lost[:MOST_PLACES]]
    regions = _pick(rng, wording.ASPECTS_LOST).format(places=_listed(places)) if places else ""
    return [
        _pick(rng, wording.ASPECTS).format(score=score, side=_hemisphere(worse, flip)),
        regions or _pick(rng, wording.ASPECTS_FULL),
    ]


def _lesion_areas(f: LesionFindings, rng: np.random.Generator, e: TextErrors, flip: bool) -> list[str]:
    damaged = [item for item in f.territories.items() if item[1] >= SMALLEST_SHARE]
    damaged = damaged or list(f.territories.items())[:1]
    seen = [item for item in damaged if rng.random() >= e.missed_territory] or damaged[:1]
    side = _pick(rng, wording.AREAS_SIDE).format(side=_hemisphere(f.side, flip))
    if not seen:
        return [_pick(rng, wording.AREAS_NONE), side]
    places = []
    for (name, of_side), share in seen[:MOST_PLACES]:
        extent = _pick(rng, next(words for least, words in wording.EXTENTS if share >= least))
        place = _pick(rng, wording.PLACES.get(name, (f"{name} territory",)))
        places.append(f"{extent} {_swapped(of_side, flip)} {place}")
    return [_pick(rng, wording.AREAS).format(places=_listed(places)), side]


def _mass_effect(f: LesionFindings, rng: np.random.Generator, e: TextErrors, flip: bool) -> list[str]:
    grade = MASS_EFFECTS.index(f.mass_effect)
    if rng.random() < e.wrong_mass_effect:
        grade = int(np.clip(grade + rng.choice((-1, 1)), 0, 2))
    stated = MASS_EFFECTS[grade]
    first = _pick(rng, wording.MASS_EFFECT[stated]).format(side=_hemisphere(f.side, flip))
    return [first, _pick(rng, wording.MASS_EFFECT_MIDLINE[stated])]


def _nihss_range(f: LesionFindings, rng: np.random.Generator, e: TextErrors, flip: bool) -> list[str]:
    guess = float(np.clip(guess_nihss(f) + rng.normal(0, e.nihss_noise), 0, 40))
    low, high = max(0, round(guess) - 2), min(42, round(guess) + 2)
    severity = next(word for least, word in wording.SEVERITIES if round(guess) >= least)
    article = "" if severity.startswith("no ") else "a "
    sentence = _pick(rng, wording.NIHSS_SEVERITY).format(
        article=article.strip(), Article=article.strip().capitalize(), severity=severity
    )
    sentence = " ".join(sentence.split())
    return [_pick(rng, wording.NIHSS).format(low=low, high=high), sentence[0].upper() + sentence[1:]]


def _millilitres(volume: float, coarse: bool) -> str:
    if volume < 0.1:
        return "less than 0.1 ml"
    if not coarse:
        return f"{volume:.1f} ml"
    step = 1 if volume < 5 else 5 if volume < 50 else 10 if volume < 100 else 50
    return f"{max(step, round(volume / step) * step)} ml"


def _hemisphere(side: str, flip: bool) -> str:
    return "both hemispheres" if side == "both" else f"the {_swapped(side, flip)} hemisphere"


def _swapped(side: str, flip: bool) -> str:
    return {"left": "right", "right": "left"}[side] if flip else side


def _listed(places: Sequence[str]) -> str:
    return places[0] if len(places) == 1 else f"{', '.join(places[:-1])} and {places[-1]}"


def _pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]
