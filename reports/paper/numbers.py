"""The numbers that the paper itself reports, and which of our settings stands beside which of them.

`paper_numbers.csv` holds one number a row, in percent. Most of the paper's Table 1 is not legible in the text
version that we read; what the text and Tables 2 and 3 state of it is there. `provenance` says how a number is
known:

- `reported`: printed in a table; `prose`: printed in the text;
- `derived`: follows exactly from two printed numbers; `inferred`, `approx`: follows approximately;
- `derived_bound`, `derived_upper_bound`, `ordinal`: a bound or a rank, not a value;
- `prose_error`: printed, but contradicted by the paper itself; `figure_only`, `stripped`: lost to us.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import pandas as pd

from strokebench.reports.results import Results, variant_id
from strokebench.reports.tables.table import PaperNumber
from strokebench.tasks.conditions import COMPLETE, Condition
from strokebench.tasks.paper_setup import (
    CHOSEN,
    GRIDS,
    LOSS_LABELS,
    LOSSES,
    OUTCOME,
    PAPER_ORDER,
    PROPOSED,
    apart,
)


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


OTHER_OUTCOME = f"the paper's outcome is {OUTCOME}"
"""Why nothing of the paper is compared with results of another outcome."""


def is_papers_outcome(results: Results) -> bool:
    """Whether these results are of what the paper predicts."""
    return results.provenance.get("outcome", "").casefold().split() == OUTCOME.split()


def paper_order(source: str) -> list[str]:
    """The labels of one of the paper's tables, in its order of rows."""
    numbers = _numbers()
    return list(dict.fromkeys(numbers.loc[numbers["source"] == source, "label"]))


SINGLE, MULTIMODAL = ("Traditional", "Deep"), ("Multimodal", "Proposed")
"""The paper's categories of methods that read one modality, and more than one."""

Address = tuple[str, str, str]
"""Source, row and label of the paper's numbers."""


@dataclass(frozen=True)
class PaperSetting:
    """A method with parameters and a condition; `params` are what differs from its defaults."""

    method: str
    params: Mapping[str, Any] = field(default_factory=dict)
    condition: Condition = COMPLETE
    label: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """Values of `SETTING`."""
        return self.method, variant_id(self.params), self.condition.id


def vdafm_with(**values: Any) -> PaperSetting:
    """VDAFM with these parameters; the default setting, without a variant, where they are the chosen ones."""
    params = {name: value for name, value in values.items() if CHOSEN[name] != value}
    if not params:
        return PaperSetting(PROPOSED)
    return PaperSetting(PROPOSED, values, label=", ".join(f"{name}={value}" for name, value in values.items()))


def grid_settings(name: str) -> list[PaperSetting]:
    """The settings along one of the paper's grids with a single axis, in its order."""
    [(axis, values)] = GRIDS[name].items()
    return [vdafm_with(**apart(axis, value)) for value in values]


def methods_of(*families: str) -> tuple[str, ...]:
    """The methods of these categories in the paper's Table 1, in its order."""
    numbers = paper_numbers()
    rows = numbers[(numbers["source"] == "table1") & numbers["flags"].isin(families)]
    return tuple(dict.fromkeys(rows["label"]))


def paper_settings() -> dict[Address, tuple[PaperSetting, ...]]:
    """Every row of the paper that has a mean of ours beside it; of several settings the mean is meant."""
    rows = paper_numbers()[["source", "row", "label"]].drop_duplicates().itertuples(index=False)
    found = {}
    for source, row, label in rows:
        if settings := _settings(source, row, label):
            found[source, row, label] = settings
    return found


def planned_settings() -> list[PaperSetting]:
    """All settings that the comparison needs, each once, in the order of the paper."""
    wanted = [setting for settings in paper_settings().values() for setting in settings]
    wanted += [*grid_settings("figure4"), *grid_settings("dropout")]
    return list({setting.key: setting for setting in wanted}.values())


def _settings(source: str, row: str, label: str) -> tuple[PaperSetting, ...]:
    match source:
        case "table1":
            return (PaperSetting(label),)
        case "table1_prose" if label in methods_of(*MULTIMODAL):
            return (PaperSetting(label),)
        case "table1_prose" if label.startswith("traditional("):
            return tuple(PaperSetting(method) for method in methods_of("Traditional"))
        case "table2":
            kept = frozenset(label.split("+"))
            return (PaperSetting(PROPOSED, condition=COMPLETE if kept == {*PAPER_ORDER} else Condition(kept)),)
        case "table3":
            return (PaperSetting(PROPOSED, LOSSES[label], label=LOSS_LABELS[label] if LOSSES[label] else ""),)
        case "fig2":
            values = dict(part.split("=") for part in row.split(","))
            heads = GRIDS["figure2"]["heads"] if values["heads"] == "mean" else (int(values["heads"]),)
            return tuple(vdafm_with(layers=int(values["layers"]), heads=n) for n in heads)
        case "fig3":
            return (PaperSetting(PROPOSED),)
    return ()
