"""What a network sees of a batch of patients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from strokebench.large import blocks, room
from strokebench.tasks.inputs import TriModal

Aux = dict[str, Tensor]


Epoch = int | Tensor
"""From 0; a tensor without dimensions where one step is recorded for all epochs, so that no loss may branch on it."""


class Batch(NamedTuple):
    """What a network sees of b patients; a part that the method does not read is empty, (b, 0).

    image (b, d_image); tokens (b, 16, d_image), a 4 x 4 grid row by row;
    text (b, layers, d_text), one prompt's answer while training, the mean over prompts when predicting;
    table (b, columns).
    """

    image: Tensor
    tokens: Tensor
    text: Tensor
    table: Tensor


PREDICTION_BATCH = 256


class Patients:
    """The arrays that a method reads, as tensors without copies; what it does not read is empty, (n, 0)."""

    def __init__(self, x: TriModal, reads: frozenset[str]) -> None:
        sources = {"image": x.image, "tokens": x.image_tokens, "text": x.text, "table": x.table}
        empty = torch.zeros(len(x), 0)
        parts = {name: _tensor(array) if name in reads else empty for name, array in sources.items()}
        self.image, self.tokens, self.table = parts["image"], parts["tokens"], parts["table"]
        self.text = parts["text"] if "text" in reads else torch.zeros(len(x), 1, 0)
        self.mean_text = _mean_prompt(self.text)

    def __len__(self) -> int:
        return len(self.table)

    def one_prompt(self, rows: Tensor, random: torch.Generator) -> Batch:
        """These patients, each with the answer to one random prompt."""
        return self.batch(rows, self.answers(rows, random))

    def answers(self, rows: Tensor, random: torch.Generator) -> Tensor:
        """The answer to one random prompt for each of these patients: its number among all answers of all patients."""
        prompts = self.text.shape[1]
        return rows * prompts + torch.randint(prompts, (len(rows),), generator=random)

    def batch(self, rows: Tensor, answers: Tensor) -> Batch:
        """These patients with these answers."""
        # Whole rows are copied, which `[rows]` does number by number.
        text = self.text.flatten(0, 1).index_select(0, answers)
        image, tokens, table = (part.index_select(0, rows) for part in (self.image, self.tokens, self.table))
        return Batch(image, tokens, text, table)

    def in_order(self, size: int = PREDICTION_BATCH) -> Iterator[Batch]:
        """All patients in order, text averaged over the prompts."""
        for start in range(0, len(self), size):
            rows = slice(start, start + size)
            yield Batch(self.image[rows], self.tokens[rows], self.mean_text[rows], self.table[rows])


def _tensor(array: NDArray) -> Tensor:
    array = np.ascontiguousarray(array, dtype=np.float32)
    # torch warns of read-only memory maps; nothing here writes to its inputs.
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def _mean_prompt(text: Tensor) -> Tensor:
    """(n, prompts, layers, d) to (n, layers, d)."""
    mean = torch.from_numpy(room((len(text), *text.shape[2:])))
    for rows in blocks(len(text), text.shape):
        torch.mean(text[rows], 1, out=mean[rows])
    return mean
