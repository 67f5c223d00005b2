"""`strokebench simulate`: are intervals and tests what they say, where the truth is known?"""

from dataclasses import replace
from typing import Annotated

import typer
from threadpoolctl import threadpool_limits

from strokebench.benchmarks.measuring.simulation import WORLDS, simulation_table
from strokebench.benchmarks.measuring.simulation import simulate as measure
from strokebench.benchmarks.running.settings import parse_names
from strokebench.errors import unknown_name
from strokebench.files import home
from strokebench.reports.tables.console import make_console
from strokebench.reports.tables.render import write_table
from strokebench.reports.tables.terminal import TerminalTable


def simulate(
    replicates: Annotated[int, typer.Option("--replicates", "-n", min=2, help="Made-up cohorts a table.")] = 500,
    patients: Annotated[
        int | None, typer.Option("--patients", min=60, help="Of each cohort; default: 200 or 729, as the table says.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Equal seeds give equal tables.")] = 0,
    worlds: Annotated[str, typer.Option("--worlds", help=f"Only these, by commas: {', '.join(WORLDS)}.")] = "",
    resamples: Annotated[
        int, typer.Option("--resamples", min=0, help="Of each bootstrap, most of the time; 0 leaves it out.")
    ] = 500,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, envvar="JOBS", help="Processes of one thread.")] = 1,
) -> None:
    """Measure coverage of the intervals and type-I error of the tests on made-up cohorts with a known truth."""
    names = parse_names(worlds) or list(WORLDS)
    if unknown := set(names) - set(WORLDS):
        raise unknown_name("world", min(unknown), WORLDS)
    console = make_console()
    folder = home("results", "simulation")
    for name in names:
        world = replace(WORLDS[name], patients=patients or WORLDS[name].patients)
        with threadpool_limits(1), console.status(f"{world.title}: {replicates} cohorts"):
            table = simulation_table(world, measure(world, replicates, seed, resamples, jobs), f"simulation_{name}")
        write_table(table, folder)
        console.print(TerminalTable(table))
    console.print(f"Written to {folder}", soft_wrap=True, style="dim")
