"""Other scalings of features than by column, which the paper leaves open."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from strokebench.datasets.embeddings import Embeddings
from strokebench.tasks.inputs import Inputs, all_modalities
from strokebench.tasks.preparing.arrays import moments
from strokebench.tasks.preparing.prepare import Parts
from strokebench.tasks.preparing.sources import Features

COLUMN = "column"
"""Each column has a mean and a deviation of its own (our choice), which `prepare` does."""


def by_block(parts: Parts, embeddings: Embeddings, train: pd.Index) -> Parts:
    """A fold whose features have one mean and one deviation for all numbers of an array: columns that vary little stay
    small. The table stays scaled by column, what is missing stays at its column's mean, and an answer that stands in
    for a missing one keeps the place's own scale.

    Args:
        parts: as `prepare` gives them. train: ids of the training part, before it was balanced.
    """
    rows, changed = embeddings.rows(train), {}
    for modality in all_modalities().values():
        for name in () if modality.tabular else modality.arrays.keys() & embeddings.arrays.keys():
            array, column = embeddings.arrays[name], Features(embeddings, name, modality, train).fitted
            mean, deviation = moments(array, rows, tuple(range(array.ndim)))
            changed[name] = column.deviation_ / deviation, (column.mean_ - mean) / deviation

    def rescaled(x: Inputs) -> Inputs:
        arrays = {name: (x.arrays[name] * ratio + shift).astype(np.float32) for name, (ratio, shift) in changed.items()}
        return replace(x, arrays={**x.arrays, **arrays})

    return replace(parts, train=rescaled(parts.train), validation=rescaled(parts.validation), test=rescaled(parts.test))


SCALINGS: dict[str, Callable[[Parts, Embeddings, pd.Index], Parts]] = {"block": by_block}
"""Beside `COLUMN`."""
