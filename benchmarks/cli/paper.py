"""`strokebench paper`: every experiment, then the page."""

from dataclasses import replace

import typer
from rich.console import Console

from strokebench.benchmarks.cli.options import takes_settings
from strokebench.benchmarks.cli.page import page_of
from strokebench.benchmarks.experiments.find import all_experiments
from strokebench.benchmarks.leaks.report import warn_of_leaks
from strokebench.benchmarks.running.backends.choose import refuse_missing
from strokebench.benchmarks.running.build import build_context
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.experiment import Experiment
from strokebench.benchmarks.running.runner import UnderWay, run_together
from strokebench.benchmarks.running.settings import Settings
from strokebench.benchmarks.running.store import Store
from strokebench.errors import StrokebenchError
from strokebench.reports.tables.console import make_console


@takes_settings(without=("methods", "balance", "shuffle_labels", "keep_scale_text", "params"))
def paper(settings: Settings) -> None:
    """Compute what any experiment still lacks, and write one page of all. Experiments share their runs."""
    console = make_console()
    refuse_missing(settings)
    failed = _all_experiments(settings, console)
    console.rule("page", align="left")
    console.print(f"Written to {page_of(settings, '')}", soft_wrap=True)
    if failed:
        console.print(f"{failed} run(s) failed; `strokebench status` says why.", style="bold red")
        raise typer.Exit(1)


def _all_experiments(chosen: Settings, console: Console) -> int:
    """Run them all, of whatever protocol, as one stream of fits; how many runs failed."""
    by_protocol: dict[str, list[Experiment]] = {}
    for experiment in all_experiments().values():
        if not experiment.in_paper:
            continue
        by_protocol.setdefault(experiment.protocol or chosen.protocol, []).append(experiment())
    store = Store()
    store.tidy()
    under_way: list[UnderWay] = []
    for protocol, experiments in by_protocol.items():
        like = under_way[0].context if under_way else None
        under_way += _planned(experiments, replace(chosen, protocol=protocol), like, store, console)
    console.rule("runs", align="left")

    def say(done: UnderWay) -> None:
        assert done.report
        console.print(f"{done.experiment.title}: written to {done.report.folder}", soft_wrap=True)

    return sum(report.failed for report in run_together(under_way, store, console, say)) if under_way else 0


def _planned(
    experiments: list[Experiment], settings: Settings, like: Context | None, store: Store, console: Console
) -> list[UnderWay]:
    """The experiments of one protocol. One that the cohort does not allow is named and left out.

    Args:
        like: the context of another protocol.
    """
    console.rule(f"{settings.protocol}: {', '.join(experiment.name for experiment in experiments)}", align="left")
    try:
        context = build_context(settings, console, like)
        warn_of_leaks(context, console)
    except StrokebenchError as error:
        console.print(f"Left out    {error}", style="bold red")
        return []
    # One context for each size, so that its hashes are computed once.
    contexts = {
        sizes: context if sizes == settings.sizes else replace(context, settings=replace(settings, sizes=sizes))
        for sizes in {experiment.sizes or settings.sizes for experiment in experiments}
    }
    under_way = []
    for experiment in experiments:
        try:
            under_way.append(UnderWay(experiment, contexts[experiment.sizes or settings.sizes], console, store))
        except StrokebenchError as error:
            console.print(f"Left out    {experiment.name}: {error}", style="bold red")
    return under_way
