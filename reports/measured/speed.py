"""Where the time of each method goes, and how far its training step is from the floor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from strokebench.reports.tables.table import DASH, Cell, Column, Kind, Row, Table, text_columns

COLUMNS = (
    Column("fits", "Fits/h", Kind.COUNT),
    *text_columns(
        epoch="Epoch",
        data="Data",
        forward="Forward",
        backward="Backward",
        optimiser="Optimiser",
        evaluation="Evaluation",
        floor="Floor",
        over_floor="Step/floor",
    ),
    Column("parameters", "Params", Kind.COUNT),
    Column("peak_mb", "Memory", Kind.MEGABYTES),
)


def speed_table(speeds: Sequence[Mapping[str, Any]], around: Mapping[str, float], machine: str, epochs: int) -> Table:
    """One row a method.

    Args:
        speeds: `method`, `label`, `family`, and the fields of `strokebench.benchmarks.measuring.speed.Speed`, with
            `step` and `over_floor`.
        around: what else takes time, seconds by what it is.
        machine: what it was measured on.
        epochs: that a network's fit is reckoned with.
    """
    rows = [Row(speed["method"], speed["label"], speed["family"], _cells(speed)) for speed in speeds]
    return Table(
        name="speed",
        title="Speed of the methods",
        cohort="made-up patients of the paper's sizes",
        caption=f"One thread, medians; 636 training and 117 validation patients. {machine}.",
        columns=COLUMNS,
        rows=rows,
        notes=[
            f"Fits/h: on one core, prepared data; a network's fit is reckoned as {epochs} epochs.",
            "Data to Optimiser: milliseconds of a training step. Evaluation: milliseconds of an epoch's validation.",
            "Floor: the step's matrix products alone by PyTorch, same shapes and layout, measured in the same run. "
            "Step/floor: how many times as long the whole step takes.",
            "Around the fits: " + "; ".join(f"{what} {seconds:.2f} s" for what, seconds in around.items()) + ".",
        ],
        counts_runs=False,
    )


def _cells(speed: Mapping[str, Any]) -> dict[str, Cell]:
    stages = speed["stages"]
    cells = {stage: Cell(text=f"{stages[stage]:.2f}" if stages else DASH) for stage in _STAGES}
    if stages:
        cells |= {
            "epoch": Cell(text=f"{speed['epoch_seconds']:.3f} s"),
            "evaluation": Cell(text=f"{1000 * speed['evaluation_seconds']:.1f}"),
            "floor": Cell(text=f"{speed['floor']:.2f}"),
            "over_floor": Cell(text=f"{speed['over_floor']:.2f}"),
            "parameters": Cell(value=float(speed["parameters"])),
        }
    else:
        cells |= {key: Cell(text=DASH) for key in ("epoch", "evaluation", "floor", "over_floor")}
    return cells | {"fits": Cell(value=3600 / speed["fit_seconds"]), "peak_mb": Cell(value=speed["peak_mb"])}


_STAGES = ("data", "forward", "backward", "optimiser")
