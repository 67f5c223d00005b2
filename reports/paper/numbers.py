"""The numbers that the paper itself reports.

`paper_numbers.csv` holds one number a row, in percent. Most of the paper's Table 1 is not legible in the text
version that we read; what the text and Tables 2 and 3 state of it is there. `provenance` says how a number is
known:

- `reported`: printed in a table; `prose`: printed in the text;
- `derived`: follows exactly from two printed numbers; `inferred`, `approx`: follows approximately;
- `derived_bound`, `derived_upper_bound`, `ordinal`: a bound or a rank, not a value;
- `prose_error`: printed, but contradicted by the paper itself; `figure_only`, `stripped`: lost to us.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import pandas as pd

from strokebench.reports.tables.table import PaperNumber


@cache
def _numbers() -> pd.DataFrame:
    with (files("strokebench.reports.paper") / "paper_numbers.csv").open(encoding="utf-8") as file:
        numbers = pd.read_csv(file, dtype=dict.fromkeys(("source", "row", "label", "flags"), str))
    # Counts (131:36) stand in the same column as percentages.
    for name in ("mean", "std"):
        numbers[f"{name}_number"] = pd.to_numeric(numbers[name], errors="coerce")
    return numbers.fillna({"row": "", "label": "", "flags": "", "note": "", "provenance": ""})


def paper_numbers() -> pd.DataFrame:
    """Every number, with the columns of the CSV; `label` holds our registry names for methods."""
    return _numbers().drop(columns=["mean_number", "std_number"])


@cache
def paper_number(source: str, label: str, metric: str, row: str | None = None) -> PaperNumber | None:
    """The paper's number for one cell.

    Args:
        source: `table1`, `table2`, `table3`, `fig2`, ...
        label: the method of `table1` by its registry name; the subset or losses of the other tables.
        metric: as in `strokebench.tasks.metrics.paper.PAPER_METRICS`.
        row: only where a source names its rows, as `layers=1,heads=16` of `fig2`.

    Returns:
        None where the paper, as we can read it, gives no number.
    """
    numbers = _numbers()
    found = numbers[
        (numbers["source"] == source)
        & (numbers["label"] == label)
        & (numbers["metric"] == metric)
        & numbers["mean_number"].notna()
    ]
    if row is not None:
        found = found[found["row"] == row]
    if found.empty:
        return None
    cell = found.iloc[0]
    std = cell["std_number"]
    return PaperNumber(
        float(cell["mean_number"]), None if pd.isna(std) else float(std), cell["provenance"], cell["note"]
    )


def paper_order(source: str) -> list[str]:
    """The labels of one of the paper's tables, in its order of rows."""
    numbers = _numbers()
    return list(dict.fromkeys(numbers.loc[numbers["source"] == source, "label"]))
