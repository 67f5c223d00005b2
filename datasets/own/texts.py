"""Diagnostic texts from files, and what is wrong with a text wherever it comes from."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

import pandas as pd

from strokebench.datasets.foreign import HEAD, foreign_kind
from strokebench.datasets.own.cohort_file import CohortFile
from strokebench.datasets.own.column_values import says_unknown
from strokebench.datasets.own.file_pattern import resolve
from strokebench.datasets.own.table_file import MISSING, TWICE
from strokebench.datasets.problems import Problem
from strokebench.datasets.texts.filter import filter_text, split_sentences
from strokebench.datasets.texts.filter_lists import BLACK_LIST
from strokebench.errors import StrokebenchError
from strokebench.files import CONTROLS

LONG_WORDS = 300
"""A longer text is reported: about the 512 tokens that the text encoders read."""

_FEW = 10
"""So many equal texts are no chance."""
_NO_TEXT = re.compile(
    r"</?(?:p|br|div|span|b|i|td|tr|table|li|ul)\b[^<>]*>|^\s*[{\[]\s*\"|\ufffd|&(?:nbsp|amp|lt|gt);|\A[\W\d_]+\Z", re.I
)
"""Tags, JSON, what stands for a letter that was lost, and a text without a letter."""

LARGEST = 1_000_000
"""Bytes of the largest file that is read as a text: some hundred pages."""


def read_texts(file: CohortFile, ids: list[str]) -> tuple[pd.DataFrame, list[Problem]]:
    """Texts of each patient from the files that the cohort's pattern names; None where there is none.

    Args:
        file: its text source has a file pattern.
    """
    assert file.text is not None
    missing = MISSING | {text.casefold() for text in file.missing}
    columns: dict[str, list[str | None]] = {}
    problems: list[Problem] = []
    for prompt in file.text.prompts:
        pattern = file.text.files.replace("{prompt}", prompt)
        found = resolve(file.folder, pattern, ids, "text", file.exclude)
        problems += found.problems
        column: list[str | None] = []
        for id, path in found.paths.items():
            try:
                column.append(_read_text(Path(path), missing) if path else None)
            except StrokebenchError as error:
                column.append(None)
                problems.append(Problem("text_unreadable", error.message, str(id), prompt, error.hint))
        columns[prompt] = column
    return pd.DataFrame(columns, index=pd.Index(ids)), problems


def _read_text(path: Path, missing: Collection[str]) -> str | None:
    """The text of a file; None where it is empty, or says no more than that it is missing.

    Raises:
        StrokebenchError: it is no UTF-8 text, holds control characters, or is too large for a text.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if kind := foreign_kind(content[:HEAD]):
            raise StrokebenchError(f"{path.name} is {kind.what}", kind.advice)
        if len(content) > LARGEST:
            raise StrokebenchError(f"{path.name} is larger than {LARGEST / 1e6:g} MB", "Give the findings alone.")
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise StrokebenchError(f"{path.name}: not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise StrokebenchError(f"{path.name}: {error.strerror}", "Check its permissions.") from None
    if found := CONTROLS.search(text):
        what = "NUL bytes (UTF-16 without a mark?)" if found[0] == "\0" else f"the control character {found[0]!r}"
        raise StrokebenchError(f"{path.name} holds {what}")
    return None if text.casefold() in missing else text


def text_problems(texts: pd.DataFrame, known: list[Problem] = ()) -> Iterator[Problem]:  # type: ignore[assignment]
    """Empty texts, tags and signs that are no text, refusals, texts that are too long, name another patient, are the
    same for everyone, or are mostly lost to the filter.

    Args:
        texts: one column a prompt, one row a patient.
        known: problems of these texts that are reported already, so that a missing file is not an empty text
            as well.
    """
    reported = {problem.patient for problem in known}
    ids = {str(id) for id in texts.index if len(str(id)) > 4 and re.search(r"\d", str(id))}
    for prompt in texts.columns:
        if (n := texts[prompt].count()) >= _FEW and len(set(texts[prompt].dropna())) == 1:
            yield Problem(
                "text_equal", f"the text {prompt!r} is word for word the same of all {n} patients", where=prompt
            )
        lost = [id for id, text in texts[prompt].dropna().items() if not filter_text(str(text)).kept]
        if len(lost) > n / 2:
            what = f"of the text {prompt!r} {len(lost)} of {n} hold no sentence that the filter keeps"
            what += f", such as that of patient {lost[0]}"
            yield Problem("text_filtered", what, where=str(prompt))
        for id, text in texts[prompt].items():
            if pd.isna(text) or not str(text).strip():
                if id not in reported:
                    yield Problem(
                        "text_missing",
                        f"the text {prompt!r} is empty, or says no more than that it is missing",
                        str(id),
                        str(prompt),
                    )
            elif says_unknown(str(text)):
                what = f"the text {prompt!r} is {text!r}: does it mean that there is none?"
                yield Problem("text_missing", what, str(id), str(prompt))
            elif found := CONTROLS.search(str(text)) or _NO_TEXT.search(str(text)) or TWICE.search(str(text)):
                what = f"the text {prompt!r} holds {found[0]!r}, which is no word of a report"
                yield Problem("text_unreadable", what, str(id), str(prompt))
            elif others := ids.intersection(re.findall(r"[\w-]+", str(text))) - {str(id)}:
                what = f"the text {prompt!r} names patient {min(others)}"
                yield Problem("text_other", what, str(id), str(prompt))
            elif refusal := _refusal(str(text)):
                what = f"the text {prompt!r} holds a refusal: {refusal[:60]!r}"
                yield Problem("text_refusal", what, str(id), str(prompt))
            elif (n := len(str(text).split())) > LONG_WORDS:
                what = f"the text {prompt!r} has {n} words (limit {LONG_WORDS})"
                yield Problem("text_long", what, str(id), str(prompt))


def _refusal(text: str) -> str | None:
    # A text with findings may also say what cannot be told from the image; a refusal holds nothing that can be used.
    refusing = [sentence for sentence in split_sentences(text) if BLACK_LIST["a refusal"].search(sentence)]
    return refusing[0] if refusing and not filter_text(text).kept else None
