"""What is there to choose from?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from strokebench.errors import StrokebenchError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def show_list(what: str, console: Console) -> None:
    """Print the methods, experiments or datasets.

    Raises:
        StrokebenchError: `what` is none of these.
    """
    if what not in LISTS:
        raise StrokebenchError(f"There is no list of {what!r}.", f"Choose from: {', '.join(LISTS)}.")
    console.print(LISTS[what]())


def _methods() -> Table:
    from strokebench.methods.registry import all_methods
    from strokebench.tasks.inputs import Modality

    table = _table("Name", "In tables", "Category", "Reads", "What it is")
    for name, method in all_methods().items():
        first = (method.__doc__ or "").strip().partition("\n\n")[0]
        reads = " ".join(str(modality) for modality in Modality if modality in method.uses)
        table.add_row(name, method.label, str(method.family), reads, " ".join(first.split()))
    return table


def _experiments() -> Table:
    from strokebench.benchmarks.experiments.find import all_experiments

    table = _table("Name", "What it is")
    for name, experiment in all_experiments().items():
        table.add_row(name, experiment.title)
    return table


def _datasets() -> Table:
    from strokebench.datasets.catalogue import DATASETS

    table = _table("Name", "What it is")
    for name, dataset in DATASETS.items():
        table.add_row(name, dataset.description)
    table.add_row("FILE.yaml", "your own cohort, described in a YAML file")
    return table


def _table(*columns: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


LISTS = {"methods": _methods, "experiments": _experiments, "datasets": _datasets}
