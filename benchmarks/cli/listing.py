"""`strokebench list`: what is there to choose from?"""

import re
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.table import Column, Table
from rich.text import Text

from strokebench.benchmarks.calls import run_file
from strokebench.benchmarks.cli.options import JsonOption, completes, echo_json
from strokebench.benchmarks.experiments.find import all_experiments
from strokebench.benchmarks.keys.described import described_methods, first_words
from strokebench.datasets.catalogue import COHORTS
from strokebench.datasets.encoders.contract import ImageEncoder
from strokebench.datasets.encoders.registry import ENCODERS, FORMS, PAIRS
from strokebench.datasets.own import cohort_file
from strokebench.errors import StrokebenchError, unknown_name
from strokebench.plugins import MODERN, installed
from strokebench.reports.tables.console import make_console
from strokebench.tasks.inputs import all_modalities
from strokebench.tasks.metrics.evaluate import all_metrics


def list_(
    what: Annotated[
        str,
        typer.Argument(
            help="methods, experiments, datasets, encoders, metrics or schemas.",
            autocompletion=completes(lambda: LISTS),
        ),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """What there is: methods, experiments, datasets, encoders, metrics, schemas."""
    if not what:
        raise StrokebenchError("List what?", f"Choose from {', '.join(LISTS)}.")
    if what not in LISTS:
        raise unknown_name("list", what, LISTS)
    rows, *between = LISTS[what]
    columns = ["Name", *between, "What it is"]
    if as_json:
        echo_json([dict(zip(columns, row, strict=True)) for row in rows()])
        return
    table = Table("Name", Column("What it is", overflow="fold"), box=None, pad_edge=False)
    for name, *values, description in rows():
        # A column each would leave ten letters a line to most of them.
        facts = "; ".join(f"{column}: {value}" for column, value in zip(between, values, strict=True) if value)
        table.add_row(Text(name), Text(description).append(f"\n{facts}" if facts else "", style="dim"))
    make_console().print(table)


def _methods() -> Iterator[tuple[str, ...]]:
    for name, method in described_methods().items():
        reads = " ".join(modality for modality in all_modalities() if modality in method.uses)
        joins = "only where it is named" if method.library else ""
        if not installed(method.library):
            joins += f"; {method.library} is not installed: {MODERN}"
        yield name, method.label, method.family, reads, joins, method.about


def _experiments() -> Iterator[tuple[str, ...]]:
    for name, experiment in all_experiments().items():
        yield name, experiment.title


def _datasets() -> Iterator[tuple[str, ...]]:
    for name, load in COHORTS.all().items():
        yield name, first_words(load)
    yield "FILE.yaml", "your own cohort, described in a YAML file"


def _encoders() -> Iterator[tuple[str, ...]]:
    for name, pair in PAIRS.items():
        yield name, "image text", "", "", "", "", "", pair
    for name, encoder in ENCODERS.all().items():
        about = encoder.about
        trained_on = ", ".join(about.trained_on) if encoder.trained else "nothing"
        facts = (about.licence, trained_on, about.size, about.source, about.preparation)
        reads = "image" if issubclass(encoder, ImageEncoder) else "text"
        yield name, reads, *(fact or "not stated" for fact in facts), first_words(encoder)
    for form, reads in zip(FORMS, ("image text", "image"), strict=True):
        yield form, reads, *["as it is given"] * 5, "a model of transformers" if "hf" in form else "a network of MONAI"


def _metrics() -> Iterator[tuple[str, ...]]:
    for name, metric in all_metrics().items():
        # Shapes are for who calls it.
        words = re.sub(r"[,;] (by )?labels \(.*\)", "", first_words(metric.function))
        yield name, metric.unit, "higher" if metric.higher_is_better else "lower", words


def _schemas() -> Iterator[tuple[str, ...]]:
    for path, what in ((run_file.SCHEMA, "of a file of `run --save`"), (cohort_file.SCHEMA, "of a cohort's file")):
        yield path.name.partition(".")[0], str(path), f"JSON schema {what}; for its first line, see the docs"


LISTS: dict[str, tuple[Any, ...]] = {
    "methods": (_methods, "In tables", "Category", "Reads", "Joins"),
    "experiments": (_experiments,),
    "datasets": (_datasets,),
    "encoders": (_encoders, "Reads", "Licence", "Trained on", "Size", "From", "Sees"),
    "metrics": (_metrics, "Unit", "Better"),
    "schemas": (_schemas, "Path"),
}
"""What each list gives its rows, and its columns between the name and what it is."""
