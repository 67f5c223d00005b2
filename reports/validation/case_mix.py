"""Are these patients like those that the models were made of? Held against what a model says of its own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from strokebench.datasets.cohort import Kind
from strokebench.reports.cohort.table_one import IMBALANCED, mean_distance, share_distance, show_number
from strokebench.reports.results import Results
from strokebench.reports.tables import caption as words
from strokebench.reports.tables.results_table import results_table
from strokebench.reports.tables.table import DASH, Cell, Row, Table, text_columns


class ColumnSummary(Protocol):
    """What a column of the clinical table was like: `mean` and `deviation` of numbers, shares of categories."""

    @property
    def kind(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def missing(self) -> float: ...
    @property
    def mean(self) -> float | None: ...
    @property
    def deviation(self) -> float | None: ...
    @property
    def categories(self) -> Mapping[str, float]: ...


@dataclass(frozen=True)
class Population:
    """Patients in summary.

    Args:
        said: where they are from, in words. shares: of each label. table: by column.
    """

    said: str
    patients: int
    shares: Sequence[float]
    table: Mapping[str, ColumnSummary] = field(default_factory=dict)


def case_mix_table(results: Results, developments: Sequence[Population], here: Population) -> Table:
    """Table One of development against validation: each population that models were made of, against these patients.

    Args:
        here: the patients of the validation; of columns that a development has too.
    """
    rows = []
    for number, there in enumerate(developments):
        parts = _outcome(results, np.array([there.shares, here.shares]))
        for name, column in there.table.items():
            parts += _column(name, column, here.table[name])
        group = f"{there.said}: {there.patients} patients"
        rows += [
            Row(f"{number}/{place}", label, group, {key: Cell(text=text) for key, text in cells.items()})
            for place, (label, cells) in enumerate(parts)
        ]
    notes = [
        "Numbers: mean (SD), without unknown values; categories: percent of known values. SMD: standardised mean "
        f"difference, of categories over all together (Yang and Dalton 2012); from {IMBALANCED:g} on (marked !) the "
        "patients differ noticeably. Development is what the models state of their own patients; columns that no model "
        "reads are not stated there.",
    ]
    return results_table(
        results,
        "case_mix",
        "Development against validation",
        text_columns(there="Development", here="Validation", smd="SMD", missing="Missing, %"),
        rows,
        f"{words.outcome_in_words(results)} Validation: {here.patients} patients of {here.said}.",
        notes,
        head="Column",
        counts_runs=False,
    )


Described = tuple[str, dict[str, str]]
"""Label and cells of a row."""


def _outcome(results: Results, shares: np.ndarray) -> list[Described]:
    """Of the shares of labels, (2, labels): the event's, or a row a grade."""
    title, distance = words.outcome_title(results), _share_distance(*shares)
    if results.endpoint.binary:
        return [_row(title, _percents(shares[:, -1]), distance)]
    grades = [_row(f"  {results.endpoint.describe(label)}", _percents(share)) for label, share in enumerate(shares.T)]
    return [_row(title, ["", ""], distance), *grades]


def _column(name: str, there: ColumnSummary, here: ColumnSummary) -> Iterator[Described]:
    missing = f"{100 * there.missing:.1f} / {100 * here.missing:.1f}"
    if there.kind == Kind.NUMERIC:
        both = (there, here)
        means, deviations = (np.array([getattr(one, what) for one in both], float) for what in ("mean", "deviation"))
        known = not np.isnan(means).any()
        variance = float(np.square(deviations).mean())
        distance = mean_distance(float(means[0]), float(means[1]), variance) if known else float("nan")
        values = [_mean(*one) for one in zip(means, deviations, strict=True)]
        yield _row(f"{name} ({there.unit})" if there.unit else name, values, distance, missing)
        return
    categories = sorted({*there.categories, *here.categories})
    shares = np.array([[one.categories.get(category, 0.0) for category in categories] for one in (there, here)])
    yield _row(name, ["", ""], _share_distance(*shares), missing)
    for category, found in zip(categories, shares.T, strict=True):
        yield _row(f"  {category}", _percents(found))


def _row(label: str, values: Sequence[str], distance: float | None = None, missing: str = "") -> Described:
    smd = "" if distance is None else DASH if np.isnan(distance) else f"{distance:.2f}"
    marked = f"{smd} !" if distance is not None and distance >= IMBALANCED else smd
    return label, {"there": values[0], "here": values[1], "smd": marked, "missing": missing}


def _percents(shares: np.ndarray) -> list[str]:
    return [f"{100 * share:.1f} %" for share in shares]


def _mean(mean: float, deviation: float) -> str:
    return DASH if np.isnan(mean) else f"{show_number(mean)} ({show_number(deviation)})"


def _share_distance(there: np.ndarray, here: np.ndarray) -> float:
    """Of shares of all categories, (k,); NaN where nobody's is known on one side."""
    if not there.sum() or not here.sum():
        return float("nan")
    return share_distance(there, here)
