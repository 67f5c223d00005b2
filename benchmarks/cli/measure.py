"""`strokebench speed`: what a fit of each method costs on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from strokebench.benchmarks.cli import options
from strokebench.benchmarks.measuring.simulation_table import simulation_table
from strokebench.benchmarks.running.settings import parse_names
from strokebench.errors import StrokebenchError

if TYPE_CHECKING:
    pass


def speed(
    methods: options.MethodsOption = "",
    epochs: Annotated[int, typer.Option(min=1, help="Epochs over which medians are taken.")] = 5,
) -> None:
    """Time every method on one thread, stage by stage, beside the floor of its matrix products alone."""
    from rich.console import Console

    from strokebench.benchmarks.measuring.speed_bench import bench

    bench(Console(highlight=False), parse_names(methods), epochs)


def speed_scale(
    patients: Annotated[str, typer.Option(help="Sizes of the made-up cohorts.")] = "729,10000,100000",
    stages: Annotated[str, typer.Option(help="Only these, separated by commas.")] = "",
    beside: Annotated[str, typer.Option(help="What else the machine is doing, for the caption.")] = "",
) -> None:
    """Time each stage of an experiment on made-up embeddings of more and more patients."""
    from rich.console import Console

    from strokebench.benchmarks.measuring.scale_bench import bench

    try:
        sizes = [int(part) for part in patients.split(",")]
    except ValueError:
        raise StrokebenchError(f"{patients!r} are no numbers of patients.", "Write 729,10000,100000.") from None
    bench(Console(highlight=False), sizes, parse_names(stages) or (), beside)


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

    from strokebench.benchmarks.measuring.speed import Sizes
    from strokebench.benchmarks.measuring.speed_peers import compare

    compare(Console(highlight=False), parse_names(peers) or (), repeats, folds, epochs, Sizes())


def simulate(
    replicates: Annotated[int, typer.Option("--replicates", "-n", min=2, help="Made-up cohorts a table.")] = 500,
    patients: Annotated[int, typer.Option("--patients", min=60, help="Patients of each cohort.")] = 200,
    seed: Annotated[int, typer.Option("--seed", help="Equal seeds give equal tables.")] = 0,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, envvar="JOBS", help="Processes of one thread.")] = 1,
) -> None:
    """Measure coverage of the intervals and type-I error of the tests on made-up cohorts with a known truth."""
    from dataclasses import replace

    from rich.console import Console
    from threadpoolctl import threadpool_limits

    from strokebench.benchmarks.measuring.simulation import WORLDS
    from strokebench.benchmarks.measuring.simulation import simulate as measure
    from strokebench.files import home
    from strokebench.reports.tables.render import write_table
    from strokebench.reports.tables.terminal import TerminalTable

    console = Console(highlight=False)
    folder = home("results", "simulation")
    for number, world in enumerate(WORLDS):
        world = replace(world, patients=patients)
        with threadpool_limits(1), console.status(f"{world.title}: {replicates} cohorts"):
            table = simulation_table(world, measure(world, replicates, seed, jobs=jobs), f"simulation_{number + 1}")
        write_table(table, folder)
        console.print(TerminalTable(table))
    console.print(f"Written to {folder}", soft_wrap=True, style="dim")
