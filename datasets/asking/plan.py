"""What is still to be asked of a language model about a cohort, and about what that will cost."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pandas as pd

from strokebench.datasets.asking.answers import Answer, AnswerStore, Question
from strokebench.datasets.asking.protocol import PAPER_SAMPLING, Sampling
from strokebench.datasets.asking.report import is_usable
from strokebench.datasets.cohort import Cohort
from strokebench.datasets.images.reading import PLAIN, Reading
from strokebench.datasets.images.slices import DEFAULT_SLICES, SliceSettings
from strokebench.datasets.texts.prompts import INSTRUCTIONS, PROMPTS, QUESTIONS, VERSION
from strokebench.errors import StrokebenchError

PATCH = 28
"""Width in pixels of the square that the Qwen-VL family reads as one token."""
SECONDS = 6.0
"""Assumed time of an answer, where no earlier one tells."""
CHARACTERS = 4.0
"""Assumed characters of English a token."""


@dataclass(frozen=True)
class TextPlan:
    """Questions about a cohort.

    Args:
        volumes: image file of each patient that has one.
        without_image: patients that nothing can be asked about.
        slices: which pictures of each volume.
        model: whose answers.
        sampling: how they are drawn.
        questions: all of them, patient by patient.
        missing: those without an answer in the store.
        known: answers of the same model and settings about the same pictures in the store.
        seen: answers that the store held when the plan was made.
        reading: how the volumes are to be read.
    """

    volumes: dict[str, Path]
    without_image: tuple[str, ...]
    slices: SliceSettings
    model: str
    sampling: Sampling
    questions: tuple[Question, ...]
    missing: tuple[Question, ...]
    known: tuple[Answer, ...]
    seen: int
    reading: Reading = PLAIN


def make_plan(
    cohort: Cohort,
    store: AnswerStore,
    model: str,
    sampling: Sampling = PAPER_SAMPLING,
    slices: SliceSettings = DEFAULT_SLICES,
    answers: int = 1,
    prompts: Sequence[str] = PROMPTS,
    ask_again: bool = False,
    on_volume: Callable[[int, int], None] = lambda done, of: None,
) -> TextPlan:
    """Find out what is still to be asked. Reads every image file once, to know it by its content.

    Args:
        answers: answers a prompt.
        ask_again: an answer of which nothing can be used (empty, refused, ...) counts as missing.
        on_volume: called after each file (files read, of how many).

    Raises:
        StrokebenchError: no cohort images, no model name, or no number of answers.
    """
    images = None if cohort.images is None else cohort.images.iloc[:, 0]
    if images is None or images.isna().all():
        raise StrokebenchError(f"{cohort.title} has no images to ask about.", "Give the cohort's images first.")
    if not model.strip():
        raise StrokebenchError("No model is named.", "Give --model, e.g. qwen-vl-max.")
    if not 1 <= answers <= 20:
        raise StrokebenchError(f"{answers} answers a prompt.", "Choose 1 to 20.")
    volumes = {str(patient): Path(path) for patient, path in images.dropna().items()}
    pictures = {}
    for done, (patient, path) in enumerate(volumes.items(), 1):
        pictures[patient] = slices.fingerprint(path, cohort.reading)
        on_volume(done, len(volumes))
    questions = tuple(
        Question(patient, prompt, number, model, VERSION, pictures[patient], sampling.as_json())
        for patient in volumes
        for prompt in prompts
        for number in range(1, answers + 1)
    )
    stored = store.answers()
    latest = {question.key: answer for question, answer in stored}
    have = {key for key, answer in latest.items() if not ask_again or is_usable(answer)}
    # What a trial with fewer pictures took tells nothing of these.
    alike = {(picture, model, sampling.as_json()) for picture in pictures.values()}
    known = tuple(answer for question, answer in stored if (question.image, question.model, question.settings) in alike)
    without = tuple(map(str, images.index[images.isna()]))
    missing = tuple(question for question in questions if question.key not in have)
    return TextPlan(volumes, without, slices, model, sampling, questions, missing, known, len(stored), cohort.reading)


@dataclass(frozen=True)
class Prices:
    """Per million tokens, in any currency."""

    input: float
    output: float

    def cost(self, input_tokens: float, output_tokens: float) -> float:
        """What so many tokens cost."""
        return (self.input * input_tokens + self.output * output_tokens) / 1e6


@dataclass(frozen=True)
class CostEstimate:
    """About how much the missing answers take.

    Args:
        requests, patients: how many.
        pictures: sent in all, each as often as there is a question about it.
        input_tokens, output_tokens: in all; of the output, the most that the settings allow.
        seconds: from start to end.
        basis: where the numbers come from, for people.
    """

    requests: int
    patients: int
    pictures: int
    input_tokens: int
    output_tokens: int
    seconds: float
    basis: str


def estimate(plan: TextPlan, concurrency: int, per_minute: float, picture_tokens: int = 0) -> CostEstimate:
    """About what the plan's missing answers will take.

    Args:
        concurrency: requests at a time.
        per_minute: requests a minute at most; 0: no limit.
        picture_tokens: input tokens a picture; 0: by earlier answers about the same pictures, else one per square of
            28 pixels, as Qwen-VL counts.
    """
    n = len(plan.missing)
    counted = [a for a in plan.known if a.input_tokens is not None and a.output_tokens is not None]
    if counted and not picture_tokens:
        each_in = sum(a.input_tokens or 0 for a in counted) / len(counted)
        basis = f"the mean of {len(counted)} earlier answers, {plan.sampling.max_tokens} tokens an answer"
    else:
        tokens = picture_tokens or math.ceil(plan.slices.size / PATCH) ** 2 + 2
        words = len(INSTRUCTIONS) + sum(map(len, QUESTIONS.values())) / len(QUESTIONS)
        each_in = plan.slices.count * tokens + words / CHARACTERS
        basis = f"{tokens} tokens a picture, {plan.sampling.max_tokens} an answer"
    each = pd.Series([a.seconds for a in plan.known], dtype=float).mean() if plan.known else SECONDS
    return CostEstimate(
        requests=n,
        patients=len({question.patient for question in plan.missing}),
        pictures=n * plan.slices.count,
        input_tokens=round(n * each_in),
        output_tokens=n * plan.sampling.max_tokens,
        seconds=max(n * each / concurrency, n * 60 / per_minute if per_minute else 0.0),
        basis=basis,
    )


@dataclass(frozen=True)
class Bill:
    """What was paid for.

    Args:
        answers: kept.
        input_tokens, output_tokens: as the endpoint counted.
        uncounted: answers whose tokens it did not count.
        maybe_billed: requests without an answer that it may charge for.
    """

    answers: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    uncounted: int = 0
    maybe_billed: int = 0

    @classmethod
    def of(cls, store: AnswerStore) -> Self:
        """Everything that a store has ever paid for."""
        answers = [answer for _, answer in store.answers()]
        return cls(
            answers=len(answers),
            input_tokens=sum(answer.input_tokens or 0 for answer in answers),
            output_tokens=sum(answer.output_tokens or 0 for answer in answers),
            uncounted=sum(a.input_tokens is None or a.output_tokens is None for a in answers),
            maybe_billed=sum(maybe for *_, maybe in store.failures()),
        )

    def since(self, before: Self) -> Self:
        """What came after an earlier bill of the same store."""
        return type(self)(**{name: getattr(self, name) - getattr(before, name) for name in self.__dataclass_fields__})
