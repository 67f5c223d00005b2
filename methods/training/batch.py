"""What a network sees of a batch of patients."""

import math
from collections.abc import Collection, Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from strokebench.tasks.inputs import PRESENT, SOURCE, Inputs, row_of

Aux = dict[str, Tensor]


Epoch = int | Tensor
"""From 0; a tensor without dimensions where one step is recorded for all epochs, so that no loss may branch on it."""


Batch = dict[str, Tensor]
"""What a network sees of b patients: the arrays that the method reads, (b, *row), under the names of the schema.

Of several answers (`Row.alternatives`) it sees one at a time: `text` is (b, layers, d). `present`, if it is read, is 1
where a patient has a modality, (b, modalities); `source` is equal where two rows are copies of one patient, (b,).
"""


PREDICTION_BATCH = 256


class Patients:
    """The arrays that a method reads, as tensors without copies.

    Attributes:
        arrays: by name, (n, *row). rows: shapes of what a batch has of one patient.
        answers: how many there are a patient, of the arrays that have several; `alternatives`: a number that each of
            these divides, 1 without any.
    """

    def __init__(self, x: Inputs, reads: Collection[str]) -> None:
        self._n = len(x)
        self.arrays = {name: _tensor(array) for name, array in x.arrays.items() if name in reads}
        several = [name for name in self.arrays if row_of(name).alternatives]
        self.answers = {name: self.arrays[name].shape[1] for name in several}
        self.alternatives = math.lcm(*self.answers.values())
        if PRESENT in reads:
            self.arrays[PRESENT] = _tensor(x.present)
        if SOURCE in reads:
            self.arrays[SOURCE] = torch.from_numpy(x.sources)
        self.rows = {name: array.shape[1 + (name in self.answers) :] for name, array in self.arrays.items()}

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
        """All patients in order with an answer each, `alternatives` times: with every answer equally often."""
        for answer in range(self.alternatives):
            seen = self.with_answer(self.arrays, answer)
            for start in range(0, len(self), size):
                yield {name: array[start : start + size] for name, array in seen.items()}

    def with_answer(self, arrays: Mapping[str, Tensor], answer: int, axis: int = 1) -> Batch:
        """`arrays` (n, *row); of several answers, (n, answers, *row), the one of this number; `axis` is theirs."""
        several = {name: arrays[name].select(axis, answer % count) for name, count in self.answers.items()}
        return {**arrays, **several}

    def mean_of(self, values: Tensor) -> Tensor:
        """What was made of `in_order`, (alternatives * n, ...), as the mean over a patient's answers, (n, ...)."""
        return values.unflatten(0, (self.alternatives, len(self))).mean(0)


def _tensor(array: NDArray) -> Tensor:
    array = np.ascontiguousarray(array, dtype=np.float32)
    # torch warns of read-only memory maps; nothing here writes to its inputs.
    return torch.from_numpy(array if array.flags.writeable else array.copy())
