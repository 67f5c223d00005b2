"""Which cohorts are there, and how is one loaded by name or by file?"""

import os
from collections.abc import Callable
from pathlib import Path

from strokebench.datasets.cohort import Cohort
from strokebench.errors import StrokebenchError, no_such_file, unknown_name
from strokebench.plugins import Registry

COHORTS: Registry[Callable[[], Cohort]] = Registry(
    "cohort",
    lambda _, thing: callable(thing),
    {
        "virtual": "strokebench.datasets.virtual.generate:load",
        **{f"virtual-{seed}": f"strokebench.datasets.virtual.generate:load_{seed}" for seed in range(1, 5)},
        "virtual-sequences": "strokebench.datasets.virtual.generate:load_sequences",
        "virtual-null": "strokebench.datasets.virtual.generate:load_null",
        "virtual-fusion": "strokebench.datasets.virtual.generate:load_fusion",
        "soop": "strokebench.datasets.soop.load:load",
        "soop-flair": "strokebench.datasets.soop.flair:load_flair",
    },
)
"""Functions that read a cohort, or make it on first use; the first line of their docstring describes it in lists."""
MANIFESTS = dict.fromkeys(("soop", "soop-flair"), Path(__file__).parent / "soop" / "soop.yaml")
"""Cohort -> the manifest by which it is fetched where it is not here (`strokebench.datasets.public.manifest`)."""


def load_cohort(dataset: Path | str) -> Cohort:
    """A cohort by name, or one that a YAML file describes.

    Args:
        dataset: a name of `COHORTS`, or the path of a `.yaml` or `.yml` file.

    Raises:
        StrokebenchError: an unknown name, a file that is not there, or whatever the cohort's own loader finds
            wrong.
    """
    dataset = os.fspath(dataset)
    path = cohort_file(dataset)
    if path is None:
        cohort = COHORTS.find(dataset)()
        if not isinstance(cohort, Cohort):
            raise StrokebenchError(f"The loader of {dataset!r} gives no cohort but {type(cohort).__name__}.")
        return cohort
    from strokebench.datasets.own.load import load

    return load(path)


def cohort_file(dataset: str) -> Path | None:
    """The YAML file that a dataset's name is the path of; None where it is the name of a cohort.

    Raises:
        StrokebenchError: neither is there.
    """
    path = Path(dataset).expanduser()
    if path.suffix.lower() not in (".yaml", ".yml"):
        known = COHORTS.names()
        if dataset not in known:
            raise unknown_name(
                "cohort", dataset, known, f"Take {', '.join(known)}, or the path of a cohort's YAML file."
            )
        return None
    if not path.is_file():
        raise no_such_file(path)
    return path
