"""Which pairs of patients does the split put on different sides?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from strokebench.benchmarks.running.context import Context


class Separated:
    """The patients of a split, and whether two of them are ever in training or validation and in test."""

    def __init__(self, context: Context) -> None:
        folds = context.split.folds
        self.ids = sorted({id for fold in folds for part in (fold.train, fold.validation, fold.test) for id in part})
        index = pd.Index(self.ids)
        self._row = {id: row for row, id in enumerate(self.ids)}
        # Row i, fold j: 2 in test, 1 in training or validation, 0 in neither.
        self._side = np.zeros((len(self.ids), len(folds)), dtype=np.int8)
        for number, fold in enumerate(folds):
            self._side[index.get_indexer(pd.Index([*fold.train, *fold.validation])), number] = 1
            self._side[index.get_indexer(pd.Index(fold.test)), number] = 2

    def apart(self, one: str, other: str) -> bool:
        """One was learned from and the other tested on, in at least one fold."""
        a, b = self._side[self._row[one]], self._side[self._row[other]]
        return bool((a * b == 2).any())
