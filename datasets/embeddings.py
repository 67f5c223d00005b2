"""What the encoders make of a cohort: arrays by patient id, ready to be shared between processes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.errors import StrokebenchError


# A notebook keeps what a cell shows: no patients.
@dataclass(frozen=True, repr=False)
class Embeddings:
    """Frozen features of each patient.

    Args:
        ids: patient ids, one a row of each array.
        arrays: float32 (n, *row) by name of the schema (`strokebench.tasks.inputs`), e.g. `image.vector` (n, d); what
            the cohort lacks is not among them. A patient of whom nothing is known is a row of NaN.
        encoders: modality -> what made its arrays, for every table's caption.
        untrained: names of those of them that learnt from nothing.
        sequences: of the image, where there are several. Their numbers lie side by side, equally many each, along the
            last axis of its arrays.
        trained_on: name of each of them -> the data sets that it has learnt from, as far as they are known.
        by_fold: (seed, fold) -> arrays that stand in place of those of `arrays` there, made by what has learnt from
            that fold's training patients; empty: all folds have the same.
        fingerprint: hash of the inputs, the encoders and their settings.
        emptied: texts of which the filter left nothing, so that they count as missing.

    Raises:
        StrokebenchError: an array whose number of rows is not that of `ids`.
    """

    ids: pd.Index
    arrays: Mapping[str, NDArray[np.float32]]
    encoders: Mapping[str, str] = field(default_factory=dict)
    untrained: tuple[str, ...] = ()
    fingerprint: str = ""
    sequences: tuple[str, ...] = ()
    trained_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    by_fold: Mapping[tuple[int, int], Mapping[str, NDArray[np.float32]]] = field(default_factory=dict)
    emptied: int = 0

    def __post_init__(self) -> None:
        for name, array in self.arrays.items():
            if len(array) != len(self.ids):
                raise StrokebenchError(f"Embeddings: {name} has {len(array)} rows for {len(self.ids)} ids.")

    def of_fold(self, seed: int, fold: int) -> Self:
        """As a fold's patients have them.

        Raises:
            StrokebenchError: features go by fold, and this one has none.
        """
        if not self.by_fold:
            return self
        if (seed, fold) not in self.by_fold:
            raise StrokebenchError(f"No features were given for fold {fold} of seed {seed}.", "Give a file for it.")
        return replace(self, arrays={**self.arrays, **self.by_fold[seed, fold]}, by_fold={})

    def rows(self, ids: pd.Index) -> NDArray[np.intp]:
        """Row number of each id: (n,).

        Raises:
            StrokebenchError: a patient without embeddings, by name.
        """
        rows = self.ids.get_indexer(ids)
        if (rows < 0).any():
            raise StrokebenchError(f"Patient {ids[rows < 0][0]} has no embeddings.", "Encode again.")
        return rows
