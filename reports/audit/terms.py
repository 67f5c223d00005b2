"""What an audit of printed metrics is given, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from strokebench.errors import StrokebenchError
from strokebench.reports.audit.search import Found

AUDITED: tuple[str, ...] = ("ACC", "F1", "Recall", "Precision", "Specificity")
"""Metrics that follow from a confusion matrix at one threshold."""

COUNTED: tuple[str, ...] = ("ACC", "Recall", "Specificity")
"""Metrics of which a mean over runs is a whole number of patients over a known number."""

DDOFS = (0, 1)
"""Population and sample deviation."""

CellName = tuple[str, str]
"""A metric, and `mean` or `std`."""


@dataclass(frozen=True)
class Design:
    """What the numbers are claimed to be made of.

    Args:
        positives, negatives: patients with label 1 and 0 in the test part, the same in each run.
        runs: how many runs a mean is taken over.
        decimals: of the printed percentages.

    Raises:
        StrokebenchError: a count below 1, or decimals below 0.
    """

    positives: int
    negatives: int
    runs: int
    decimals: int = 2

    def __post_init__(self) -> None:
        for name in ("positives", "negatives", "runs"):
            if getattr(self, name) < 1:
                raise StrokebenchError(f"{name} is {getattr(self, name)}.", "Give 1 or more.")
        if self.decimals < 0:
            raise StrokebenchError(f"decimals is {self.decimals}.", "Give 0 or more.")

    @property
    def half_step(self) -> Fraction:
        """How far a printed percentage may lie from the truth; ties may have been rounded either way."""
        return Fraction(1, 2 * 10**self.decimals)

    def patients(self, metric: str) -> int:
        """How many patients one run's value of a counted metric is a share of."""
        return {"ACC": self.positives + self.negatives, "Recall": self.positives, "Specificity": self.negatives}[metric]


@dataclass(frozen=True)
class PrintedRow:
    """One row of a table.

    Args:
        name: what identifies it.
        cells: (metric, `mean` or `std`) -> percentage as printed; what is not printed is absent.
    """

    name: str
    cells: Mapping[CellName, Decimal]

    def without(self, cell: CellName) -> PrintedRow:
        """The same row, had this cell not been printed."""
        return PrintedRow(self.name, {name: value for name, value in self.cells.items() if name != cell})


@dataclass(frozen=True)
class Unrepresentable:
    """A mean that no whole number of patients gives; `nearest` are the neighbours that some number gives."""

    metric: str
    printed: Decimal
    nearest: tuple[float, float]


@dataclass(frozen=True)
class Suspect:
    """A cell without which the rest of its row is possible.

    Args:
        implied: what would have to be printed there, for each solution of the rest; percentages, sorted.
        ddof: of the deviations under which the rest is possible.
        solutions: of the rest.
    """

    cell: CellName
    printed: Decimal
    implied: tuple[float, ...]
    ddof: int
    solutions: tuple[Found, ...]


class Verdict(StrEnum):
    """What can be said of a row."""

    ONE = "one solution"
    SEVERAL = "several solutions"
    NONE = "no solution"
    OPEN = "too little is printed"


@dataclass(frozen=True)
class Finding:
    """What the audit says of a row.

    Args:
        solutions: ddof -> every set of runs that fits, each run a (TP, TN), each set sorted; None where there
            are too many to list. A row without a printed deviation has the same under each ddof.
        unrepresentable: means that are impossible on their own.
        suspects: single cells to blame, where no solution exists.
    """

    row: PrintedRow
    solutions: Mapping[int, tuple[Found, ...] | None]
    unrepresentable: tuple[Unrepresentable, ...] = ()
    suspects: tuple[Suspect, ...] = ()

    @property
    def ddof(self) -> int | None:
        """The only ddof under which the row is possible; None where it is so under both or neither."""
        possible = [ddof for ddof, found in self.solutions.items() if found is None or found]
        return possible[0] if len(possible) == 1 else None

    @property
    def matrices(self) -> tuple[Found, ...]:
        """Every solution, whichever the ddof."""
        return tuple(sorted({found for listed in self.solutions.values() for found in listed or ()}))

    @property
    def single(self) -> Found | None:
        """The only possible runs: of the row as printed, or once the only number to blame is mended."""
        found = self.matrices or tuple({runs for suspect in self.suspects for runs in suspect.solutions})
        return found[0] if len(found) == 1 and self.verdict is not Verdict.OPEN else None

    @property
    def verdict(self) -> Verdict:
        """One, several or no solution; open where they cannot be listed."""
        if None in self.solutions.values():
            return Verdict.OPEN
        return {0: Verdict.NONE, 1: Verdict.ONE}.get(len(self.matrices), Verdict.SEVERAL)
