"""`strokebench speed-peers`: the speed of training beside other programs."""

from __future__ import annotations

from typing import Annotated

import typer

from strokebench.benchmarks.settings import parse_names


def speed_peers(
    peers: Annotated[str, typer.Option(help="Only these, separated by commas: fusilli, widedeep.")] = "",
    repeats: Annotated[int, typer.Option(min=1, help="How often all of it is measured.")] = 3,
    folds: Annotated[int, typer.Option(min=1, max=5, help="How many of the five folds.")] = 3,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs a fit.")] = 10,
) -> None:
    """Time fusilli and pytorch-widedeep, each in an environment of its own, in turns with ours.

    Making the environments takes some minutes and 3 GB, once; timing a quarter of an hour. Measure with nothing
    else running.
    """
    from rich.console import Console

    from strokebench.benchmarks.speed import Sizes
    from strokebench.benchmarks.speed_peers import compare

    compare(Console(highlight=False), parse_names(peers) or (), repeats, folds, epochs, Sizes())
