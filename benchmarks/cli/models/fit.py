"""`strokebench fit`: a model to be used elsewhere."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from strokebench.benchmarks.cli.options import ENCODERS, takes_settings
from strokebench.benchmarks.models.fit import PatientChoice, fit_on
from strokebench.benchmarks.running.parameters import read_all
from strokebench.benchmarks.running.settings import SEEDS, Settings, parse_seeds
from strokebench.datasets.catalogue import load_cohort
from strokebench.files import home, refuse_taken
from strokebench.reports.tables.console import make_console


@takes_settings(
    *("dataset", "outcome", "sizes", *ENCODERS, "jobs", "quick", "balance", "weights", "device", "keep_scale_text")
)
def fit(
    method: Annotated[str, typer.Argument(help="See `strokebench list methods`.")],
    settings: Settings,
    to: Annotated[Path | None, typer.Option("--to", help="New folder. Default: one below work/models.")] = None,
    part: Annotated[
        str | None,
        typer.Option("--part", help="File of patient ids, one a line, or a share such as 0.5. Default: all."),
    ] = None,
    part_seed: Annotated[int, typer.Option("--part-seed", min=0, metavar="SEED", help="Draws a share.")] = 0,
    seeds: Annotated[
        str, typer.Option("--seeds", help="One fit each, such as 39,40; the mean of several is the prediction.")
    ] = str(SEEDS[0]),
    params: Annotated[
        Path | None, typer.Option("--params", help="YAML file of hyper-parameters, as `strokebench tune` writes.")
    ] = None,
    marks: Annotated[
        bool, typer.Option("--marks/--no-marks", help="Keep salted hashes by which its patients are recognised.")
    ] = True,
    log: Annotated[
        bool, typer.Option("--log", help="Also log it to MLflow (a local file, or MLFLOW_TRACKING_URI), marks and all.")
    ] = False,
) -> None:
    """Fit one method on all patients, or a part, and write it as a folder for other hospitals."""
    console = make_console()
    if to is not None:
        refuse_taken(to)
    parts, chosen = PatientChoice.read(part, part_seed), replace(settings, methods=(method,), seeds=parse_seeds(seeds))
    given = read_all([params], [method])[method].params if params else {}
    with console.status(f"Cohort {settings.dataset}"):
        cohort = load_cohort(settings.dataset)
    model = fit_on(method, cohort, chosen, parts, given, marks, console)
    folder = to or home("models", f"{method}-{cohort.name}-{model.endpoint.name}-{model.description.id}")
    model.save(folder)
    console.print(f"Written to {folder}", soft_wrap=True, style="dim")
    if log:
        from strokebench.benchmarks.models.logged import log_model

        console.print(f"Logged as {log_model(model)}", soft_wrap=True, style="dim")
