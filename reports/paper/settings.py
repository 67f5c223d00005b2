"""Which of our settings stands beside which row of the paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from strokebench.reports.paper.numbers import paper_numbers
from strokebench.tasks.conditions import COMPLETE, Condition
from strokebench.tasks.inputs import Modality

VDAFM = "vdafm"
CHOSEN: dict[str, Any] = {"layers": 1, "heads": 16, "hidden": 512, "width": 256, "dropout": 0.5}
"""The paper's final setting (section 4.5), which is VDAFM's default."""

LOSSES: dict[str, tuple[str, dict[str, Any]]] = {
    "cls": ("classification", {"contrastive_weight": 0.0, "alignment_weight": 0.0}),
    "cls+con": ("+ contrastive", {"alignment_weight": 0.0}),
    "cls+sem": ("+ alignment", {"contrastive_weight": 0.0}),
}
"""Label in the paper's Table 3 -> our variant, and what differs from the defaults; all losses are the default."""

TRADITIONAL = ("xgboost", "random_forest", "svm")
SINGLE_MODAL_DEEP = ("mlp", "table_net", "image_net")
MULTIMODAL = ("concat", "cross_attention", "earthmind", "fusion", "sparsemm", VDAFM)
HEADS = (4, 8, 16, 32)
SIZES = ((128, 64), (256, 128), (512, 256), (512, 512))
"""Hidden and output size of figure 4."""
DROPOUTS = (0.3, 0.4, 0.5, 0.6, 0.7)

Address = tuple[str, str, str]
"""Source, row and label of the paper's numbers."""


@dataclass(frozen=True)
class PaperSetting:
    """A method with parameters and a condition; `params` are what differs from its defaults."""

    method: str
    variant: str = ""
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)
    condition: Condition = COMPLETE


def vdafm_with(**values: Any) -> PaperSetting:
    """VDAFM with these parameters; the default setting, without a variant, where they are the chosen ones."""
    params = {name: value for name, value in values.items() if CHOSEN[name] != value}
    if not params:
        return PaperSetting(VDAFM)
    return PaperSetting(VDAFM, ", ".join(f"{name}={value}" for name, value in values.items()), values)


def size_settings() -> list[PaperSetting]:
    """Figure 4, from small to large."""
    return [vdafm_with(hidden=hidden, width=width) for hidden, width in SIZES]


def dropout_settings() -> list[PaperSetting]:
    """The search over dropout, from little to much."""
    return [vdafm_with(dropout=dropout) for dropout in DROPOUTS]


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
    return list(dict.fromkeys([*wanted, *size_settings(), *dropout_settings()]))


def _settings(source: str, row: str, label: str) -> tuple[PaperSetting, ...]:
    match source:
        case "table1":
            return (PaperSetting(label),)
        case "table1_prose" if label in MULTIMODAL:
            return (PaperSetting(label),)
        case "table1_prose" if label.startswith("traditional("):
            return tuple(PaperSetting(method) for method in TRADITIONAL)
        case "table2":
            return (PaperSetting(VDAFM, condition=Condition(frozenset(map(Modality, label.split("+"))))),)
        case "table3":
            variant, params = LOSSES.get(label, ("", {}))
            return (PaperSetting(VDAFM, variant, params),)
        case "fig2":
            values = dict(part.split("=") for part in row.split(","))
            heads = HEADS if values["heads"] == "mean" else (int(values["heads"]),)
            return tuple(vdafm_with(layers=int(values["layers"]), heads=n) for n in heads)
        case "fig3":
            return (PaperSetting(VDAFM),)
    return ()
