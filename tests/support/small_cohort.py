"""A small invented cohort with embeddings and no files."""

import numpy as np
import pandas as pd

from strokebench.datasets.cohort import Cohort, Column, Kind
from strokebench.datasets.embeddings import Embeddings


def make_cohort(n: int = 100, seed: int = 0, **changes) -> Cohort:
    random = np.random.default_rng(seed)
    ids = pd.Index([f"p{i:03d}" for i in range(n)])
    nihss = random.integers(0, 20, n).astype(float)
    table = pd.DataFrame(
        {
            "nihss": nihss,
            "age": np.where(random.random(n) < 0.1, np.nan, random.normal(70, 10, n).round()),
            "toast": random.choice(["cardioembolic", "large artery", "other"], n),
            "smoker": random.choice(["no", "yes"], n),
        },
        index=ids,
    )
    columns = {
        "nihss": Column(Kind.NUMERIC, low=0, high=42),
        "age": Column(Kind.NUMERIC, low=18, high=120),
        "toast": Column(Kind.CATEGORICAL),
        "smoker": Column(Kind.CATEGORICAL),
    }
    site = pd.Series(random.choice(["north", "south", "west"], n), index=ids)
    return Cohort(
        **{
            "name": "small",
            "title": "small cohort",
            "table": table,
            "columns": columns,
            "site": site,
            **changes,
        }
    )


def make_embeddings(cohort: Cohort, seed: int = 1) -> Embeddings:
    random = np.random.default_rng(seed)
    n = len(cohort)
    draw = lambda *shape: random.normal(3, 2, (n, *shape)).astype(np.float32)  # noqa: E731
    arrays = {"image.vector": draw(8), "image.tokens": draw(16, 8), "text": draw(5, 4, 6)}
    return Embeddings(cohort.ids, arrays)
