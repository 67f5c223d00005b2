"""Which cohorts are there, and how is one loaded by name or by file?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from strokebench.datasets.cohort import Cohort
from strokebench.errors import StrokebenchError


@dataclass(frozen=True)
class Dataset:
    """A built-in cohort.

    Args:
        description: one line for lists.
        load: reads it, or makes it on first use.
        synthetic: its patients are invented.
    """

    description: str
    load: Callable[[], Cohort]
    synthetic: bool = False


def load_cohort(dataset: str) -> Cohort:
    """A built-in cohort by name, or one that a YAML file describes.

    Args:
        dataset: a name of `DATASETS`, or the path of a `.yaml` or `.yml` file.

    Raises:
        StrokebenchError: an unknown name, a file that is not there, or whatever the cohort's own loader finds
            wrong.
    """
    if dataset in DATASETS:
        return DATASETS[dataset].load()
    path = Path(dataset).expanduser()
    if path.suffix.lower() not in (".yaml", ".yml"):
        raise StrokebenchError(
            f"There is no dataset {dataset!r}.",
            f"Take {', '.join(DATASETS)}, or the path of a cohort's YAML file.",
        )
    if not path.is_file():
        raise StrokebenchError(f"{path}: no such file.", "A relative path counts from the current folder.")
    return _folder(path)


# Each loader brings in nibabel or nilearn; a list of names must not.
def _virtual() -> Cohort:
    from strokebench.datasets.virtual import load

    return load()


def _soop() -> Cohort:
    from strokebench.datasets.soop.load import load

    return load()


def _folder(path: Path) -> Cohort:
    try:
        from strokebench.datasets.own.load import load
    except ModuleNotFoundError as error:
        if error.name != "strokebench.datasets.own.load":
            raise
        raise StrokebenchError(
            f"{path}: this version cannot read a cohort from a YAML file.", f"Take {' or '.join(DATASETS)}."
        ) from None
    return load(path)


DATASETS: Mapping[str, Dataset] = {
    "virtual": Dataset(
        "virtual cohort: 729 invented patients of four invented hospitals, made from a seed", _virtual, True
    ),
    "soop": Dataset("SOOP: real patients of one US stroke centre (public domain; folder by STROKEBENCH_SOOP)", _soop),
}
"""Name -> built-in cohort, the default first."""
