"""The `strokebench` command. Heavy libraries are imported by the command that needs them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from strokebench.benchmarks.cli import audit as commands_audit
from strokebench.benchmarks.cli import cohort as commands_cohort
from strokebench.benchmarks.cli import options
from strokebench.benchmarks.cli import results as commands_results
from strokebench.benchmarks.cli import text as commands_text
from strokebench.benchmarks.cli.errors import ReadableErrors
from strokebench.benchmarks.cli.fetch import fetch
from strokebench.benchmarks.cli.measure import simulate, speed, speed_peers, speed_scale
from strokebench.benchmarks.cli.page import page
from strokebench.benchmarks.cli.paper import paper
from strokebench.benchmarks.cli.tune import tune
from strokebench.benchmarks.running.privacy import set_privacy
from strokebench.benchmarks.running.settings import SEEDS
from strokebench.benchmarks.running.task import collect_seldom

if TYPE_CHECKING:
    from rich.console import Console

    from strokebench.benchmarks.running.settings import Settings

app = typer.Typer(
    cls=ReadableErrors,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A benchmark suite for tri-modal stroke prognosis: brain MRI, diagnostic text and a clinical table.",
)
ExperimentArgument = Annotated[str, typer.Argument(help="See `strokebench list experiments`.")]
MethodArgument = Annotated[str, typer.Argument(help="See `strokebench list methods`.")]
_SEEDS = ",".join(map(str, SEEDS))


def main() -> None:
    """Entry point of the console script."""
    collect_seldom()
    set_privacy()
    app()


@app.callback()
def _common(
    debug: Annotated[bool, typer.Option(envvar="STROKEBENCH_DEBUG", help="Show tracebacks.")] = False,
) -> None:
    """Options before the command."""


@app.command()
def run(
    experiment: ExperimentArgument,
    dataset: options.DatasetOption = "virtual",
    outcome: options.OutcomeOption = "",
    protocol: options.ProtocolOption = "cv5",
    encoders: options.EncodersOption = "embedded",
    seeds: options.SeedsOption = _SEEDS,
    jobs: options.JobsOption = 0,
    quick: options.QuickOption = False,
    methods: options.MethodsOption = "",
    tracking: options.TrackingOption = True,
    balance: options.BalanceOption = "smote",
    shuffle_labels: options.ShuffleOption = None,
    weights: options.WeightsOption = None,
    device: options.DeviceOption = "auto",
    keep_scale_text: options.ScaleTextOption = False,
    params: options.ParamsOption = None,
    grid_seeds: options.GridSeedsOption = 1,
    backend: options.BackendOption = "auto",
    scheduler: options.SchedulerOption = None,
) -> None:
    """Compute what an experiment still lacks, and show its table."""
    chosen = locals()
    _experiment(chosen.pop("experiment"), options.settings(**chosen), compute=True)


@app.command()
def report(
    experiment: ExperimentArgument,
    dataset: options.DatasetOption = "virtual",
    outcome: options.OutcomeOption = "",
    protocol: options.ProtocolOption = "cv5",
    encoders: options.EncodersOption = "embedded",
    seeds: options.SeedsOption = _SEEDS,
    jobs: options.JobsOption = 0,
    quick: options.QuickOption = False,
    methods: options.MethodsOption = "",
    balance: options.BalanceOption = "smote",
    shuffle_labels: options.ShuffleOption = None,
    weights: options.WeightsOption = None,
    device: options.DeviceOption = "auto",
    keep_scale_text: options.ScaleTextOption = False,
    params: options.ParamsOption = None,
    grid_seeds: options.GridSeedsOption = 1,
) -> None:
    """Show and write the table of the runs that are finished by now; also while they go on."""
    chosen = locals()
    _experiment(chosen.pop("experiment"), options.settings(**chosen, tracking=False), compute=False)


def _experiment(name: str, chosen: Settings, compute: bool) -> None:
    from strokebench.benchmarks.experiments.find import find_experiment
    from strokebench.benchmarks.leaks.showing import warn_of_leaks
    from strokebench.benchmarks.running.backends.choose import refuse_missing
    from strokebench.benchmarks.running.build import build_context
    from strokebench.benchmarks.running.runner import report_experiment, run_experiment

    console = _console()
    experiment = find_experiment(name)
    if compute:
        refuse_missing(chosen)
    context = build_context(replace(chosen, protocol=experiment.protocol or chosen.protocol), console)
    for tuned in context.tuned.values():
        console.print(f"Parameters  {tuned.said(context.split.sha256, context.cohort.name)}")
    if compute:
        warn_of_leaks(context, console)
    done = (run_experiment if compute else report_experiment)(experiment, context, console)
    for method in set(context.tuned) - set(done.results.runs["method"]):
        console.print(f"{name} does not run {method}: its file of parameters was not used.", style="yellow")
    console.print()
    console.print(done.view)
    told = "Up to date in" if done.up_to_date else "Written to"
    console.print(f"{told} {done.folder}", soft_wrap=True, style="dim")
    if compute and done.failed:
        console.print(f"{done.failed} run(s) failed; `strokebench status` says why.", style="bold red")
        raise typer.Exit(1)


@app.command()
def status() -> None:
    """How far every experiment is, and why runs failed."""
    from strokebench.benchmarks.cli.status import show_status

    show_status(_console())


app.add_typer(commands_audit.app, name="audit")
app.add_typer(commands_cohort.app, name="cohort")
app.add_typer(commands_results.app, name="results")
app.add_typer(commands_text.app, name="text")
commands_cohort.app.command()(fetch)
app.command()(paper)
app.command()(simulate)
app.command()(speed_peers)
app.command()(speed_scale)
app.command()(page)
app.command()(speed)
app.command()(tune)


@app.command()
def encode(
    dataset: options.DatasetOption = "virtual",
    outcome: options.OutcomeOption = "",
    encoders: options.EncodersOption = "embedded",
    jobs: options.JobsOption = 0,
    weights: options.WeightsOption = None,
    device: options.DeviceOption = "auto",
    keep_scale_text: options.ScaleTextOption = False,
) -> None:
    """Make the embeddings of a cohort, without training."""
    from strokebench.benchmarks.running.build import build_embeddings

    chosen = options.settings(
        dataset,
        outcome,
        "cv5",
        encoders,
        _SEEDS,
        jobs,
        False,
        weights=weights,
        device=device,
        keep_scale_text=keep_scale_text,
    )
    build_embeddings(chosen, _console())


@app.command()
def check(method: MethodArgument) -> None:
    """Hold a method, ours or another package's, to the contract."""
    from strokebench.benchmarks.cli.check import show_check

    if not show_check(method, _console()):
        raise typer.Exit(1)


@app.command("list")
def list_(what: Annotated[str, typer.Argument(help="methods, experiments, datasets or encoders.")]) -> None:
    """What there is to choose from."""
    from strokebench.benchmarks.cli.listing import show_list

    show_list(what, _console())


@app.command()
def doctor() -> None:
    """Look at this machine and installation, and say what is wrong."""
    from strokebench.benchmarks.cli.doctor import show_doctor

    if not show_doctor(_console()):
        raise typer.Exit(1)


@app.command()
def ui(port: Annotated[int, typer.Option(help="Port on this machine.")] = 5000) -> None:
    """Show the logged runs in the browser (MLflow)."""
    import subprocess

    from strokebench.benchmarks.running.tracking.mlflow import ui_command

    _console().print(f"MLflow at http://127.0.0.1:{port}; Ctrl-C ends it.")
    raise typer.Exit(subprocess.run(ui_command(port), check=False).returncode)


def _console() -> Console:
    from rich.console import Console

    # Names in angle brackets and numbers are the cohort's own, not markup to be coloured.
    return Console(highlight=False)


if __name__ == "__main__":
    main()
