"""`strokebench speed-scale`: how time and memory grow with the number of patients."""

from __future__ import annotations

from typing import Annotated

import typer

from strokebench.benchmarks.settings import parse_names
from strokebench.datasets.files import StrokebenchError


def speed_scale(
    patients: Annotated[str, typer.Option(help="Sizes of the made-up cohorts.")] = "729,10000,100000",
    stages: Annotated[str, typer.Option(help="Only these, separated by commas.")] = "",
    beside: Annotated[str, typer.Option(help="What else the machine is doing, for the caption.")] = "",
) -> None:
    """Time each stage of an experiment on made-up embeddings of more and more patients."""
    from rich.console import Console

    from strokebench.benchmarks.scale_bench import bench

    try:
        sizes = [int(part) for part in patients.split(",")]
    except ValueError:
        raise StrokebenchError(f"{patients!r} are no numbers of patients.", "Write 729,10000,100000.") from None
    bench(Console(highlight=False), sizes, parse_names(stages) or (), beside)
