"""`strokebench tune`: find a method's hyper-parameters on validation patients."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from strokebench.benchmarks.cli.options import MethodArgument, completes, takes_settings
from strokebench.benchmarks.running.backends.choose import refuse_missing
from strokebench.benchmarks.running.build import build_context
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.settings import Settings
from strokebench.benchmarks.running.tracking.mlflow import tracker
from strokebench.benchmarks.tuning.report import describe_study, follow_to_the_end
from strokebench.benchmarks.tuning.space import OWN, PAPER, SPACES, named
from strokebench.benchmarks.tuning.study import Search, best_parameters, parameters_path, run_study
from strokebench.reports.tables.console import make_console
from strokebench.reports.tables.section import publish
from strokebench.reports.tuning.section import tuning_section
from strokebench.tasks.paper_setup import GRIDS


@takes_settings(without=("methods", "params", "grid_seeds", "sizes", "compared_encoders"))
def tune(
    method: MethodArgument,
    settings: Settings,
    sampler: Annotated[str, typer.Option("--sampler", help="tpe, grid or random.")] = "tpe",
    space: Annotated[
        str,
        typer.Option(
            "--space",
            help=f"Where to search: {OWN} (the method's own space), {PAPER} (all grids of the paper's section 4.5)"
            f" or one of them: {', '.join(GRIDS)}.",
            autocompletion=completes(lambda: SPACES),
        ),
    ] = OWN,
    trials: Annotated[
        int, typer.Option("--trials", help="The study is over at so many, those of earlier calls included.")
    ] = Search.trials,
    storage: Annotated[
        str | None,
        typer.Option(
            "--storage",
            help="sqlite:///FILE, postgresql://..., or a journal file; several processes may share it."
            " Default: SQLite in the work folder.",
        ),
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune/--no-prune", help="Stop trials that are below the median of the others.")
    ] = True,
    sampler_seed: Annotated[int, typer.Option("--sampler-seed", min=0, metavar="SEED", help="Draws the trials.")] = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the best parameters here too (YAML).")
    ] = None,
) -> None:
    """Search a method's hyper-parameters by Optuna. Test patients are out of reach; the default is trial 0."""
    console = make_console()
    refuse_missing(settings)
    search = Search(sampler=sampler, trials=trials, storage=storage, prune=prune, seed=sampler_seed, space=space)
    context = build_context(replace(settings, methods=(method,)), console)
    tune_and_report(method, context, search, console, output)


def tune_and_report(
    method: str, context: Context, search: Search, console: Console, output: Path | None = None
) -> Path:
    """Search, write the best parameters, the report's section and MLflow's runs; the file of the parameters."""
    hooks = tracker(context.settings.tracking, console)
    study = run_study(method, context, search, console, hooks)
    best = best_parameters(study, method, context)
    path, name = parameters_path(method, context, search.space), f"tune_{named(method, search.space)}"
    for place in (path, *([output] if output else [])):
        best.write(place)
    folder = context.results_folder(name)
    view = publish(tuning_section(describe_study(study, name, best, context)), folder)
    follow_to_the_end(study, method, hooks, [*sorted(folder.iterdir()), path])
    console.print()
    console.print(view)
    console.print(
        f"Best parameters: {output or path}; `strokebench run EXPERIMENT --params` takes them.", soft_wrap=True
    )
    console.print(f"Written to {folder}", soft_wrap=True, style="dim")
    return path
