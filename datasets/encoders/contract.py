"""What an encoder is. Who encodes a cohort knows this contract and no encoder by name."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.datasets.cohort import Cohort
from strokebench.datasets.encoders.weights import Published, folder_or_cache
from strokebench.datasets.images.target import Target

GRID = 4
"""Image tokens a side: a 4 x 4 in-plane grid (our choice)."""
TOKENS = GRID * GRID
LAYERS = 4
"""Hidden layers of a text encoder whose CLS vectors are kept, the last ones (the paper, section 4.1)."""


@dataclass(frozen=True)
class About:
    """What its publishers say of an encoder; empty where they say nothing.

    Args:
        licence: of its weights.
        trained_on: data sets by name; compared with the cohort, since patients that an encoder knows are a leak.
        size: of network and file. source: where it comes from. preparation: what it sees of an image or a text.
    """

    licence: str = ""
    trained_on: tuple[str, ...] = ()
    size: str = ""
    source: str = ""
    preparation: str = ""


class Encoder(ABC):
    """What all encoders share. Frozen: none is ever trained on a cohort.

    Making one is cheap and reads no weights; these load with the first `encode` of a process. It is pickled
    to worker processes, so it holds settings only.

    Class attributes:
        name: what captions call it.
        trained: its weights have learnt from data; reports warn where they have not.
        published: files that are fetched from the hub where no folder of weights is given.
        about: what is known of it before any file of it is read.
    """

    name: ClassVar[str]
    trained: ClassVar[bool] = True
    published: ClassVar[tuple[Published, ...]] = ()
    about: ClassVar[About] = About()

    @classmethod
    def make(cls, weights: Path | None) -> Self:
        """One that reads its weights from this folder (None: the usual place), where it needs any."""
        return cls()

    @abstractmethod
    def fingerprint(self) -> str:
        """SHA-256 of whatever decides its output: settings, weights, vocabulary, preparation of the volume."""

    @property
    def trained_on(self) -> tuple[str, ...]:
        """Data sets that it has learnt from, by name; empty where they are not known."""
        return self.about.trained_on


@dataclass(frozen=True)
class OfWeights(Encoder):
    """What encoders share that read files of weights, in a folder or (None) at the usual place."""

    weights: Path | None = None

    @classmethod
    def make(cls, weights: Path | None) -> Self:
        return cls(folder_or_cache(cls.published, weights))


class ImageEncoder(Encoder):
    """Turns prepared MRI volumes into vectors.

    Class attributes:
        target: the grid of its input.
    """

    target: ClassVar[Target]

    @property
    @abstractmethod
    def dim(self) -> int:
        """Channels of the pooled vector."""

    @property
    def token_dim(self) -> int:
        """Channels of each token; by default as many."""
        return self.dim

    @abstractmethod
    def encode(
        self, volumes: NDArray[np.float32], device: str = "cpu"
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Pooled vectors and tokens of volumes on `target`'s grid.

        Args:
            volumes: (b, x, y, z), intensities standardised within the head, 0 outside.
            device: `cpu` or `cuda`; on a GPU in mixed precision.

        Returns:
            A vector of each volume (b, d), and the last feature map averaged over depth and over the cells of a
            4 x 4 grid (b, 16, token_dim): token 4 i + j is the i-th cell left to right, j-th back to front.
        """


class TextEncoder(Encoder):
    """Turns texts into vectors."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """Width of a hidden layer."""

    @abstractmethod
    def encode(self, texts: Sequence[str], device: str = "cpu") -> NDArray[np.float32]:
        """CLS vectors of the last four hidden layers, first to last: (n, 4, d) for n texts.

        A text longer than the encoder's window is cut at its end.
        """


class ModalityEncoder(Encoder):
    """Turns whatever a further modality is measured by into its arrays.

    Class attributes:
        modality: its name in the schema (`strokebench.tasks.inputs`).
    """

    modality: ClassVar[str]

    @abstractmethod
    def sources(self, cohort: Cohort) -> pd.Series | None:
        """What is encoded of each patient, a path or a text, by patient id; missing where there is nothing.

        None: the cohort has no such modality.
        """

    @abstractmethod
    def encode(self, sources: Sequence[Any]) -> dict[str, NDArray[np.float32]]:
        """The modality's arrays by name, (n, *row) each for n sources; of no source (0, *row)."""
