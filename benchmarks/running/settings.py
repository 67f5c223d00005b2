"""What the user may choose for every experiment. Light: the command line reads it before anything else."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from strokebench.errors import StrokebenchError, unknown_name

BACKENDS = ("auto", "processes", "stack", "dask")
DEVICES = ("auto", "cpu", "cuda")
SEEDS = (39, 40, 41, 42)
EXPERIMENTS = (
    *("table1", "added_value", "comparison", "tuned", "clinical", "table2", "table3", "figure2", "figure3", "figure4"),
    *("dropout", "alignment", "figure5", "missing", "imputation", "learning_curve", "readings", "encoders", "paper"),
)
"""The house's own, for help and editors; those of other packages stand in `strokebench list experiments`."""
QUICK_FOLDS = 2
QUICK_PARAMS = {"max_epochs": 8, "warmup_epochs": 1, "learning_rate": 1e-3}
"""What a quick check changes of a network: a shorter schedule with a higher peak, so that eight epochs train it and do
not merely warm it up."""

MOST_JOBS = 1024
"""More processes than one machine has use for: a slip of the keyboard would fill its memory."""


@dataclass(frozen=True)
class Option:
    """What the command line and make need to know of a setting; its name and default are the field's.

    Args:
        help: one line.
        env: whether the environment variable of its name in capitals gives it too; an empty one counts as none.
        choices: names that there are, or `module:attribute` of such names or of a function that refuses others;
            looked up when something else than the default is chosen.
        least: of a number.
        read: makes the value of what was typed, and leaves what is one already.
        typed: type of what is typed, where it is not the field's.
        also: a further name of the option. metavar: what the help calls the value.
    """

    help: str
    env: bool = True
    choices: Sequence[str] | str = ()
    least: int | None = None
    read: Callable[[Any], Any] | None = None
    typed: Any = None
    also: str = ""
    metavar: str | None = None

    def listed(self) -> Sequence[str]:
        """Its choices; none where only a function knows them."""
        known = resolve_name(self.choices) if isinstance(self.choices, str) else self.choices
        return () if callable(known) else tuple(known)

    def check(self, name: str, value: Any) -> None:
        """Refuse a value that is not possible.

        Raises:
            StrokebenchError: it is too small, or none of the choices; names the nearest.
        """
        if self.least is not None and value < self.least:
            raise StrokebenchError(f"{name.replace('_', ' ')} is {value}.", f"Give {self.least} or more.")
        if self.choices and value is not None:
            known = resolve_name(self.choices) if isinstance(self.choices, str) else self.choices
            for choice in (value,) if isinstance(value, str) else value:
                if callable(known):
                    known(choice)
                elif choice not in known:
                    raise unknown_name(name.replace("_", " "), choice, known)


def setting(default: Any, help: str, **about: Any) -> Any:
    """A field of `Settings`; for the arguments see `Option`."""
    return field(default=default, metadata={"option": Option(help, **about)})


def parse_seeds(given: str | Iterable[int]) -> tuple[int, ...]:
    """Read `39,40,41,42`, or what was read already.

    Raises:
        StrokebenchError: not different whole numbers from 0 on, or larger than scikit-learn takes.
    """
    try:
        seeds = tuple(int(part) for part in (given.split(",") if isinstance(given, str) else given))
    except (ValueError, TypeError):
        seeds = ()
    if not seeds or min(seeds) < 0 or max(seeds) >= 2**32 or len(set(seeds)) < len(seeds):
        raise StrokebenchError(f"Seeds {str(given)[:99]!r} cannot be read.", "Write for example 39,40,41,42.")
    return seeds


def parse_names(given: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Read `vdafm,concat`, or what was read already, each name once; None or nothing: all."""
    parts = given.split(",") if isinstance(given, str) else given or ()
    return tuple(dict.fromkeys(name.strip() for name in parts if name.strip())) or None


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Settings:
    """Choices common to all experiments, each described by its own field: all the options and make's variables.

    Raises:
        StrokebenchError: a choice that is not possible.
    """

    dataset: str = setting(
        "virtual",
        "virtual, virtual-1 to -4, virtual-sequences, virtual-null, virtual-fusion, soop, soop-flair, or a cohort's "
        "YAML file.",
        read=os.fspath,
    )
    fetch: bool = setting(
        False, "Fetch what is public of the cohort, where it is not here, without asking.", also="--yes"
    )
    outcome: str | None = setting(
        None, "Name of an outcome of the cohort, or a rule such as 'nihss < 7'. Default: the cohort's first."
    )
    protocol: str = setting(
        "cv5",
        "cv5, holdout, loho (leave one hospital out), or own (the cohort's folds).",
        choices="strokebench.tasks.protocols:PROTOCOLS",
    )
    sizes: str = setting(
        "small",
        "Of the paper's networks: small (128 hidden units, width 64) or paper (512, 256).",
        choices="strokebench.tasks.paper_setup:SIZES",
    )
    encoders: str = setting(
        "embedded",
        "embedded (no network needed), paper, or IMAGE+TEXT of `strokebench list encoders`.",
        choices="strokebench.datasets.encoders.registry:find_encoders",
    )
    image_encoder: str | None = setting(
        None, "In place of the pair's: a name of `strokebench list encoders`, hf:owner/name@revision or monai:net@file."
    )
    text_encoder: str | None = setting(
        None, "In place of the pair's: a name of `strokebench list encoders`, or hf:owner/name@revision."
    )
    compared_encoders: tuple[str, ...] | None = setting(
        None,
        "Pairs that the experiment `encoders` holds against the chosen one, separated by commas.",
        choices="strokebench.datasets.encoders.registry:find_encoders",
        read=parse_names,
        typed=str | None,
    )
    seeds: tuple[int, ...] = setting(SEEDS, "One repetition each.", read=parse_seeds, typed=str)
    jobs: int = setting(0, "Worker processes of one thread each. 0: one a core.", least=0, also="-j")
    quick: bool = setting(False, "Eight epochs, and in tables one seed and two folds: does it all work?")
    methods: tuple[str, ...] | None = setting(
        None,
        "Only these, separated by commas. Default: all possible.",
        env=False,
        choices="strokebench.benchmarks.keys.described:usable",
        read=parse_names,
        typed=str | None,
    )
    tracking: bool = setting(True, "Log to MLflow (a local file, or MLFLOW_TRACKING_URI).", env=False)
    balance: str = setting(
        "smote",
        "How the training part is balanced: smote, duplicate or none.",
        env=False,
        choices="strokebench.tasks.preparing.balancing:BALANCERS",
    )
    shuffle_labels: int | None = setting(
        None,
        "Permute the labels among patients. A check of the suite: every AUC must then be near 50.",
        env=False,
        least=0,
        metavar="SEED",
    )
    weights: Path | None = setting(  # noqa: RUF009
        None,
        "Folder with the paper's encoders, if there is no network.",
        read=lambda folder: Path(folder) if folder else None,
    )
    device: str = setting("auto", "For encoders and networks: auto, cpu or cuda.", choices=DEVICES)
    keep_scale_text: bool = setting(
        False,
        "Leave sentences that state the outcome's own scale in the text. They may give the outcome away.",
        env=False,
    )
    params: tuple[Path, ...] = setting(
        (),
        "YAML file of a method's hyper-parameters, as `strokebench tune` writes; may be repeated.",
        env=False,
        metavar="FILE.yaml",
        read=lambda paths: tuple(map(Path, [paths] if isinstance(paths, (str, Path)) else paths or ())),
        typed=list[Path] | None,
    )
    grid_seeds: int = setting(1, "How many of the seeds each point of a grid of hyper-parameters is run with.", least=1)
    backend: str = setting("auto", "Where to fit: auto, processes, stack (on a GPU) or dask.", choices=BACKENDS)
    scheduler: str | None = setting(None, "Address of a running Dask scheduler, tcp://host:8786.")

    def __post_init__(self) -> None:
        for each in fields(self):
            option, value = each.metadata["option"], getattr(self, each.name)
            if option.read:
                value = option.read(value)
                object.__setattr__(self, each.name, value)
            if value != each.default:
                option.check(each.name, value)
        if self.image_encoder or self.text_encoder:
            self._choose_apart()
        if self.jobs > MOST_JOBS:
            raise StrokebenchError(f"jobs is above {MOST_JOBS}.", "Give fewer; 0 is one a core.")
        object.__setattr__(self, "jobs", self.jobs or usable_cores())
        if self.scheduler and self.backend not in ("auto", "dask"):
            raise StrokebenchError(f"A scheduler is Dask's, and the backend is {self.backend}.", "Give --backend dask.")
        if self.device == "cuda" and (self.scheduler or self.backend in ("processes", "dask")):
            raise StrokebenchError("Worker processes and clusters compute on CPUs, not on cuda.", "Give --device auto.")
        if self.device == "cpu" and self.backend == "stack":
            raise StrokebenchError("The stack needs a GPU, and the device is cpu.", "Give --device cuda.")

    def _choose_apart(self) -> None:
        """Write the two encoders as a pair, by which everything else knows them."""
        from strokebench.datasets.encoders.registry import find_encoders, pair_of

        encoders = pair_of(self.encoders, self.image_encoder, self.text_encoder)
        find_encoders(encoders, self.weights)
        for name, value in (("encoders", encoders), ("image_encoder", None), ("text_encoder", None)):
            object.__setattr__(self, name, value)
