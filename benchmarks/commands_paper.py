"""`strokebench paper`: every experiment, then the page."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from strokebench.benchmarks import options
from strokebench.benchmarks.settings import SEEDS

if TYPE_CHECKING:
    from rich.console import Console

    from strokebench.benchmarks.context import Context
    from strokebench.benchmarks.settings import Settings

ORDER = (
    *("table1", "comparison", "clinical", "table2", "table3", "figure2", "figure3", "figure4", "dropout"),
    *("alignment", "figure5", "missing", "paper"),
)
"""Of the paper first; experiments that are not named follow by the alphabet."""

_SEEDS = ",".join(map(str, SEEDS))


def paper(
    dataset: options.DatasetOption = "virtual",
    outcome: options.OutcomeOption = "",
    protocol: options.ProtocolOption = "cv5",
    encoders: options.EncodersOption = "embedded",
    seeds: options.SeedsOption = _SEEDS,
    jobs: options.JobsOption = 0,
    quick: options.QuickOption = False,
    tracking: options.TrackingOption = True,
    weights: options.WeightsOption = None,
    device: options.DeviceOption = "auto",
    grid_seeds: options.GridSeedsOption = 1,
    backend: options.BackendOption = "loky",
    scheduler: options.SchedulerOption = None,
) -> None:
    """Compute what any experiment still lacks, and write one page of all. Experiments share their runs."""
    chosen = options.settings(**locals())
    from rich.console import Console

    console = Console(highlight=False)
    failed = _all_experiments(chosen, console)
    _write_page(chosen, console)
    if failed:
        console.print(f"{failed} run(s) failed; `strokebench status` says why.", style="bold red")
        raise typer.Exit(1)


def _all_experiments(chosen: Settings, console: Console) -> int:
    """Run them all; how many runs failed. One that the cohort does not allow is named and left out."""
    from strokebench.benchmarks.experiment import all_experiments
    from strokebench.benchmarks.leaks.showing import warn_of_leaks
    from strokebench.benchmarks.pipeline import build_context
    from strokebench.benchmarks.runner import run_experiment
    from strokebench.datasets.files import StrokebenchError

    contexts: dict[str, Context] = {}
    failed = 0
    known = all_experiments()
    for name in sorted(known, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name)):
        experiment = known[name]()
        protocol = experiment.protocol or chosen.protocol
        console.rule(f"{name}: {experiment.title}", align="left")
        try:
            if protocol not in contexts:
                contexts[protocol] = build_context(replace(chosen, protocol=protocol), console)
                warn_of_leaks(contexts[protocol], console)
            done = run_experiment(experiment, contexts[protocol], console)
        except StrokebenchError as error:
            console.print(f"Left out    {error}", style="bold red")
            continue
        failed += done.failed
        console.print(f"Written to {done.folder}", soft_wrap=True, style="dim")
    return failed


def _write_page(chosen: Settings, console: Console) -> None:
    from strokebench.benchmarks.commands_page import page_of

    console.rule("page", align="left")
    console.print(f"Written to {page_of(chosen, '')}", soft_wrap=True)
