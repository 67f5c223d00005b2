"""What an encoder is. Who encodes a cohort knows this contract and no encoder by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from strokebench.datasets.images.target import Target

GRID = 4
"""Image tokens a side: a 4 x 4 in-plane grid (our choice)."""
TOKENS = GRID * GRID
LAYERS = 4
"""Hidden layers of a text encoder whose CLS vectors are kept, the last ones (the paper, section 4.1)."""


class ImageEncoder(ABC):
    """Turns prepared MRI volumes into vectors. Frozen: it is never trained on a cohort.

    Making one is cheap and reads no weights; these load with the first `encode` of a process. It is pickled
    to worker processes, so it holds settings only.

    Class attributes:
        name: what captions call it. dim: channels d of its features. target: the grid of its input.
    """

    name: ClassVar[str]
    target: ClassVar[Target]

    @property
    @abstractmethod
    def dim(self) -> int:
        """Channels d of a pooled vector and of each token."""

    @abstractmethod
    def fingerprint(self) -> str:
        """SHA-256 of whatever decides its output: settings, weights, preparation of the volume."""

    @abstractmethod
    def encode(
        self, volumes: NDArray[np.float32], device: str = "cpu"
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Pooled vectors and tokens of volumes on `target`'s grid.

        Args:
            volumes: (b, x, y, z), intensities standardised within the head, 0 outside.
            device: `cpu` or `cuda`; on a GPU in mixed precision.

        Returns:
            The mean of the last feature map (b, d), and the same map averaged over depth and over the cells of
            a 4 x 4 grid (b, 16, d): token 4 i + j is the i-th cell left to right, j-th back to front.
        """


class TextEncoder(ABC):
    """Turns texts into vectors. Frozen, cheap to make and picklable, as an `ImageEncoder` is."""

    name: ClassVar[str]

    @property
    @abstractmethod
    def dim(self) -> int:
        """Width d of a hidden layer."""

    @abstractmethod
    def fingerprint(self) -> str:
        """SHA-256 of whatever decides its output: settings, weights, vocabulary."""

    @abstractmethod
    def encode(self, texts: Sequence[str], device: str = "cpu") -> NDArray[np.float32]:
        """CLS vectors of the last four hidden layers, first to last: (n, 4, d) for n texts.

        A text longer than the encoder's window is cut at its end.
        """
