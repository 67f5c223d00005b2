"""Which sentences of a diagnostic text may be used: a white list, a black list, and what the outcome bans.

The paper filters its text with a white and a black list (section 3.2) and does not print them; the lists in
`strokebench.datasets.texts.filter_lists` are our own.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from strokebench.datasets.texts.filter_lists import ABBREVIATIONS, BLACK_LIST, WHITE_LIST

FOREIGN_SHARE = 0.2
"""Share of letters outside ASCII from which a sentence counts as another language (our choice)."""

_BOUNDARY = re.compile(r"(?<=[.!?。！？])[\"')\]]*\s+|(?<=[。！？])|\s*[\r\n]+\s*")
_BULLET = re.compile(r"^(?:[-*•#>]+|\(?\d{1,2}[.)])\s+")
_LAST_WORD = re.compile(r"(\S+)$")


@dataclass(frozen=True)
class FilteredText:
    """What a filter left of a text.

    Args:
        kept: the sentences that passed, in their order, joined by a space; empty where none did.
        dropped: (sentence, reason) of each other one, in their order.
    """

    kept: str
    dropped: list[tuple[str, str]]


def filter_text(text: str, banned: Sequence[re.Pattern[str]] = ()) -> FilteredText:
    """Keep the sentences that speak of the lesion and of nothing that an image cannot show.

    A sentence is dropped if it is of another language, matches the black list or a banned pattern, or names
    no subject of the white list. What is kept passes the same filter unchanged.

    Args:
        text: one answer; may be empty.
        banned: patterns of the outcome, e.g. `OUTCOME_PATTERNS["nihss"]`; searched as they are.
    """
    # Letters of another width, or with invisible signs between them, would slip past every pattern.
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    dropped: list[tuple[str, str]] = []
    while True:
        sentences = split_sentences(text)
        reasons = [reason_to_drop(sentence, banned) for sentence in sentences]
        dropped += [(s, reason) for s, reason in zip(sentences, reasons, strict=True) if reason]
        kept = " ".join(s for s, reason in zip(sentences, reasons, strict=True) if not reason)
        # Joining can bring together what a list item kept apart, so what is kept is looked at again.
        if kept == text:
            return FilteredText(kept, dropped)
        text = kept


def reason_to_drop(sentence: str, banned: Sequence[re.Pattern[str]] = ()) -> str | None:
    """Why a sentence may not be used; None if it may."""
    if not sentence.isascii():
        letters = [c for c in sentence if c.isalpha()]
        if sum(not c.isascii() for c in letters) > FOREIGN_SHARE * len(letters):
            return "another language"
    for reason, pattern in BLACK_LIST.items():
        if pattern.search(sentence):
            return reason
    if any(pattern.search(sentence) for pattern in banned):
        return "states the outcome"
    return None if WHITE_LIST.search(sentence) else "no subject of the white list"


def split_sentences(text: str) -> list[str]:
    """Sentences of a text, stripped of list marks; `3.5 ml`, `e.g.` and `Dr. Who` stay whole."""
    sentences, start = [], 0
    for boundary in _BOUNDARY.finditer(text):
        before = text[start : boundary.start()]
        after = text[boundary.end() : boundary.end() + 9]
        is_line_break = "\n" in boundary[0] or "\r" in boundary[0]
        goes_on = _is_wrapped(before, boundary[0], after) if is_line_break else not _ends_a_sentence(before, after)
        if goes_on:
            continue
        sentences.append(text[start : boundary.end()])
        start = boundary.end()
    sentences.append(text[start:])
    stripped = (" ".join(_BULLET.sub("", s.strip()).replace("**", "").split()) for s in sentences)
    return [s for s in stripped if s]


_UNFINISHED = re.compile(
    r"(?:[,(/-]|\b(?:an?|and|are|at|by|for|from|in|is|no|not|of|on|or|the|to|with|without))$", re.IGNORECASE
)
WIDTH = 40
"""A line of fewer characters may be a finding by itself, without a point (our choice)."""


def _is_wrapped(before: str, between: str, after: str) -> bool:
    """Whether a line ends for its width alone: `no` and `mass effect` on two lines are one sentence."""
    line = re.split(r"[\r\n]", before)[-1].strip()
    single = len(between.replace("\r\n", "\n").strip(" \t")) == 1
    goes_on = re.search(r"[\w,()/-]$", line) and re.match(r"[a-z\d]", after) and not _BULLET.match(after)
    return bool(single and goes_on and (len(line) >= WIDTH or _UNFINISHED.search(line)))


def _ends_a_sentence(before: str, after: str) -> bool:
    last = _LAST_WORD.search(before)
    word = last[1].lstrip("([\"'").lower() if last else ""
    # A lower-case letter goes on with the sentence; a lone capital before a point is an initial.
    is_mark = _BULLET.fullmatch(before.strip() + " ")
    return not (is_mark or word in ABBREVIATIONS or re.fullmatch(r"[a-z]\.", word) or after[:1].islower())
