"""What a method sees of a patient: three arrays, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strokebench.large import take


class Modality(StrEnum):
    """The three sources of knowledge on a patient."""

    IMAGE = "image"
    TEXT = "text"
    TABLE = "table"


@dataclass(frozen=True)
class Shapes:
    """Sizes of a `TriModal`, enough to build a network."""

    image: int
    tokens: int
    prompts: int
    layers: int
    text: int
    table: int


@dataclass(frozen=True)
class TriModal:
    """Standardised float32 arrays, one row a patient (or an oversampled copy of one).

    A method never sees ids, sites or test labels. A modality that the cohort lacks, or that a condition
    switches off, is zeros. There are no missing values in it.

    Args:
        image: pooled image vector (n, d_image).
        image_tokens: 4 x 4 grid of image tokens (n, 16, d_image).
        text: (n, prompts, layers, d_text); a missing answer is zeros, the training mean.
        table: clinical table (n, columns).
    """

    image: NDArray[np.float32]
    image_tokens: NDArray[np.float32]
    text: NDArray[np.float32]
    table: NDArray[np.float32]

    def __post_init__(self) -> None:
        rows = {name: len(getattr(self, name)) for name in self.__dataclass_fields__}
        if len(set(rows.values())) != 1:
            raise ValueError(f"All parts need the same number of rows, got {rows}.")

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, rows: Any) -> TriModal:
        """The patients at `rows` (integers, a mask or a slice)."""
        return TriModal(**{part.name: take(getattr(self, part.name), rows) for part in fields(self)})

    @property
    def shapes(self) -> Shapes:
        """Sizes, enough to build a network."""
        _, d_image = self.image.shape
        _, prompts, layers, d_text = self.text.shape
        tokens = self.image_tokens.shape[1]
        return Shapes(d_image, tokens, prompts, layers, d_text, self.table.shape[1])
