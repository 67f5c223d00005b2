"""Balancing the classes of the training part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from strokebench.tasks.inputs import Inputs
from strokebench.tasks.preparing.table import TablePreprocessor

if TYPE_CHECKING:
    from sklearn.neighbors import NearestNeighbors

SPARSE = 4096
"""Patients of the smaller class up to which SMOTENC searches its own, sparse table."""

LOOKED_AT = 16
"""Nearest patients among whom equally near ones are looked for."""

Balanced = tuple[Inputs, NDArray[np.int8]]

Tables = Mapping[str, TablePreprocessor]
"""What made each tabular array; side by side they are the table."""


def smote(x: Inputs, y: NDArray[np.int8], tables: Tables, seed: int) -> Balanced:
    """The paper's nearest-neighbour replication SMOTE with K = 1 (section 4.1.2), to equal classes.

    A new record's table lies between a minority patient's and its nearest neighbour's: a category or a yes and no is
    the neighbour's, and whole numbers are rounded, so that nobody has half a diabetes. All its features are those of
    the real patient of its label whose table is nearest, so that the modalities of a record stay together; where
    several are equally near, as in a table of yes and no, of one drawn from `LOOKED_AT` of them. Real patients come
    first, in their order.

    The two searches compare all with all of the smaller class, as matrix products: at 20,000 patients of it they
    take 4 s of one core, at 200,000 it would be a hundred times that.

    Args:
        x: standardised training part, n patients.
        y: labels, (n,).
        tables: fitted on the training part.
        seed: draws the records.
    """
    from imblearn.over_sampling import SMOTE, SMOTEN, SMOTENC
    from sklearn.neighbors import NearestNeighbors

    labels, counts = np.unique(y, return_counts=True)
    if counts.min() == counts.max():
        return x, y
    real = np.hstack([np.zeros((len(x), 0), np.float32), *(x.arrays[name] for name in tables)])
    if counts.min() < 2 or real.shape[1] == 0:
        return duplicate(x, y, tables, seed)
    binary = np.concatenate([table.binary_ for table in tables.values()])
    if binary.all():
        sampler = SMOTEN(k_neighbors=1, random_state=seed)
    elif binary.any():
        neighbours = _dense_search() if counts.min() > SPARSE else 1
        sampler = SMOTENC(np.flatnonzero(binary).tolist(), k_neighbors=neighbours, random_state=seed)
    else:
        sampler = SMOTE(k_neighbors=1, random_state=seed)
    table, balanced = sampler.fit_resample(real, y)
    ends = np.cumsum([len(each.names_) for each in tables.values()])
    drawn = [
        each.rounded(own)
        for each, own in zip(tables.values(), np.split(table[len(x) :], ends[:-1], axis=1), strict=True)
    ]
    table = np.vstack([real, np.hstack(drawn)])
    rows, random = np.arange(len(table)), np.random.default_rng(seed)
    for label in labels[counts < counts.max()]:
        own, new = np.flatnonzero(y == label), len(x) + np.flatnonzero(balanced[len(x) :] == label)
        nearest = NearestNeighbors(n_neighbors=min(LOOKED_AT, len(own))).fit(real[own])
        distances, near = nearest.kneighbors(table[new])
        equal = (distances <= distances[:, :1] + 1e-6).sum(axis=1)
        rows[new] = own[near[np.arange(len(new)), random.integers(equal)]]
    copied = x[rows]
    arrays = dict(zip(tables, np.split(table, ends[:-1], axis=1), strict=True))
    return Inputs({**copied.arrays, **arrays}, copied.present, copied.source, copied.sequences), balanced.astype(
        np.int8
    )


def _dense_search() -> NearestNeighbors:
    """The search for SMOTENC's one neighbour in a dense table: a tenth of the time, the same neighbours.

    SMOTENC hands over a sparse table, although half of it is filled, and scikit-learn then multiplies and sorts
    whole rows of distances. Neighbours that are equally near up to float32 rounding may come in another order,
    which is why small cohorts keep to imbalanced-learn's own search.
    """
    from scipy.sparse import issparse
    from sklearn.neighbors import NearestNeighbors

    def dense(x: Any) -> Any:
        return x.toarray() if issparse(x) else x

    class DenseNeighbours(NearestNeighbors):
        def fit(self, X: Any, y: Any = None) -> NearestNeighbors:
            return super().fit(dense(X), y)

        def kneighbors(self, X: Any = None, *args: Any, **kwargs: Any) -> Any:
            return super().kneighbors(dense(X), *args, **kwargs)

    # A patient's nearest is the patient.
    return DenseNeighbours(n_neighbors=2)


def duplicate(x: Inputs, y: NDArray[np.int8], tables: Tables, seed: int) -> Balanced:
    """Whole patients of the smaller classes drawn again until the classes, labels `y` (n,), are equal."""
    labels, counts = np.unique(y, return_counts=True)
    random, rows = np.random.default_rng(seed), [np.arange(len(x))]
    for label, count in zip(labels, counts, strict=True):
        if count < counts.max():
            rows.append(random.choice(np.flatnonzero(y == label), counts.max() - count))
    kept = np.concatenate(rows)
    return x[kept], y[kept]


def none(x: Inputs, y: NDArray[np.int8], tables: Tables, seed: int) -> Balanced:
    """The training part as it is, labels `y` (n,)."""
    return x, y


BALANCERS: dict[str, Callable[[Inputs, NDArray[np.int8], Tables, int], Balanced]] = {
    "smote": smote,
    "duplicate": duplicate,
    "none": none,
}
