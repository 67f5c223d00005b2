"""What a network sees of a batch of patients."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from strokebench.large import blocks, room
from strokebench.tasks.inputs import PRESENT, Inputs, row_of

Aux = dict[str, Tensor]


Epoch = int | Tensor
"""From 0; a tensor without dimensions where one step is recorded for all epochs, so that no loss may branch on it."""


Batch = dict[str, Tensor]
"""What a network sees of b patients: the arrays that the method reads, (b, *row), under the names of the schema.

Of several answers (`Row.alternatives`) it sees one while training, and their mean when predicting: `text` is
(b, layers, d). `present`, if it is read, is 1 where a patient has a modality, (b, modalities).
"""


PREDICTION_BATCH = 256


class Patients:
    """The arrays that a method reads, as tensors without copies.

    Attributes:
        arrays: by name, (n, *row). means: the same with the mean of several answers. rows: shapes of what a batch has
            of one patient.
        answers: how many there are a patient, of the arrays that have several; `alternatives`: a number that each of
            these divides, 1 without any.
    """

    def __init__(self, x: Inputs, reads: Collection[str]) -> None:
        self._n = len(x)
        self.arrays = {name: _tensor(array) for name, array in x.arrays.items() if name in reads}
        several = [name for name in self.arrays if row_of(name).alternatives]
        self.answers = {name: self.arrays[name].shape[1] for name in several}
        self.alternatives = math.lcm(*self.answers.values())
        self.means = self.arrays | {name: _mean_answer(self.arrays[name]) for name in several}
        if PRESENT in reads:
            self.arrays[PRESENT] = self.means[PRESENT] = _tensor(x.present)
        self.rows = {name: mean.shape[1:] for name, mean in self.means.items()}

    def __len__(self) -> int:
        return self._n

    def draw(self, rows: Tensor, random: torch.Generator) -> Tensor:
        """Which answer each of these patients is seen with, below `alternatives`, (b,); drawn without any, too."""
        return torch.randint(self.alternatives, (len(rows),), generator=random)

    def batch(self, rows: Tensor, drawn: Tensor) -> Batch:
        """The patients with the numbers `rows` (b,), with the answers that were drawn, (b,)."""
        # Whole rows are copied, which `[rows]` does number by number.
        return {
            name: array.index_select(0, rows)
            if (count := self.answers.get(name)) is None
            else array.flatten(0, 1).index_select(0, rows * count + drawn % count)
            for name, array in self.arrays.items()
        }

    def in_order(self, size: int = PREDICTION_BATCH) -> Iterator[Batch]:
        """All patients in order, with the mean of their answers."""
        for start in range(0, len(self), size):
            yield {name: array[start : start + size] for name, array in self.means.items()}


def _tensor(array: NDArray) -> Tensor:
    array = np.ascontiguousarray(array, dtype=np.float32)
    # torch warns of read-only memory maps; nothing here writes to its inputs.
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def _mean_answer(answers: Tensor) -> Tensor:
    """(n, answers, ...) to (n, ...)."""
    mean = torch.from_numpy(room((len(answers), *answers.shape[2:])))
    for rows in blocks(len(answers), answers.shape):
        torch.mean(answers[rows], 1, out=mean[rows])
    return mean
