"""Made-up cohorts of any size: a table, labels, sites and embeddings, without volumes and texts.

Embeddings are written block by block and read as memory maps, so that they may be larger than the memory.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.benchmarks.measuring.sizes import USUAL, CohortSizes
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.settings import SEEDS, Settings
from strokebench.datasets.cohort import Cohort, Column, Kind
from strokebench.datasets.embeddings import Embeddings
from strokebench.datasets.virtual.dictionary import COLUMNS
from strokebench.datasets.virtual.settings import OUTCOME
from strokebench.errors import StrokebenchError
from strokebench.files import digest
from strokebench.tasks.endpoints.parse import parse_endpoint
from strokebench.tasks.protocols import make_split

BLOCK = 2048
"""Patients written at a time."""
LEAST = 60
"""Patients below which stratified parts are too small."""
HOSPITALS, OF_EACH = 36, 20
"""Hospitals, and patients of each below which there are fewer."""
_MISSING = 0.03
_CATEGORIES = ("one", "two", "three")


def write_cohort(folder: Path, n: int, sizes: CohortSizes = USUAL) -> None:
    """Draw a cohort of n patients and write it: `table.csv` and one `.npy` an array.

    Raises:
        StrokebenchError: too few patients.
    """
    if n < LEAST:
        raise StrokebenchError(f"{n} patients are too few.", f"Give {LEAST} or more.")
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(n)
    _table(n, sizes.columns, random).to_csv(folder / "table.csv")
    for name, shape in sizes.embeddings.items():
        array = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.float32, (n, *shape))
        for start in range(0, n, BLOCK):
            block = array[start : start + BLOCK]
            block[:] = random.standard_normal(block.shape, dtype=np.float32)


def read_context(folder: Path, seeds: Sequence[int] = SEEDS[:1]) -> Context:
    """The cohort of `write_cohort` as the experiments see one, its arrays mapped from disk."""
    cohort = read_cohort(folder)
    endpoint = parse_endpoint(OUTCOME)
    labels = endpoint.labels(cohort)
    split = make_split("cv5", endpoint.strata(labels), cohort.site, seeds)
    settings = Settings(dataset="scale", seeds=tuple(seeds), jobs=1)
    return Context(settings, cohort, read_embeddings(folder), endpoint, labels, split)


def read_cohort(folder: Path) -> Cohort:
    """The table and the sites."""
    text_types = {name: "str" for name, column in COLUMNS.items() if column.kind is Kind.CATEGORICAL}
    table = pd.read_csv(folder / "table.csv", index_col="patient_id", dtype=text_types)
    return Cohort(
        name="scale",
        title="made-up patients",
        table=table.drop(columns="site"),
        columns={name: COLUMNS.get(name, Column(Kind.NUMERIC)) for name in table.columns.drop("site")},
        site=table["site"],
        synthetic=True,
    )


def read_embeddings(folder: Path) -> Embeddings:
    """The arrays, mapped read-only."""
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in USUAL.embeddings}
    return Embeddings(_ids(len(arrays["text"])), arrays, fingerprint=digest(str(folder)))


def _table(n: int, width: int, random: np.random.Generator) -> pd.DataFrame:
    columns: dict[str, NDArray] = {}
    for name, column in COLUMNS.items():
        if column.kind is Kind.CATEGORICAL:
            values = random.choice(np.array(_CATEGORIES, dtype=object), n)
            values[random.random(n) < _MISSING] = None
        else:
            low, high = column.low or 0.0, column.high if column.high is not None else 100.0
            # As many different values as a laboratory prints.
            values = (low + (high - low) * random.beta(2, 4, n)).round(1 if high - low < 50 else 0).clip(low, high)
            if name != "nihss":
                values[random.random(n) < _MISSING] = np.nan
        columns[name] = values
    columns["nihss"] = np.where(random.random(n) < 0.318, random.integers(0, 7, n), random.integers(7, 43, n))
    for number in range(len(COLUMNS), width):
        columns[f"measurement_{number}"] = random.normal(100, 15, n).round(1)
    hospitals = [f"Hospital {number + 1}" for number in range(min(HOSPITALS, n // OF_EACH))]
    columns["site"] = random.choice(np.array(hospitals, dtype=object), n)
    return pd.DataFrame(columns, index=_ids(n))


def _ids(n: int) -> pd.Index:
    return pd.Index([f"s{number:07d}" for number in range(n)], name="patient_id")
