"""Marks of the patients that a model was made of, by content: who comes again under another id is recognised."""

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from strokebench.datasets.embeddings import Embeddings
from strokebench.files import read_json, write_json
from strokebench.reports.explanation.effects import UNTOLD

SEEN_FILE = "seen.json"
ROUNDS = 10_000
"""Of PBKDF2, some milliseconds a patient: who would find out a table by trying all that it could hold has to wait."""
FEWEST_KNOWN = 4
"""Values of a row of the table below which two patients may be alike by accident (our choice)."""
IMAGE = "image.vector"


@dataclass(frozen=True)
class Seen:
    """Salted hashes of what patients are like; of no use for anything but to recognise them.

    A table is recognised where all its known numbers agree to four digits, an image where the encoder's vector does to
    three. Whoever holds the folder and knows a patient's values can tell whether the patient is among them.

    Args:
        salt: drawn for the model.
        marks: `table` and `image` -> sorted hashes; nothing where they were not wanted.
    """

    salt: str = field(default="", repr=False)
    marks: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, table: pd.DataFrame, embeddings: Embeddings) -> Self:
        """Of the patients of `table`, which has the model's columns alone; by patient id."""
        salt = secrets.token_hex(16)
        made = _marks(salt, table, embeddings)
        return cls(salt, {name: frozenset(made[name].dropna()) for name in map(str, made)})

    def among(self, table: pd.DataFrame, embeddings: Embeddings) -> pd.Series:
        """Who of these was seen, by patient id: `table`, `image`, `table and image`, empty if not, or `UNTOLD`.

        Args:
            table: the model's columns, in its units.
        """
        found = pd.Series(UNTOLD, table.index)
        kept = [name for name in ("table", "image") if self.marks.get(name)]
        made = _marks(self.salt, table, embeddings) if kept else pd.DataFrame(index=table.index)
        for name in kept:
            found = found.where(made[name].isna() | (found != UNTOLD), "")
            again = made[name].isin(self.marks[name])
            found = found.where(~again, found.where(found == "", found + " and ") + name)
        return found

    def write(self, folder: Path) -> None:
        """Write it; sorted, so that the order tells nothing."""
        write_json(
            folder / SEEN_FILE, {"salt": self.salt, **{name: sorted(marks) for name, marks in self.marks.items()}}
        )

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read what `write` wrote."""
        found = read_json(folder / SEEN_FILE)
        return cls(found.pop("salt"), {name: frozenset(marks) for name, marks in found.items()})


def recognised(found: pd.Series) -> pd.Series:
    """Whom of those that `Seen.among` told of, (n,), the model was made of."""
    return ~found.isin(["", UNTOLD])


def _marks(salt: str, table: pd.DataFrame, embeddings: Embeddings) -> pd.DataFrame:
    """Hashes by patient id; missing where too little is known."""
    contents = {"table": _rows(table), "image": _images(table.index, embeddings)}
    return pd.DataFrame(
        {
            name: [None if content is None else _hash(salt, content) for content in found]
            for name, found in contents.items()
        },
        index=table.index,
        dtype=object,
    )


def _hash(salt: str, content: bytes) -> str:
    return hashlib.pbkdf2_hmac("sha256", content, salt.encode(), ROUNDS, 12).hex()


def _rows(table: pd.DataFrame) -> Iterator[bytes | None]:
    names = sorted(table.columns)
    # Of no columns pandas 3.0 gives no rows.
    for row in table[names].itertuples(index=False) if names else repeat((), len(table)):
        known = [f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
                 for name, value in zip(names, row, strict=True) if not pd.isna(value)]  # fmt: skip
        yield "|".join(known).encode() if len(known) >= FEWEST_KNOWN else None


def _images(ids: pd.Index, embeddings: Embeddings) -> Iterator[bytes | None]:
    array = embeddings.arrays.get(IMAGE)
    rows = np.empty(0, np.intp) if array is None else embeddings.rows(ids)
    for i in range(len(ids)):
        vector = None if array is None else np.asarray(array[rows[i]], np.float64)
        if vector is None or not np.isfinite(vector).all() or not vector.any():
            yield None
        else:
            yield np.round(1000 * vector / np.abs(vector).max()).astype(np.int16).tobytes()
