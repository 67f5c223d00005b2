"""`strokebench audit ...`: does what was printed or shared hold what it claims to hold?"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from strokebench.benchmarks.cli.options import JsonOption, echo_json, takes_settings
from strokebench.benchmarks.leaks.audit import run_audit
from strokebench.benchmarks.leaks.report import show_findings, write_section
from strokebench.benchmarks.running.backends.choose import refuse_missing
from strokebench.benchmarks.running.build import build_context
from strokebench.benchmarks.running.settings import Settings
from strokebench.files import home
from strokebench.reports.audit.forensics import Design, audit
from strokebench.reports.audit.read import read_printed
from strokebench.reports.audit.table import audit_table, matrices_table
from strokebench.reports.tables.console import make_console
from strokebench.reports.tables.render import records, write_table
from strokebench.reports.tables.terminal import TerminalTable

app = typer.Typer(no_args_is_help=True, help="Checks of printed numbers, and of data for leaks.")


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
    output: Annotated[Path | None, typer.Option(help="Folder for the tables. Default: work/results/audit.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Find all confusion matrices that give the printed metrics, and the numbers that none can give.

    Reads ACC, F1, recall, precision and specificity. Of more than about 6 runs only impossible means are found.
    """
    design = Design(positives, negatives, runs, decimals)
    findings = audit(read_printed(file, decimals), design)
    table, matrices = audit_table(findings, design), matrices_table(findings, design)
    folder = output or home("results", "audit")
    write_table(table, folder)
    write_table(matrices, folder)
    if as_json:
        echo_json({"rows": records(table), "matrices": records(matrices)})
        return
    console = make_console()
    console.print(TerminalTable(table))
    console.print(f"Written to {folder}", soft_wrap=True, style="dim")


@app.command()
@takes_settings(
    without=("quick", "methods", "tracking", "params", "grid_seeds", "backend", "scheduler", "compared_encoders")
)
def leaks(
    settings: Settings,
    full: Annotated[
        bool, typer.Option("--full/--quick", help="Also fit fast methods on shuffled labels (minutes).")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Look for leaks in a cohort, its split and the pipeline; exit status 1 if an alarm goes off."""
    console = make_console(stderr=as_json)
    if full:
        refuse_missing(settings)
    context = build_context(replace(settings, tracking=False), console)
    with console.status("Leak alarms") as status:
        found = run_audit(context, full, lambda title: status.update(f"Leak alarms: {title}"))
    folder = context.results_folder("leaks")
    section = write_section(found, context, folder)
    if as_json:
        echo_json(asdict(found))
    else:
        show_findings(found, console)
        console.print(section)
    console.print(f"Written to {folder}", soft_wrap=True, style="dim")
    if found.alarmed or found.broken:
        raise typer.Exit(1)
