"""What must not leave the machine in a page that is passed on: patients' ids and the paths of folders."""

import re
from collections.abc import Iterable

from markupsafe import escape

PATIENT, FOLDER = "[patient]", "[folder]"

TELLING = 4
"""An id of so many characters, letters and digits among them, means a patient wherever it stands. A shorter one,
or a bare number, may be anything, and is taken for an id only after the word patient."""

_PICTURE = re.compile(r"(data:image/[\w+.-]+;base64,[A-Za-z0-9+/=\s]+)")
_WORD = re.compile(r"[\w.-]*\d[\w.-]*")
_SEPARATOR = re.compile(r"([._-])")
_PATIENT = re.compile(r"(\b[Pp]atients?:?\s+(?:['\"]|&#3[49];)?)")
_PATH = re.compile(r"(?<![\w/.<:])(?:/(?:[\w.+@~-]+/){2,}|~/|[A-Za-z]:\\(?:[^\\/\s\"'<>]+\\)+)(?=[\w.+@-])")


class Scrubber:
    """Takes the ids of these patients and folders out of text or HTML. Error messages are where they come from."""

    def __init__(self, patients: Iterable[str]) -> None:
        self.patients = frozenset(form for id in map(str, patients) for form in (id, str(escape(id))))
        self.telling = frozenset(id for id in self.patients if _telling(id))
        self.lengths = sorted({len(id) for id in self.patients}, reverse=True)

    def __call__(self, text: str) -> str:
        """The text, with `[patient]` and `[folder]/name` instead; embedded pictures are left as they are."""
        parts = _PICTURE.split(text)
        parts[::2] = map(self._clean, parts[::2])
        return "".join(parts)

    def _clean(self, text: str) -> str:
        text = _PATH.sub(f"{FOLDER}/", text)
        if self.telling:
            text = _WORD.sub(lambda match: self._word(match[0]), text)
        parts = _PATIENT.split(text)
        parts[2::2] = map(self._without_id, parts[2::2])
        return "".join(parts)

    def _without_id(self, text: str) -> str:
        """What follows the word patient: the longest id that it begins with, which may be a name of several words."""
        ends = (n for n in self.lengths if text[:n] in self.patients and not re.match(r"\w", text[n : n + 1]))
        return PATIENT + text[n:] if (n := next(ends, 0)) else text

    def _word(self, word: str) -> str:
        """An id may be part of a file's name: every run of pieces between dots, dashes and underscores is tried."""
        pieces = _SEPARATOR.split(word)
        for start in range(0, len(pieces), 2):
            for end in range(len(pieces), start, -2):
                if "".join(pieces[start:end]) in self.telling:
                    before, after = "".join(pieces[:start]), "".join(pieces[end:])
                    return before + PATIENT + self._word(after) if after else before + PATIENT
        return word


def _telling(id: str) -> bool:
    mixed = any(map(str.isalpha, id)) and any(map(str.isdigit, id))
    return mixed and len(id) >= TELLING and re.fullmatch(r"[\w.-]+", id) is not None
