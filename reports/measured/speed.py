"""Where the time of each method goes, and how far its training step is from the floor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from strokebench.reports.tables.table import DASH, Cell, Column, Kind, Row, Table, text_columns

STAGES = ("data", "forward", "backward", "optimiser")

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


@dataclass(frozen=True)
class Speed:
    """What was measured of a method, on one thread; times are medians over repeats.

    Args:
        method, label, family: registry name, and as tables print it.
        fit_seconds: of a whole fit; of a network estimated from an epoch.
        peak_mb: above what the process held before.
        stages: milliseconds of a training step by stage; empty for what is no network.
        floor: milliseconds of the step's matrix products alone, by PyTorch; NaN for what is no network.
        epoch_seconds, evaluation_seconds: of an epoch with, and of its validation alone.
        parameters: their number.
    """

    method: str
    label: str
    family: str
    fit_seconds: float
    peak_mb: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    floor: float = float("nan")
    epoch_seconds: float = float("nan")
    evaluation_seconds: float = float("nan")
    parameters: int = 0

    @property
    def step(self) -> float:
        """Milliseconds of a training step."""
        return sum(self.stages.values())

    @property
    def over_floor(self) -> float:
        """The step as a multiple of its floor."""
        return self.step / self.floor


def speed_table(speeds: Sequence[Speed], around: Mapping[str, float], machine: str, epochs: int) -> Table:
    """One row a method.

    Args:
        around: what else takes time, seconds by what it is.
        machine: what it was measured on.
        epochs: that a network's fit is reckoned with.
    """
    rows = [Row(speed.method, speed.label, speed.family, _cells(speed)) for speed in speeds]
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


def _cells(speed: Speed) -> dict[str, Cell]:
    texts = dict.fromkeys((*STAGES, "epoch", "evaluation", "floor", "over_floor"), DASH)
    cells = {"fits": Cell(value=3600 / speed.fit_seconds), "peak_mb": Cell(value=speed.peak_mb)}
    if speed.stages:
        texts |= {stage: f"{milliseconds:.2f}" for stage, milliseconds in speed.stages.items()}
        texts |= {"epoch": f"{speed.epoch_seconds:.3f} s", "evaluation": f"{1000 * speed.evaluation_seconds:.1f}"}
        texts |= {"floor": f"{speed.floor:.2f}", "over_floor": f"{speed.over_floor:.2f}"}
        cells["parameters"] = Cell(value=float(speed.parameters))
    return cells | {key: Cell(text=text) for key, text in texts.items()}
