"""Which texts are to be encoded? What the filter leaves of each answer, remembered as hashes between calls.

To filter the texts of a cohort takes longer than to read its embeddings. No text is kept: only the hash of an
answer beside the hash of what was left of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from strokebench.errors import StrokebenchError
from strokebench.files import digest, home, read_json, write_json

TextFilter = Callable[[str], str]


class FilteredTexts:
    """Answers and the keys of what a filter leaves of them; a key is the digest of the text that is encoded.

    Args:
        text_filter: None leaves every answer as it is.
        name: hash of everything that decides what the filter keeps; empty: nothing is remembered.
    """

    def __init__(self, text_filter: TextFilter | None, name: str = "") -> None:
        self._filter = text_filter
        self._path: Path | None = home("embeddings", f"filtered-{name[:16]}.json") if name and text_filter else None
        self._answers: dict[str, str] = {}
        self._new = False
        try:
            self._keys: dict[str, str | None] = read_json(self._path) if self._path else {}
        except StrokebenchError:
            self._keys = {}

    def key(self, answer: str) -> str | None:
        """The key of an answer; None where the filter leaves nothing of it."""
        raw = digest(answer)
        if raw not in self._keys:
            kept = self._kept(answer)
            self._keys[raw] = digest(kept) if kept else None
            self._new = True
        key = self._keys[raw]
        if key is not None:
            self._answers[key] = answer
        return key

    def texts(self, keys: Collection[str]) -> dict[str, str]:
        """The texts of these keys, for the encoder; each is of an answer that `key` was asked for."""
        return {key: self._kept(self._answers[key]) for key in keys}

    def remember(self) -> None:
        """Write what was not known before."""
        if self._path and self._new:
            write_json(self._path, self._keys)
            self._new = False

    def _kept(self, answer: str) -> str:
        return (self._filter(answer) if self._filter else answer).strip()
