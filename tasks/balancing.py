"""Balancing the classes of the training part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from strokebench.tasks.trimodal import TriModal

Balanced = tuple[TriModal, NDArray[np.int8]]


def smote(x: TriModal, y: NDArray[np.int8], categorical: NDArray[np.bool_], seed: int) -> Balanced:
    """The paper's nearest-neighbour replication SMOTE with K = 1 (section 4.1.2), to equal classes.

    A new record's table lies between a minority patient's and its nearest neighbour's (a category is the
    neighbour's); its image and text are those of the real minority patient whose table is nearest, so that
    the modalities of a record stay together. Real patients come first, in their order.

    Args:
        x: standardised training part, n patients.
        y: labels, (n,).
        categorical: which table columns are indicators of a category.
        seed: draws the records.
    """
    from imblearn.over_sampling import SMOTE, SMOTENC
    from sklearn.neighbors import NearestNeighbors

    counts = np.bincount(y, minlength=2)
    if counts[0] == counts[1]:
        return x, y
    if counts.min() < 2 or x.table.shape[1] == 0:
        return duplicate(x, y, categorical, seed)
    if categorical.any() and not categorical.all():
        sampler = SMOTENC(np.flatnonzero(categorical).tolist(), k_neighbors=1, random_state=seed)
    else:
        sampler = SMOTE(k_neighbors=1, random_state=seed)
    table, labels = sampler.fit_resample(x.table, y)
    new = slice(len(x), None)
    minority = np.flatnonzero(y == counts.argmin())
    nearest = NearestNeighbors(n_neighbors=1).fit(x.table[minority])
    source = minority[nearest.kneighbors(table[new], return_distance=False)[:, 0]]
    rows = np.concatenate([np.arange(len(x)), source])
    return replace(x[rows], table=table.astype(np.float32)), labels.astype(np.int8)


def duplicate(x: TriModal, y: NDArray[np.int8], categorical: NDArray[np.bool_], seed: int) -> Balanced:
    """Whole minority patients drawn again until the classes are equal."""
    counts = np.bincount(y, minlength=2)
    if counts.min() == 0:
        return x, y
    minority = np.flatnonzero(y == counts.argmin())
    drawn = np.random.default_rng(seed).choice(minority, counts.max() - counts.min())
    rows = np.concatenate([np.arange(len(x)), drawn])
    return x[rows], y[rows]


def none(x: TriModal, y: NDArray[np.int8], categorical: NDArray[np.bool_], seed: int) -> Balanced:
    """The training part as it is."""
    return x, y


BALANCERS: dict[str, Callable[[TriModal, NDArray[np.int8], NDArray[np.bool_], int], Balanced]] = {
    "smote": smote,
    "duplicate": duplicate,
    "none": none,
}
