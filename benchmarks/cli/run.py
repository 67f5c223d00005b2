"""`strokebench run` and `report`: one experiment, computed or as far as it is."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from strokebench.benchmarks.calls.dry_run import dry_run
from strokebench.benchmarks.calls.run_file import write_run_file
from strokebench.benchmarks.cli.options import ExperimentArgument, takes_settings
from strokebench.benchmarks.experiments.find import find_experiment
from strokebench.benchmarks.run import run_with
from strokebench.benchmarks.running.settings import Settings
from strokebench.errors import counted
from strokebench.reports.tables.console import make_console


@takes_settings()
def run(
    experiment: ExperimentArgument,
    settings: Settings,
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="FILE.yaml", help="Write this call to a file; `run FILE.yaml` makes it again."),
    ] = None,
    dry: Annotated[bool, typer.Option("--dry-run", help="Only say what it takes: time, disk, network.")] = False,
) -> None:
    """Compute what an experiment still lacks, and show its table."""
    if save:
        find_experiment(experiment)
        write_run_file(save, experiment, settings)
    if dry:
        dry_run(experiment, settings, make_console())
    else:
        _experiment(experiment, settings, compute=True)


@takes_settings(without=("tracking", "backend", "scheduler"))
def report(experiment: ExperimentArgument, settings: Settings) -> None:
    """Show and write the table of the runs that are finished by now; also while they go on."""
    _experiment(experiment, replace(settings, tracking=False), compute=False)


def _experiment(name: str, settings: Settings, compute: bool) -> None:
    console = make_console()
    done = run_with(name, settings, console, compute)
    console.print()
    console.print(done.view)
    console.print(f"{'Up to date in' if done.up_to_date else 'Written to'} {done.folder}", soft_wrap=True, style="dim")
    if compute and done.failed:
        console.print(f"{counted(done.failed, 'run')} failed; `strokebench status` says why.", style="bold red")
        raise typer.Exit(1)
