"""`strokebench speed`, `speed-scale` and `speed-peers`: what a fit and an experiment cost on this machine."""

from typing import Annotated

import typer

from strokebench.benchmarks.cli.options import takes_settings
from strokebench.benchmarks.measuring import scale
from strokebench.benchmarks.measuring import speed as measuring
from strokebench.benchmarks.measuring.sizes import CohortSizes
from strokebench.benchmarks.measuring.speed_peers import compare
from strokebench.benchmarks.running.settings import Settings, parse_names
from strokebench.errors import StrokebenchError
from strokebench.reports.tables.console import make_console


@takes_settings("methods")
def speed(
    settings: Settings,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs over which medians are taken.")] = 5,
) -> None:
    """Time every method on one thread, stage by stage, beside the floor of its matrix products alone."""
    measuring.bench(make_console(), settings.methods, epochs)


def speed_scale(
    patients: Annotated[str, typer.Option(help="Patients of each made-up cohort.")] = "729,10000,100000",
    stages: Annotated[str, typer.Option(help="Only these, separated by commas.")] = "",
    columns: Annotated[int, typer.Option(min=1, help="Of the table, where more than usual.")] = CohortSizes.columns,
    workload: Annotated[str, typer.Option(help="What else the machine is doing, for the caption.")] = "",
) -> None:
    """Time each stage of an experiment on made-up embeddings of more and more patients."""
    try:
        sizes = [int(part) for part in patients.split(",")]
    except ValueError:
        raise StrokebenchError(f"{patients!r} are no numbers of patients.", "Write 729,10000,100000.") from None
    scale.bench(make_console(), sizes, parse_names(stages) or (), workload, CohortSizes(columns=columns))


def speed_peers(
    peers: Annotated[str, typer.Option(help="Only these, separated by commas: fusilli, widedeep, multabench.")] = "",
    repeats: Annotated[int, typer.Option(min=1, help="How often all of it is measured.")] = 3,
    folds: Annotated[int, typer.Option(min=1, max=5, help="How many of the five folds.")] = 3,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs a fit.")] = 10,
) -> None:
    """Time fusilli, pytorch-widedeep and MulTaBench, each in an environment of its own, in turns with ours.

    Making the environments takes some minutes and 5 GB, once; timing a quarter of an hour, with nothing else running.
    """
    compare(make_console(), parse_names(peers) or (), repeats, folds, epochs, CohortSizes())
