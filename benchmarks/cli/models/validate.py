"""`strokebench validate`: several models on the same patients of another origin."""

from pathlib import Path
from typing import Annotated

import typer

from strokebench.benchmarks.cli.models.predict import find_model
from strokebench.benchmarks.cli.options import ColumnsOption, takes_settings
from strokebench.benchmarks.models.validate import validate as validate_models
from strokebench.benchmarks.running.settings import Settings
from strokebench.files import digest, home
from strokebench.reports.tables.console import make_console
from strokebench.reports.tables.section import publish_and_show


@takes_settings("dataset", "jobs", "weights", "device")
def validate(
    models: Annotated[
        list[Path], typer.Argument(metavar="MODEL...", help="Folders of `strokebench fit`, or names below work/models.")
    ],
    settings: Settings,
    columns: ColumnsOption = None,
    without_seen: Annotated[
        bool, typer.Option("--without-seen", help="Leave out patients whom a model was made of.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder to write to; default: below the results.")] = None,
) -> None:
    """Judge models on patients of another origin: discrimination, calibration, benefit, case-mix and updating."""
    console = make_console()
    with console.status(f"Cohort {settings.dataset}, predictions, and patients whom a model was made of"):
        found = validate_models(
            [find_model(model) for model in models],
            settings.dataset,
            columns=columns,
            without_seen=without_seen,
            jobs=settings.jobs,
            weights=settings.weights,
            device=settings.device,
        )
    facts, endpoint = found.results.provenance, found.results.endpoint
    # Other models, or other patients, are another validation.
    of = digest([*sorted(found.results.runs["key"]), facts["split_sha256"]])[:8]
    folder = out or home("results", f"{facts['dataset']}-{endpoint.name}-external-of_{of}", "validation")
    found.results.write(folder)
    publish_and_show(found.section, folder, console)
