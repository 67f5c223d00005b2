"""`strokebench simulate`: are intervals and tests what they say, where the truth is known?"""

from dataclasses import replace
from typing import Annotated

import typer
from threadpoolctl import threadpool_limits

from strokebench.benchmarks.measuring.simulation import WORLDS, simulation_table
from strokebench.benchmarks.measuring.simulation import simulate as measure
from strokebench.files import home
from strokebench.reports.tables.console import make_console
from strokebench.reports.tables.render import write_table
from strokebench.reports.tables.terminal import TerminalTable


def simulate(
    replicates: Annotated[int, typer.Option("--replicates", "-n", min=2, help="Made-up cohorts a table.")] = 500,
    patients: Annotated[
        int | None, typer.Option("--patients", min=60, help="Of each cohort; default: 200 or 729, as the table says.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Equal seeds give equal tables.")] = 0,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, envvar="JOBS", help="Processes of one thread.")] = 1,
) -> None:
    """Measure coverage of the intervals and type-I error of the tests on made-up cohorts with a known truth."""
    console = make_console()
    folder = home("results", "simulation")
    for number, world in enumerate(WORLDS):
        world = replace(world, patients=patients or world.patients)
        with threadpool_limits(1), console.status(f"{world.title}: {replicates} cohorts"):
            table = simulation_table(world, measure(world, replicates, seed, jobs=jobs), f"simulation_{number + 1}")
        write_table(table, folder)
        console.print(TerminalTable(table))
    console.print(f"Written to {folder}", soft_wrap=True, style="dim")
