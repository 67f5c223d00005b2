"""Which of our settings stands beside which row of the paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from strokebench.reports.paper.numbers import paper_numbers
from strokebench.reports.results import variant_id
from strokebench.tasks.conditions import COMPLETE, Condition
from strokebench.tasks.paper_setup import CHOSEN, GRIDS, LOSS_LABELS, LOSSES, PAPER_ORDER, PROPOSED, apart

MULTIMODAL = ("Multimodal", "Proposed")
"""The paper's categories of methods that read more than one modality."""

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
