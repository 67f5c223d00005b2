"""Can printed metrics be true? All per-run confusion matrices that reproduce a row of means and deviations.

Recall, specificity and accuracy of one run are whole patients over a known number, so a mean over few runs
leaves only a few sums possible, and a printed deviation only a few sums of squares. Precision and F1 then tell
which runs belong together. F1 is the mean of the runs' F1, not the F1 of mean recall and precision. An AUC
cannot be audited so: its steps are too small for two decimals.

The idea is the GRIM and SPRITE tests of psychology (Brown and Heathers 2017; Heathers et al. 2018), carried over
to confusion matrices (our choice).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Self

from strokebench.errors import StrokebenchError
from strokebench.reports.audit.search import Bounds, Found, Limits, TooMany, search

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

    def without(self, cell: CellName) -> Self:
        """The same row, had this cell not been printed."""
        return replace(self, cells={name: value for name, value in self.cells.items() if name != cell})


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


class Solvability(StrEnum):
    """What can be said of a row."""

    ONE = "one solution"
    SEVERAL = "several solutions"
    NONE = "no solution"
    OPEN = "too little is printed"


@dataclass(frozen=True)
class RowFinding:
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
        return found[0] if len(found) == 1 and self.verdict is not Solvability.OPEN else None

    @property
    def verdict(self) -> Solvability:
        """One, several or no solution; open where they cannot be listed."""
        if None in self.solutions.values():
            return Solvability.OPEN
        return {0: Solvability.NONE, 1: Solvability.ONE}.get(len(self.matrices), Solvability.SEVERAL)


def audit(rows: Iterable[PrintedRow], design: Design) -> list[RowFinding]:
    """`audit_row` on each row; rows with the same numbers are searched once."""
    known: dict[frozenset[tuple[CellName, Decimal]], RowFinding] = {}
    findings = []
    for row in rows:
        key = frozenset(row.cells.items())
        if key not in known:
            known[key] = audit_row(row, design)
        first = known[key]
        findings.append(RowFinding(row, first.solutions, first.unrepresentable, first.suspects))
    return findings


def audit_row(row: PrintedRow, design: Design, limits: Limits | None = None) -> RowFinding:
    """Everything that fits a row, and if nothing does, which single cell is to blame.

    Args:
        limits: when to give up listing; default: some seconds' work and 1000 solutions.
    """
    limits = limits or Limits()
    solutions = _solve_each(row, design, limits)
    unrepresentable = tuple(_unrepresentable(row, design))
    suspects: tuple[Suspect, ...] = ()
    if all(found == () for found in solutions.values()):
        suspects = tuple(_suspects(row, design, limits))
    return RowFinding(row, solutions, unrepresentable, suspects)


def _solve_each(row: PrintedRow, design: Design, limits: Limits) -> dict[int, tuple[Found, ...] | None]:
    first = _solve(row, design, DDOFS[0], limits)
    if not any(metric in AUDITED and part == "std" for metric, part in row.cells):
        return dict.fromkeys(DDOFS, first)
    return {DDOFS[0]: first} | {ddof: _solve(row, design, ddof, limits) for ddof in DDOFS[1:]}


def _solve(row: PrintedRow, design: Design, ddof: int, limits: Limits) -> tuple[Found, ...] | None:
    cells = {name: _around(value, design) for name, value in row.cells.items() if name[0] in AUDITED}
    if design.runs <= ddof and any(part == "std" for _, part in cells):
        return ()
    try:
        return search(cells, design.positives, design.negatives, design.runs, ddof, limits)
    except TooMany:
        return None


def _around(printed: Decimal, design: Design) -> Bounds:
    value = Fraction(printed)
    return (value - design.half_step) / 100, (value + design.half_step) / 100


def _unrepresentable(row: PrintedRow, design: Design) -> Iterator[Unrepresentable]:
    for metric in COUNTED:
        printed = row.cells.get((metric, "mean"))
        if printed is None:
            continue
        total = design.runs * design.patients(metric)
        below = Fraction(printed) / 100 * total // 1
        steps = (Fraction(int(below) + i, total) * 100 for i in (0, 1))
        low, high = steps
        if min(abs(low - Fraction(printed)), abs(high - Fraction(printed))) > design.half_step:
            yield Unrepresentable(metric, printed, (float(low), float(high)))


def _suspects(row: PrintedRow, design: Design, limits: Limits) -> Iterator[Suspect]:
    for cell, printed in row.cells.items():
        if cell[0] not in AUDITED:
            continue
        for ddof in DDOFS:
            found = _solve(row.without(cell), design, ddof, limits)
            # Where the rest is too little to say anything, nor does it point at this cell.
            if found:
                values = {round(100 * _value(cell, matrices, design, ddof), design.decimals) for matrices in found}
                yield Suspect(cell, printed, tuple(sorted(values)), ddof, found)


def _value(cell: CellName, matrices: Found, design: Design, ddof: int) -> float:
    """The mean or deviation of a metric over these runs, in [0, 1]."""
    import numpy as np

    values = [run_metrics(tp, tn, design)[cell[0]] for tp, tn in matrices]
    return float(np.mean(values) if cell[1] == "mean" else np.std(values, ddof=ddof))


def run_metrics(tp: int, tn: int, design: Design) -> dict[str, float]:
    """The five audited metrics of one run, in [0, 1]; precision and F1 are 0 where nobody is called positive."""
    called = tp + design.negatives - tn
    return {
        "ACC": (tp + tn) / (design.positives + design.negatives),
        "F1": 2 * tp / (called + design.positives),
        "Recall": tp / design.positives,
        "Precision": tp / called if called else 0.0,
        "Specificity": tn / design.negatives,
    }
