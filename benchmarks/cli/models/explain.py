"""`strokebench explain`: why a model says what it says of a patient."""

from pathlib import Path
from typing import Annotated

import typer

from strokebench.benchmarks.cli.models.predict import find_model
from strokebench.benchmarks.cli.options import ColumnsOption, ModelArgument, takes_settings
from strokebench.benchmarks.explanations.explain import explain as explain_patient
from strokebench.benchmarks.models.model import load_model
from strokebench.benchmarks.running.settings import Settings
from strokebench.datasets.catalogue import load_cohort
from strokebench.files import digest, home
from strokebench.reports.explanation.page import finding, write_explanation
from strokebench.reports.page.parts import anchor
from strokebench.reports.tables.console import make_console


@takes_settings("dataset", "weights")
def explain(
    model: ModelArgument,
    settings: Settings,
    patient: Annotated[list[str], typer.Option("--patient", help="An id of the cohort; may be given several times.")],
    columns: ColumnsOption = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="Folder of the pages. Default: one below work/explanations.")
    ] = None,
) -> None:
    """Write a page for each of some patients: what moves the prediction, and whether the model's fits agree on it."""
    console = make_console()
    loaded = load_model(find_model(model))
    with console.status(f"Cohort {settings.dataset}"):
        cohort = load_cohort(settings.dataset)
    folder = to or home("explanations", f"{loaded.description.method}-{cohort.name}-{loaded.description.id}")
    for id in patient:
        with console.status(f"Patient {id}"):
            found = explain_patient(loaded, id, cohort, columns=columns, weights=settings.weights)
        # Two ids may be one name once signs are replaced that no file's name may have.
        name = id if anchor(id) == id else f"{anchor(id)}-{digest(id)[:6]}"
        write_explanation(found, folder / f"{name}.html")
        console.print(f"Patient {id}: {found.predicts} {found.unit.level(found.prediction)}")
        for part in found.parts:
            console.print(f"  {part.title}: {finding(part)}")
        console.print(f"Written to {folder / name}.html", soft_wrap=True, style="dim")
