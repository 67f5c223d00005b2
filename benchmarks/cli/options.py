"""The options that the commands share. Each reads an environment variable too, so that make and it agree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from strokebench.benchmarks.running.settings import Settings, parse_names, parse_seeds, usable_cores

DatasetOption = Annotated[
    str,
    typer.Option("--dataset", envvar="DATASET", help="virtual, soop, or a cohort's YAML file."),
]
OutcomeOption = Annotated[
    str,
    typer.Option(
        "--outcome",
        envvar="OUTCOME",
        help="Name of an outcome of the cohort, or a rule such as 'nihss < 7'. Default: the cohort's first.",
    ),
]
ProtocolOption = Annotated[
    str, typer.Option("--protocol", envvar="PROTOCOL", help="cv5, holdout, or loho (leave one hospital out).")
]
EncodersOption = Annotated[
    str, typer.Option("--encoders", envvar="ENCODERS", help="embedded (no network needed) or paper.")
]
SeedsOption = Annotated[str, typer.Option("--seeds", envvar="SEEDS", help="One repetition each.")]
JobsOption = Annotated[
    int,
    typer.Option("--jobs", "-j", envvar="JOBS", help="Worker processes of one thread each. 0: one a core."),
]
QuickOption = Annotated[
    bool, typer.Option("--quick", envvar="QUICK", help="One seed, two folds, eight epochs: does it all work?")
]
MethodsOption = Annotated[
    str,
    typer.Option("--methods", help="Only these, separated by commas. Default: all possible."),
]
TrackingOption = Annotated[
    bool,
    typer.Option("--tracking/--no-tracking", help="Log to MLflow (a local file, or MLFLOW_TRACKING_URI)."),
]
BalanceOption = Annotated[
    str, typer.Option("--balance", help="How the training part is balanced: smote, duplicate or none.")
]
ShuffleOption = Annotated[
    int | None,
    typer.Option(
        "--shuffle-labels",
        metavar="SEED",
        help="Permute the labels among patients. A check of the suite: every AUC must then be near 50.",
    ),
]
WeightsOption = Annotated[
    Path | None,
    typer.Option("--weights", envvar="WEIGHTS", help="Folder with the paper's encoders, if there is no network."),
]
DeviceOption = Annotated[
    str, typer.Option("--device", envvar="DEVICE", help="For encoders and networks: auto, cpu or cuda.")
]
ScaleTextOption = Annotated[
    bool,
    typer.Option(
        "--keep-scale-text",
        help="Leave sentences that state the outcome's own scale in the text. They may give the outcome away.",
    ),
]

ParamsOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--params", help="YAML file of a method's hyper-parameters, as `strokebench tune` writes; may be repeated."
    ),
]


GridSeedsOption = Annotated[
    int,
    typer.Option(
        "--grid-seeds",
        envvar="GRID_SEEDS",
        help="How many of the seeds each point of a grid of hyper-parameters is run with.",
    ),
]
BackendOption = Annotated[
    str,
    typer.Option("--backend", envvar="BACKEND", help="Where to fit: auto, processes, stack (on a GPU) or dask."),
]
SchedulerOption = Annotated[
    str | None,
    typer.Option("--scheduler", envvar="SCHEDULER", help="Address of a running Dask scheduler, tcp://host:8786."),
]


def settings(
    dataset: str,
    outcome: str,
    protocol: str,
    encoders: str,
    seeds: str,
    jobs: int,
    quick: bool,
    methods: str = "",
    tracking: bool = True,
    balance: str = "smote",
    shuffle_labels: int | None = None,
    weights: Path | None = None,
    device: str = "auto",
    keep_scale_text: bool = False,
    params: Sequence[Path] | None = None,
    grid_seeds: int = 1,
    backend: str = "auto",
    scheduler: str | None = None,
) -> Settings:
    """The options as `Settings`.

    Raises:
        StrokebenchError: an option cannot be read.
    """
    return Settings(
        dataset=dataset,
        outcome=outcome or None,
        protocol=protocol,
        encoders=encoders,
        seeds=parse_seeds(seeds),
        jobs=jobs or usable_cores(),
        methods=parse_names(methods),
        quick=quick,
        tracking=tracking,
        balance=balance,
        shuffle_labels=shuffle_labels,
        weights=weights,
        device=device,
        keep_scale_text=keep_scale_text,
        params=tuple(params or ()),
        grid_seeds=grid_seeds,
        backend=backend,
        scheduler=scheduler,
    )
