"""`strokebench list`: what is there to choose from?"""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from strokebench.benchmarks.cli.options import make_console
from strokebench.benchmarks.experiments.find import all_experiments
from strokebench.datasets.catalogue import COHORTS
from strokebench.datasets.encoders.contract import ImageEncoder
from strokebench.datasets.encoders.registry import ENCODERS, PAIRS
from strokebench.errors import unknown_name
from strokebench.methods.registry import all_methods
from strokebench.tasks.inputs import all_modalities
from strokebench.tasks.metrics.evaluate import all_metrics

app = typer.Typer()


@app.command("list")
def list_(
    what: Annotated[str, typer.Argument(help="methods, experiments, datasets, encoders or metrics.")],
) -> None:
    """What there is to choose from: methods, experiments, datasets, encoders, metrics."""
    if what not in LISTS:
        raise unknown_name("list", what, LISTS)
    make_console().print(LISTS[what]())


def _methods() -> Table:
    table = _table("Name", "In tables", "Category", "Reads", "What it is")
    for name, method in all_methods().items():
        reads = " ".join(modality for modality in all_modalities() if modality in method.uses)
        table.add_row(name, method.label, str(method.family), reads, _first_words(method))
    return table


def _experiments() -> Table:
    table = _table("Name", "What it is")
    for name, experiment in all_experiments().items():
        table.add_row(name, experiment.title)
    return table


def _datasets() -> Table:
    table = _table("Name", "What it is")
    for name, load in COHORTS.all().items():
        table.add_row(name, _first_words(load))
    table.add_row("FILE.yaml", "your own cohort, described in a YAML file")
    return table


def _encoders() -> Table:
    table = _table("Name", "Reads", "What it is")
    for name, pair in PAIRS.items():
        table.add_row(name, "image text", pair)
    for name, encoder in ENCODERS.all().items():
        table.add_row(name, "image" if issubclass(encoder, ImageEncoder) else "text", _first_words(encoder))
    return table


def _metrics() -> Table:
    table = _table("Name", "Unit", "Better", "What it is")
    for name, metric in all_metrics().items():
        better = "higher" if metric.higher_is_better else "lower"
        table.add_row(name, metric.unit, better, _first_words(metric.function))
    return table


def _first_words(thing: object) -> str:
    """The first paragraph of a docstring, as one line."""
    return " ".join((thing.__doc__ or "").strip().partition("\n\n")[0].split())


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


LISTS = {
    "methods": _methods,
    "experiments": _experiments,
    "datasets": _datasets,
    "encoders": _encoders,
    "metrics": _metrics,
}
