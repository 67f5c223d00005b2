"""What is there to choose from?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from strokebench.errors import unknown_name

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def show_list(what: str, console: Console) -> None:
    """Print the methods, experiments, datasets or encoders.

    Raises:
        StrokebenchError: `what` is none of these.
    """
    if what not in LISTS:
        raise unknown_name("list", what, LISTS)
    console.print(LISTS[what]())


def _methods() -> Table:
    from strokebench.methods.registry import all_methods
    from strokebench.tasks.inputs import all_modalities

    table = _table("Name", "In tables", "Category", "Reads", "What it is")
    for name, method in all_methods().items():
        reads = " ".join(modality for modality in all_modalities() if modality in method.uses)
        table.add_row(name, method.label, str(method.family), reads, _first_words(method))
    return table


def _experiments() -> Table:
    from strokebench.benchmarks.experiments.find import all_experiments

    table = _table("Name", "What it is")
    for name, experiment in all_experiments().items():
        table.add_row(name, experiment.title)
    return table


def _datasets() -> Table:
    from strokebench.datasets.catalogue import COHORTS

    table = _table("Name", "What it is")
    for name, load in COHORTS.all().items():
        table.add_row(name, _first_words(load))
    table.add_row("FILE.yaml", "your own cohort, described in a YAML file")
    return table


def _encoders() -> Table:
    from strokebench.datasets.encoders.contract import ImageEncoder
    from strokebench.datasets.encoders.registry import ENCODERS, PAIRS

    table = _table("Name", "Reads", "What it is")
    for name, pair in PAIRS.items():
        table.add_row(name, "image text", pair)
    for name, encoder in ENCODERS.all().items():
        table.add_row(name, "image" if issubclass(encoder, ImageEncoder) else "text", _first_words(encoder))
    return table


def _first_words(thing: object) -> str:
    """The first paragraph of a docstring, as one line."""
    return " ".join((thing.__doc__ or "").strip().partition("\n\n")[0].split())


def _table(*columns: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


LISTS = {"methods": _methods, "experiments": _experiments, "datasets": _datasets, "encoders": _encoders}
