"""`strokebench run` and `report`: one experiment, computed or as far as it is."""

from dataclasses import replace

import typer

from strokebench.benchmarks.cli.options import ExperimentArgument, takes_settings
from strokebench.benchmarks.run import run_with
from strokebench.benchmarks.running.settings import Settings
from strokebench.reports.tables.console import make_console


@takes_settings()
def run(experiment: ExperimentArgument, settings: Settings) -> None:
    """Compute what an experiment still lacks, and show its table."""
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
        console.print(f"{done.failed} run(s) failed; `strokebench status` says why.", style="bold red")
        raise typer.Exit(1)
