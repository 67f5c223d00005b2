"""What the user may choose for every experiment. Light: the command line reads it before anything else."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from strokebench.errors import StrokebenchError

BACKENDS = ("auto", "processes", "stack", "dask")
DEVICES = ("auto", "cpu", "cuda")
SEEDS = (39, 40, 41, 42)
QUICK_FOLDS = 2
QUICK_PARAMS = {"max_epochs": 8, "warmup_epochs": 2}
"""What a quick check changes where a method has such a parameter."""


@dataclass(frozen=True)
class Settings:
    """Choices common to all experiments; the command line's options and make's variables.

    Args:
        dataset: `virtual`, `soop`, or the path of a cohort's YAML file.
        outcome: name of one of the cohort's outcomes, or a rule such as `nihss < 7`; None: its first.
        protocol: `cv5`, `holdout` or `loho`.
        encoders: `embedded` or `paper`.
        seeds: one repetition each.
        jobs: worker processes, one thread each.
        methods: only these; None: all that the cohort allows.
        quick: one seed, two folds, eight epochs, to see that everything works.
        tracking: log to MLflow.
        balance: a key of `strokebench.tasks.preparing.balancing.BALANCERS`.
        shuffle_labels: permute the labels among patients with this seed; every AUC must then be near 0.5.
        weights: folder with the paper's encoders, where there is no network to fetch them from.
        device: where encoders and networks run: `auto`, `cpu` or `cuda`.
        keep_scale_text: leave sentences that state the outcome's own scale (an NIHSS, say) in the text.
        params: YAML files of hyper-parameters, one a method.
        grid_seeds: how many of the seeds each point of a grid of hyper-parameters is run with.
        backend: where fits are computed: `processes` of this machine, the `stack` of a GPU, `dask`, or `auto`.
        scheduler: address of a Dask scheduler; None: with `dask` a cluster of this machine.
    """

    dataset: str = "virtual"
    outcome: str | None = None
    protocol: str = "cv5"
    encoders: str = "embedded"
    seeds: tuple[int, ...] = SEEDS
    jobs: int = 1
    methods: tuple[str, ...] | None = None
    quick: bool = False
    tracking: bool = True
    balance: str = "smote"
    shuffle_labels: int | None = None
    weights: Path | None = None
    device: str = "auto"
    keep_scale_text: bool = False
    params: tuple[Path, ...] = ()
    grid_seeds: int = 1
    backend: str = "auto"
    scheduler: str | None = None

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise StrokebenchError(f"jobs is {self.jobs}.", "Give 1 or more worker processes.")
        if self.grid_seeds < 1:
            raise StrokebenchError(f"grid seeds are {self.grid_seeds}.", "Give 1 or more.")
        if self.backend not in BACKENDS:
            raise StrokebenchError(f"No backend is called {self.backend!r}.", f"Choose from: {', '.join(BACKENDS)}.")
        if self.device not in DEVICES:
            raise StrokebenchError(f"No device is called {self.device!r}.", f"Choose from: {', '.join(DEVICES)}.")
        if self.scheduler and self.backend not in ("auto", "dask"):
            raise StrokebenchError(f"A scheduler is Dask's, and the backend is {self.backend}.", "Give --backend dask.")
        if self.device == "cuda" and (self.scheduler or self.backend in ("processes", "dask")):
            raise StrokebenchError("Worker processes and clusters compute on CPUs, not on cuda.", "Give --device auto.")
        if self.device == "cpu" and self.backend == "stack":
            raise StrokebenchError("The stack needs a GPU, and the device is cpu.", "Give --device cuda.")


def parse_seeds(text: str) -> tuple[int, ...]:
    """Read `39,40,41,42`.

    Raises:
        StrokebenchError: not different whole numbers from 0 on.
    """
    try:
        seeds = tuple(int(part) for part in text.split(","))
    except ValueError:
        seeds = ()
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise StrokebenchError(f"Seeds {text!r} cannot be read.", "Write for example 39,40,41,42.")
    return seeds


def parse_names(text: str | None) -> tuple[str, ...] | None:
    """Read `vdafm,concat`; None or nothing: all."""
    names = tuple(name.strip() for name in (text or "").split(",") if name.strip())
    return names or None


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
