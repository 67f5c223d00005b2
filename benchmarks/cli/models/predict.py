"""`strokebench predict` and `models`: what was fitted, on other patients."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from strokebench.benchmarks.cli.options import ColumnsOption, ModelArgument, takes_settings
from strokebench.benchmarks.models.description import DESCRIPTION_FILE, Description
from strokebench.benchmarks.models.model import load_model
from strokebench.benchmarks.models.seen import recognised
from strokebench.benchmarks.running.settings import Settings
from strokebench.datasets.catalogue import load_cohort
from strokebench.errors import StrokebenchError
from strokebench.files import csv_text, home, write_text
from strokebench.reports.tables.console import make_console

MOST_LOOKED_AT = 1000
"""Patients whom `predict` compares with the model's own, evenly spaced: each takes some milliseconds by design."""


@takes_settings("dataset", "jobs", "weights", "device")
def predict(
    model: ModelArgument,
    settings: Settings,
    to: Annotated[Path, typer.Option("--to", help="CSV file of patients and probabilities.")],
    columns: ColumnsOption = None,
    balanced: Annotated[
        bool, typer.Option("--balanced", help="Probabilities as learnt from balanced classes, not at the prevalence.")
    ] = False,
) -> None:
    """Write a fitted model's probabilities for the patients of a cohort."""
    import pandas as pd

    console = make_console()
    loaded = load_model(find_model(model))
    with console.status(f"Cohort {settings.dataset}"):
        cohort = load_cohort(settings.dataset)
    examined = loaded.examine(cohort, columns)
    examined.refuse(loaded.description)
    with console.status("Images, texts and predictions"):
        embeddings = loaded.encode(examined.cohort, settings.jobs, settings.weights, settings.device)
        p = loaded.predict_examined(examined, embeddings, balanced=balanced)
    endpoint = loaded.endpoint
    write_text(to, csv_text(pd.DataFrame({"patient_id": cohort.ids, **endpoint.columns(p)}), index=False))
    means = ", ".join(f"{100 * mean:.1f} % {endpoint.describe(label)}" for label, mean in enumerate(p.mean(axis=0)))
    console.print(f"{loaded.description.label}, {len(cohort)} patients of {cohort.title}: {means}")
    looked_at = examined.content.iloc[:: -(-len(cohort) // MOST_LOOKED_AT)]
    with console.status("Patients whom the model was made of"):
        again = int(recognised(loaded.seen.among(looked_at, embeddings)).sum())
    if again:
        of = f"of these {len(cohort):,}" if len(looked_at) == len(cohort) else f"of {len(looked_at):,} looked at"
        console.print(
            f"{again:,} {of} are like patients that the model was made of: their probabilities do not show"
            " how it does on others.",
            style="yellow",
        )
    console.print(f"Written to {to}", soft_wrap=True, style="dim")


def models(
    folder: Annotated[Path | None, typer.Argument(help="Where models lie. Default: work/models.")] = None,
) -> None:
    """Fitted models: what each predicts, and what it was made of."""
    place = folder or home("models")
    table = Table(box=None, pad_edge=False)
    for column in ("Folder", "Method", "Outcome", "Made of", "Patients", "Fits", "Made on"):
        table.add_column(column, overflow="fold")
    for path in sorted(place.glob(f"*/{DESCRIPTION_FILE}")):
        try:
            said = Description.read(path.parent)
        except StrokebenchError as error:
            table.add_row(path.parent.name, error.message)
            continue
        origin = said.origin
        made_of = f"{origin.title}, {origin.part}"
        numbers = str(origin.patients), str(len(said.members)), said.created[:10]
        table.add_row(path.parent.name, said.label, said.outcome, made_of, *numbers)
    if not table.row_count:
        raise StrokebenchError(f"{place} holds no model.", "`strokebench fit METHOD` makes one.")
    make_console().print(table)


def find_model(given: Path) -> Path:
    """The folder of a model, by its path or by its bare name below `home("models")`."""
    by_name = len(given.parts) == 1 and not given.exists() and home("models", given.name).exists()
    return home("models", given.name) if by_name else given
