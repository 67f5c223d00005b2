"""What of a language model's answers can be used, sentence by sentence, and why the rest cannot."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from strokebench.datasets.asking.answers import Answer
from strokebench.datasets.texts.filter import filter_text, split_sentences

LONGEST = 4000
"""Characters; the paper's 250 tokens are about 1000, so a longer answer ignored its limit (our choice)."""

CUT_OFF = "cut off"
"""Reason to drop a sentence that ends at the limit of tokens: `about 1` may have been going to be `about 120`."""
TOO_LONG = "beyond the longest text"

_OPEN, _CLOSE = "[<◁]think(?:ing)?[>▷]", "[<◁]/think(?:ing)?[>▷]"
_THOUGHT = re.compile(rf"(?:{_OPEN}|\A(?=(?:(?!{_OPEN}).)*{_CLOSE})).*?(?:{_CLOSE}|\Z)", re.DOTALL | re.IGNORECASE)
"""A reasoning model's thoughts; many a server has put their opening mark into the question."""
_LIMIT = ("length", "max_tokens", "model_length")
"""What services call the reason of an answer that ends at the limit of tokens."""
_ENDED = re.compile(r"(?:(?<!\d)\.|[!?。！？])[\"')\]*]*\s*$")
"""A point behind a digit may be that of a decimal."""


def usable_text(answer: Answer) -> tuple[str, list[tuple[str, str]]]:
    """The complete sentences of an answer, before any filter, and (sentence, reason) of what was cut.

    Left out are a reasoning model's thoughts, a last sentence that was cut off, and what lies beyond
    `LONGEST` characters. An endpoint's refusal has no text.
    """
    if answer.refusal or answer.finish_reason == "content_filter":
        return "", []
    text = _THOUGHT.sub("", answer.text).strip()
    cut = []
    if len(text) > LONGEST:
        rest = text[LONGEST:].split()
        cut.append((" ".join(rest[:12]) + " ...", TOO_LONG))
    if len(text) > LONGEST or (answer.finish_reason.lower() in _LIMIT and not _ENDED.search(text)):
        sentences = split_sentences(text[:LONGEST])
        cut.insert(0, (sentences[-1] if sentences else "", CUT_OFF))
        text = " ".join(sentences[:-1])
    return text, cut


def is_usable(answer: Answer) -> bool:
    """A sentence of the answer passes the filter, whatever the outcome."""
    return bool(filter_text(usable_text(answer)[0]).kept)


@dataclass(frozen=True)
class TextReport:
    """What the filter makes of a cohort's texts.

    Args:
        sentences: a row a sentence: patient_id, prompt, sentence, kept (bool), reason (empty if kept).
        texts: a row a text: patient_id, prompt, status, sentences, kept. The status is `used`, `used in
            part`, `missing`, `empty`, `refused`, `another language` or `nothing kept`.
    """

    sentences: pd.DataFrame
    texts: pd.DataFrame

    def counts(self) -> dict[str, Any]:
        """Texts by status, sentences kept and dropped, dropped ones by reason, the same by prompt."""
        dropped = self.sentences[~self.sentences["kept"]]
        by_prompt = self.sentences.groupby("prompt", sort=False)["kept"].agg(["sum", "size"])
        return {
            "texts": {str(k): int(v) for k, v in self.texts["status"].value_counts().items()},
            "sentences_kept": int(self.sentences["kept"].sum()),
            "sentences_dropped": len(dropped),
            "reasons": {str(k): int(v) for k, v in dropped["reason"].value_counts().items()},
            "prompts": {
                str(prompt): {"kept": int(row["sum"]), "dropped": int(row["size"] - row["sum"])}
                for prompt, row in by_prompt.iterrows()
            },
        }


def report_texts(
    texts: pd.DataFrame,
    banned: Sequence[re.Pattern[str]] = (),
    cut: Mapping[tuple[str, str], Sequence[tuple[str, str]]] = {},
    refused: Mapping[tuple[str, str], str] = {},
) -> TextReport:
    """Put a cohort's texts through the filter and write down what becomes of each sentence.

    Args:
        texts: one column a prompt, one row a patient, as in `Cohort.texts`; a missing one is None.
        banned: patterns of the outcome, see `filter_text`.
        cut: (patient, prompt) -> sentences that were left out before, with the reason.
        refused: (patient, prompt) -> the endpoint's own refusal.
    """
    sentences: list[tuple[str, str, str, bool, str]] = []
    rows: list[tuple[str, str, str, int, int]] = []
    for patient, by_prompt in texts.iterrows():
        for prompt, text in by_prompt.items():
            place = (str(patient), str(prompt))
            filtered = filter_text("" if pd.isna(text) else str(text), banned)
            kept = [(sentence, "") for sentence in split_sentences(filtered.kept)]
            dropped = [*filtered.dropped, *cut.get(place, ())]
            if note := refused.get(place):
                dropped.append((note, "a refusal"))
            sentences += [(*place, sentence, not reason, reason) for sentence, reason in kept + dropped]
            status = _status(text, len(kept), [reason for _, reason in dropped])
            rows.append((*place, status, len(kept) + len(dropped), len(kept)))
    return TextReport(
        pd.DataFrame(sentences, columns=["patient_id", "prompt", "sentence", "kept", "reason"]).astype({"kept": bool}),
        pd.DataFrame(rows, columns=["patient_id", "prompt", "status", "sentences", "kept"]),
    )


def _status(text: Any, kept: int, reasons: Sequence[str]) -> str:
    if kept:
        return "used in part" if reasons else "used"
    if "a refusal" in reasons:
        return "refused"
    if not reasons:
        return "missing" if pd.isna(text) else "empty"
    return "another language" if set(reasons) == {"another language"} else "nothing kept"
