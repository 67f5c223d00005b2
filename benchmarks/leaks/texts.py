"""Does the text that the methods see state the outcome, or give it away by a sentence, a word or a number?"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

import pandas as pd

from strokebench.benchmarks.leaks.association import of_numbers, of_presence
from strokebench.benchmarks.leaks.finding import Finding, Severity, findings
from strokebench.benchmarks.running.context import Context
from strokebench.datasets.naming import SCALES
from strokebench.datasets.texts.filter import split_sentences
from strokebench.datasets.texts.filter_lists import BLACK_LIST, OUTCOME_PATTERNS
from strokebench.errors import named

SHOWN = 90
"""Letters of a sentence that a message shows."""

RARE = 0.05
"""Words, sentences and numbers of fewer patients are not looked at: they can tell the outcome of these alone."""

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_WORD, _LONG_WORD = re.compile(r"[^\W\d_]{3,}"), re.compile(r"[^\W\d_]{5,}")
_STATED = re.compile(r"(?<!\w)(?:label|class|outcome)\W{1,3}(?:is\W)?(?:0|1|good|poor|bad)(?!\w)", re.IGNORECASE)


def text_states_outcome(context: Context, keep_text: Callable[[str], str] | None = None) -> list[Finding]:
    """Sentences that speak of the outcome, of its scale or of its column by name, after the filter.

    Args:
        keep_text: the filter in use; the outcome's own by default.
    """
    stated: dict[Severity, dict[str, str]] = {"alarm": {}, "warning": {}}
    patterns = list(_patterns(context))
    for patient, sentence in _sentences(context, keep_text):
        for severity, pattern in patterns:
            if patient not in stated[severity] and pattern.search(sentence):
                stated[severity][patient] = sentence
                break
    return [
        Finding(
            "text_states_outcome",
            severity,
            f"The text of {len(by_patient)} patient(s) speaks of the outcome.",
            "Leave such sentences out: write the text again, mend the filter, or drop --keep-scale-text.",
            f"They are {named(by_patient)}. First: {_short(next(iter(by_patient.values())))}",
        )
        for severity, by_patient in stated.items()
        if by_patient
    ]


def text_gives_outcome(context: Context, keep_text: Callable[[str], str] | None = None) -> list[Finding]:
    """Sentences, words and numbers whose presence or value alone tells the outcome (AUC)."""
    y = context.events
    bearing: dict[str, set[str]] = {}
    numbers: dict[str, dict[str, float]] = {}
    for patient, sentence in _sentences(context, keep_text):
        plain = " ".join(sentence.casefold().split())
        for sign in (f"the sentence {_short(plain)}", *(f"the word “{word}”" for word in _WORD.findall(plain))):
            bearing.setdefault(sign, set()).add(patient)
        frame = _NUMBER.sub("#", plain)
        for order, number in enumerate(_NUMBER.findall(plain), 1):
            # The first counts where a sentence comes twice.
            numbers.setdefault(f"number {order} in {_short(frame)}", {}).setdefault(patient, float(number))
    associations = {
        sign: of_presence(patients, y) for sign, patients in bearing.items() if len(patients) >= RARE * len(y)
    }
    for place, values in numbers.items():
        if len(values) >= RARE * len(y) and (
            association := of_numbers(pd.Series(values).reindex(y.index), y, tree=False)
        ):
            associations[place] = association
    found: dict[Severity, list[str]] = {"alarm": [], "warning": []}
    for sign, association in sorted(associations.items(), key=lambda item: len(item[0])):
        if severity := association.severity(len(associations)):
            found[severity].append(f"{sign} (AUC {100 * association.auc:.0f})")
    remedy = "See who or what wrote it, and from which knowledge; a text from the image alone is seldom this sure."
    return findings("text_gives_outcome", found, "Parts of the text that tell the outcome alone", remedy)


def _sentences(context: Context, keep_text: Callable[[str], str] | None) -> Iterator[tuple[str, str]]:
    """(patient, sentence) of everything that is encoded."""
    texts = context.cohort.texts
    if texts is None:
        return
    keep = keep_text or context.endpoint.keep_text
    for patient, *answers in texts.loc[context.labels.index].itertuples(name=None):
        for answer in answers:
            if isinstance(answer, str) and answer.strip():
                for sentence in _kept(keep, answer):
                    yield str(patient), sentence


@lru_cache(maxsize=100_000)
def _kept(keep: Callable[[str], str], answer: str) -> tuple[str, ...]:
    return tuple(split_sentences(keep(answer)))


def _patterns(context: Context) -> Iterator[tuple[Severity, re.Pattern[str]]]:
    column = context.endpoint.column
    for scale, name in SCALES.items():
        if re.search(name, column, re.IGNORECASE):
            for pattern in OUTCOME_PATTERNS[scale]:
                yield "alarm", pattern
    yield "alarm", BLACK_LIST["the outcome"]
    yield "alarm", re.compile(rf"(?<!\w){re.escape(column)}(?!\w)", re.IGNORECASE)
    yield "alarm", _STATED
    if words := _LONG_WORD.findall(column):
        yield "warning", re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, words)) + r")", re.IGNORECASE)


def _short(text: str) -> str:
    return f"“{text if len(text) <= SHOWN else text[: SHOWN - 1] + '…'}”"
