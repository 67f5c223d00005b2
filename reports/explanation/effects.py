"""What of a patient moves a prediction by how much, and whether the fits of an ensemble agree on it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np

AGREEING = 0.8
"""Share of fits whose effect must have the sign of the whole for it to repeat (our choice)."""
UNTOLD = "cannot be told"
"""Whether a model has seen a patient of whom it has nothing to go by: it kept no marks, or reads too little of them."""


class Unit(StrEnum):
    """What effects are counted in."""

    PROBABILITY = "probability"
    LOG_ODDS = "log odds"
    GRADES = "grades"

    @property
    def negligible(self) -> float:
        """Effects below it are not worth a word (our choice): half a point of a percentage, 5 % of the odds."""
        return {Unit.PROBABILITY: 0.005, Unit.LOG_ODDS: 0.05, Unit.GRADES: 0.02}[self]

    def show(self, effect: float) -> str:
        """`+4.2 points`, `odds × 1.52` or `-0.30 grades`."""
        if self is Unit.PROBABILITY:
            return f"{100 * effect:+.1f} points"
        return f"odds × {np.exp(effect):.2f}" if self is Unit.LOG_ODDS else f"{effect:+.2f} grades"

    def level(self, value: float) -> str:
        """A prediction itself: `34.2 %`, on one line, or a mean grade."""
        return f"{100 * value:.1f}\u00a0%" if self is Unit.PROBABILITY else f"{value:.2f}"


@dataclass(frozen=True)
class Effect:
    """How far one thing moves the prediction.

    Args:
        name: the column, modality, place or sentence.
        effect: of the whole model. members: of each of its fits.
        value: what the patient has. usual: what the model's patients have.
        group: the text that a sentence stands in.
    """

    name: str
    effect: float
    members: tuple[float, ...]
    value: str = ""
    usual: str = ""
    group: str = ""

    @property
    def spread(self) -> float | None:
        """Standard deviation over fits; None of one fit."""
        return float(np.std(self.members, ddof=1)) if len(self.members) > 1 else None

    @property
    def agreeing(self) -> int:
        """Fits whose effect has the sign of the whole."""
        return int((np.sign(self.members) == np.sign(self.effect)).sum())

    def repeats(self, unit: Unit) -> bool | None:
        """Whether the fits agree: `AGREEING` of them in sign, and a spread below the effect (our rule).

        None where that cannot be said: of one fit, or of effects that are all negligible.
        """
        if self.spread is None or max(map(abs, (self.effect, *self.members))) < unit.negligible:
            return None
        return self.agreeing >= AGREEING * len(self.members) and self.spread <= abs(self.effect)

    def stability(self, unit: Unit) -> str:
        """In words."""
        if self.spread is None:
            return "stability unknown"
        if (repeats := self.repeats(unit)) is None:
            return "next to nothing in every fit"
        fits = f"{self.agreeing} of {len(self.members)} fits agree in sign"
        spread = {Unit.PROBABILITY: f"{100 * self.spread:.1f} points", Unit.LOG_ODDS: f"{self.spread:.2f} log odds"}
        facts = f"{fits}, SD {spread.get(unit, f'{self.spread:.2f} grades')}"
        return f"repeats: {facts}" if repeats else f"does not repeat: {facts}"


@dataclass(frozen=True)
class Breakdown:
    """One way to take the prediction apart.

    Args:
        name: `modalities`, `table`, `image` or `text`.
        effects: in reading order; none where `missing` says why.
        how: how it was computed, what is exact and what is approximated.
        reference: the prediction that the effects are added to, where they add up.
        pictures: of the image as its encoder gets it, PNG, front up and the patient's right on the left.
    """

    name: str
    title: str
    unit: Unit
    how: str = ""
    effects: tuple[Effect, ...] = ()
    reference: float | None = None
    missing: str = ""
    pictures: tuple[bytes, ...] = ()

    @property
    def largest(self) -> float:
        """The largest effect of the model or any fit, for the length of bars; never 0."""
        return max((abs(one) for each in self.effects for one in (each.effect, *each.members)), default=0) or 1.0

    @property
    def stability(self) -> str:
        """A sentence on what repeats over the fits."""
        if not self.effects:
            return ""
        n = len(self.effects[0].members)
        if n == 1:
            return (
                "The model is a single fit, so it is unknown whether any of this repeats: fit it with several seeds"
                " to find out."
            )
        told = [each for each in self.effects if each.repeats(self.unit) is not None]
        if not told:
            return f"Nothing here moves the prediction by a notable amount in any of the {n} fits."
        failing = sum(not each.repeats(self.unit) for each in told)
        which = {
            0: f"All {len(told)} notable effects repeat" if len(told) > 1 else "The one notable effect repeats",
            len(told): f"None of the {len(told)} notable effects repeats",
        }.get(failing, f"{failing} of {len(told)} notable effects {'do' if failing > 1 else 'does'} not repeat")
        if len(told) == failing == 1:
            which = "The one notable effect does not repeat"
        return f"{which} over the {n} fits."


@dataclass(frozen=True)
class Explanation:
    """Why a model says what it says of one patient.

    Args:
        model: what the method is called. made_of: its patients, in words.
        outcome: what is predicted. predicts: what the number is.
        prediction: of the whole model. members: of each of its fits.
        unit: of the prediction.
        seen: by what the patient was recognised as one of the model's own; empty where not, or `UNTOLD`.
    """

    patient: str
    cohort: str
    synthetic: bool
    model: str
    made_of: str
    outcome: str
    predicts: str
    prediction: float
    members: tuple[float, ...]
    unit: Unit
    seen: str
    parts: tuple[Breakdown, ...]

    def __getitem__(self, name: str) -> Breakdown:
        """The part of this name.

        Raises:
            KeyError: the model reads no such thing.
        """
        return {part.name: part for part in self.parts}[name]

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold: all but the pictures, and of each effect its spread and whether it repeats."""
        return {**asdict(self), "parts": [_plain(part) for part in self.parts]}


def _plain(part: Breakdown) -> dict[str, Any]:
    def effects() -> Iterator[dict[str, Any]]:
        for each in part.effects:
            yield {**asdict(each), "spread": each.spread, "repeats": each.repeats(part.unit)}

    told = {name: value for name, value in asdict(part).items() if name != "pictures"}
    return {**told, "effects": list(effects()), "stability": part.stability}
