"""`strokebench paper`: the experiments of the paper and what belongs to them, then the page."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

import typer
from rich.console import Console

from strokebench.benchmarks.calls.dry_run import Encoding, say_call
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
from strokebench.errors import StrokebenchError, counted
from strokebench.reports.tables.console import make_console


@takes_settings(without=("methods", "balance", "shuffle_labels", "keep_scale_text", "params"))
def paper(
    settings: Settings,
    dry: Annotated[bool, typer.Option("--dry-run", help="Only say what it takes: time, disk, network.")] = False,
) -> None:
    """Compute what the tables and figures of the paper, and what belongs to them, still lack, and write one page.

    All experiments but tuned, imputation, learning_curve, readings and encoders, run by name; they share runs.
    """
    console = make_console()
    refuse_missing(settings)
    if dry:
        settings, encoding = replace(settings, fetch=False), Encoding()
        say_call(list(_experiments(settings, console, encoding)), encoding, settings, console)
        return
    failed = _compute(settings, console)
    console.rule("page", align="left")
    console.print(f"Written to {page_of(settings, '')}", soft_wrap=True)
    if failed:
        console.print(f"{counted(failed, 'run')} failed; `strokebench status` says why.", style="bold red")
        raise typer.Exit(1)


def _compute(settings: Settings, console: Console) -> int:
    """Run all experiments, of whatever protocol, as one stream of fits; how many runs failed."""
    store = Store()
    store.tidy()
    under_way = []
    for experiment, context in _experiments(settings, console):
        try:
            under_way.append(UnderWay(experiment, context, console, store))
        except StrokebenchError as error:
            console.print(f"Left out    {experiment.name}: {error}", style="bold red")
    console.rule("runs", align="left")

    def say(done: UnderWay) -> None:
        assert done.report
        console.print(f"{done.experiment.title}: written to {done.report.folder}", soft_wrap=True)

    return sum(report.failed for report in run_together(under_way, store, console, say)) if under_way else 0


def _experiments(
    chosen: Settings, console: Console, embed: Encoding | None = None
) -> Iterator[tuple[Experiment, Context]]:
    """All experiments with their patients. A protocol that the cohort does not allow is named and left out.

    Args:
        embed: see `build_context`; leaks are looked for only where it is not given.
    """
    by_protocol: dict[str, list[Experiment]] = {}
    for kind in all_experiments().values():
        if kind.in_paper:
            by_protocol.setdefault(kind.protocol or chosen.protocol, []).append(kind())
    context = None
    for protocol, experiments in by_protocol.items():
        settings = replace(chosen, protocol=protocol)
        console.rule(protocol, align="left")
        console.print(f"Tables      {', '.join(experiment.name for experiment in experiments)}")
        try:
            context = build_context(settings, console, context, embed)
            if embed is None:
                warn_of_leaks(context, console)
        except StrokebenchError as error:
            console.print(f"Left out    {error}", style="bold red")
            continue
        # One context for each size, so that its hashes are computed once.
        contexts = {settings.sizes: context}
        for experiment in experiments:
            sizes = experiment.sizes or settings.sizes
            if sizes not in contexts:
                contexts[sizes] = replace(context, settings=replace(settings, sizes=sizes))
            yield experiment, contexts[sizes]
