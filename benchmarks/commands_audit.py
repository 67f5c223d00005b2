"""`strokebench audit ...`: does what was printed or shared hold what it claims to hold?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from strokebench.benchmarks.commands_audit_leaks import leaks

app = typer.Typer(no_args_is_help=True, help="Checks of printed numbers and of data.")


@app.callback()
def _common() -> None:
    """Commands of their own, however many there are."""


app.command()(leaks)


@app.command()
def metrics(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="CSV of printed means and deviations in percent: columns `metric`, `mean`, `std`, or a column a "
            "metric with cells like `81.16 (2.30)`. Default: the numbers that the paper prints.",
        ),
    ] = None,
    positives: Annotated[int, typer.Option(min=1, help="Patients with label 1 in the test part.")] = 46,
    negatives: Annotated[int, typer.Option(min=1, help="Patients with label 0 in the test part.")] = 100,
    runs: Annotated[int, typer.Option(min=1, help="Runs that a mean is taken over.")] = 4,
    decimals: Annotated[int, typer.Option(min=0, help="Decimals of the printed percentages.")] = 2,
    output: Annotated[Path | None, typer.Option(help="Folder for the tables. Default: results/audit.")] = None,
) -> None:
    """Find all confusion matrices that give the printed metrics, and the numbers that none can give.

    Reads ACC, F1, recall, precision and specificity; AUC cannot be audited so. Listing is for few runs (up to 6 or
    so); with more, only means that are impossible by themselves are found.
    """
    from rich.console import Console

    from strokebench.datasets.files import home
    from strokebench.reports.forensics import audit
    from strokebench.reports.forensics_input import read_printed
    from strokebench.reports.forensics_table import audit_table, matrices_table
    from strokebench.reports.forensics_terms import Design
    from strokebench.reports.render import to_rich, write_table

    design = Design(positives, negatives, runs, decimals)
    findings = audit(read_printed(file, decimals), design)
    table = audit_table(findings, design)
    folder = output or home("results", "audit")
    write_table(table, folder)
    write_table(matrices_table(findings, design), folder)
    console = Console(highlight=False)
    console.print(to_rich(table))
    console.print(f"Written to {folder}", soft_wrap=True, style="dim")
