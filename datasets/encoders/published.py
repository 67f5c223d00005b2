"""What networks share that have learnt from MRI: one published file, read strictly, on a grid of the whole head."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from strokebench.datasets.encoders.contract import ImageEncoder, OfWeights
from strokebench.datasets.encoders.weights import Published, find_weights, weights_digest
from strokebench.datasets.images.mri import PREPARATION
from strokebench.files import digest

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class PublishedNetwork(OfWeights, ImageEncoder):
    """A frozen network whose last map is pooled; its file is in the folder of weights, or on the hub.

    Class attributes:
        file: of the weights.
    """

    file: ClassVar[Published]

    @abstractmethod
    def build(self) -> torch.nn.Module:
        """The network, not loaded."""

    def last_map(self, network: Any, volumes: torch.Tensor) -> torch.Tensor:
        """From volumes (b, 1, x, y, z) to a map (b, d, *rest)."""
        return network(volumes)

    def renamed(self, name: str) -> str | None:
        """What a tensor of the file is called in the network; None where it has none of it."""
        return name

    def path(self) -> Path:
        """The file; for errors see `find_weights`."""
        return find_weights(self.file, self.weights)

    def fingerprint(self) -> str:
        parts = {"class": f"{type(self).__name__} 1", "weights": weights_digest(self.path()), "mri": PREPARATION}
        return digest({**parts, **asdict(self.target)})

    def encode(
        self, volumes: NDArray[np.float32], device: str = "cpu"
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Vectors (b, d) and tokens (b, 16, d) of volumes (b, x, y, z), as `ImageEncoder` says."""
        from strokebench.datasets.encoders.resnet import pool, run

        network = loaded(self)
        return run(network, volumes, device, lambda inputs: pool(self.last_map(network, inputs)))


@lru_cache(maxsize=1)
def loaded(encoder: PublishedNetwork) -> torch.nn.Module:
    """The encoder's network with its weights."""
    import torch

    from strokebench.datasets.encoders.resnet import load_body

    # New layers draw from the global generator, which is not ours to advance.
    with torch.random.fork_rng(devices=[]):
        network = encoder.build()
    load_body(network, encoder.path(), encoder.name, str(encoder.file), encoder.renamed)
    return network.eval()
