"""`strokebench simulate`: what the intervals and tests of the comparison are worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pandas as pd

    from strokebench.benchmarks.simulation_world import World
    from strokebench.reports.table import Table


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

    from strokebench.benchmarks.simulation import WORLDS
    from strokebench.benchmarks.simulation import simulate as measure
    from strokebench.datasets.files import home
    from strokebench.reports.render import to_rich, write_table

    console = Console(highlight=False)
    folder = home("results", "simulation")
    for number, world in enumerate(WORLDS):
        world = replace(world, patients=patients)
        with threadpool_limits(1), console.status(f"{world.title}: {replicates} cohorts"):
            table = simulation_table(world, measure(world, replicates, seed, jobs=jobs), f"simulation_{number + 1}")
        write_table(table, folder)
        console.print(to_rich(table))
    console.print(f"Written to {folder}", soft_wrap=True, style="dim")


def simulation_table(world: World, measured: pd.DataFrame, name: str) -> Table:
    """Coverage and error rates, in percent, with their standard error by the number of cohorts."""
    import numpy as np

    from strokebench.reports.table import Cell, Column, Row, Table

    groups = {
        "auc": "95 % interval of an AUC",
        "difference": "95 % interval of a difference",
        "test": "Test of a difference, p < 0.05",
        "family": "Any false claim among all pairs",
    }
    rejected = "Power" if world.handicap < 1 else "Type-I error"
    columns = [Column("procedure", "Covers procedure"), Column("models", "Covers models"), Column("rejected", rejected)]
    rows = []
    for record in measured.to_dict("records"):
        n = int(record["n"])
        cells = {
            column.key: Cell(float(share), float(np.sqrt(share * (1 - share) / n)))
            for column in columns
            if not np.isnan(share := record[column.key])
        }
        kind = str(record["kind"])
        rows.append(Row(f"{kind}/{record['name']}", str(record["name"]), groups[kind], cells, n, n))
    return Table(
        name=name,
        title=world.title,
        cohort=f"made-up cohorts of {world.patients} patients",
        caption=f"{world.methods} methods, 5-fold cross-validation with {world.seeds} seeds. Percent of cohorts "
        "(standard error). Intervals should cover 95 %; tests of equal methods should reject 5 %.",
        columns=columns,
        rows=rows,
        notes=[
            "Procedure: the expected AUC of models trained on as many patients. Models: the mean true AUC of the "
            "models trained on this cohort.",
        ],
    )
