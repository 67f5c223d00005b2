"""`strokebench speed`: what a fit of each method costs on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from strokebench.benchmarks import options
from strokebench.benchmarks.settings import parse_names


def speed(
    methods: options.MethodsOption = "",
    epochs: Annotated[int, typer.Option(min=1, help="Epochs over which medians are taken.")] = 5,
) -> None:
    """Time every method on one thread, stage by stage, beside the floor of its matrix products alone."""
    from rich.console import Console

    from strokebench.benchmarks.speed_bench import bench

    bench(Console(highlight=False), parse_names(methods), epochs)
