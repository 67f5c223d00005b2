"""Who is trained on, who is selected on, who is tested on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

from strokebench.errors import StrokebenchError
from strokebench.files import digest, read_json, write_json

PARTS = ("train", "validation", "test")


Ids = tuple[str, ...]


# A notebook keeps what a cell shows: no patients.
@dataclass(frozen=True, repr=False)
class Fold:
    """Patient ids of the three parts of one run, sorted."""

    seed: int
    fold: int
    name: str
    train: Ids
    validation: Ids
    test: Ids


@dataclass(frozen=True)
class Split:
    """Every fold of a protocol. A pure function of ids, labels, sites and seeds, whatever the row order."""

    protocol: str
    folds: tuple[Fold, ...] = field(repr=False)

    @cached_property
    def sha256(self) -> str:
        """Hash of protocol and ids; every run records it."""
        return digest(asdict(self))

    def write(self, path: Path) -> None:
        """Write as JSON, with the hash."""
        write_json(path, {"sha256": self.sha256, **asdict(self)})

    @staticmethod
    def read(path: Path) -> Split:
        """Read what `write` wrote.

        Raises:
            StrokebenchError: the file was changed, so that its hash no longer fits.
        """
        value = read_json(path)
        folds = tuple(
            Fold(fold["seed"], fold["fold"], fold["name"], *(tuple(fold[part]) for part in PARTS))
            for fold in value["folds"]
        )
        split = Split(value["protocol"], folds)
        if split.sha256 != value["sha256"]:
            raise StrokebenchError(f"{path} was changed: its ids do not fit its hash.", "Make the split again.")
        return split
