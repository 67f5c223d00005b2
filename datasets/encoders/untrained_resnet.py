"""The embedded image encoder: a residual network with random weights, drawn once from a seed.

No package carries weights trained on brain MRI, and a download must not stand between a fresh clone and its
first table. Random convolutions are an honest stand-in: they see where the volume is bright and how rough it
is, never what a radiologist knows. Every caption says `untrained`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from strokebench.datasets.encoders.contract import About, ImageEncoder
from strokebench.datasets.images.mri import PREPARATION
from strokebench.datasets.images.target import WHOLE_HEAD, Target
from strokebench.files import digest

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class UntrainedResNet(ImageEncoder):
    """A 10-layer MONAI 3D ResNet with He-normal weights from a seed and identity batch normalisation.

    Sizes are our choice, measured on lesions laid on the MNI template with individual deformation, texture,
    bias and noise: a small first kernel at full resolution, then maximum pooling, keeps small bright spots
    (explained variance of the log lesion volume 0.84, against 0.78 for the usual 7-voxel kernel of stride 2),
    and a total stride of 16 gives a real 4 x 4 map. Narrow early stages pay for it.

    Args:
        planes: channels of the four stages; the last is d.
        kernel: edge of the first convolution in voxels.
        seed: of the weights. They come from NumPy's generator, which keeps its streams between releases.
    """

    name: ClassVar[str] = "3D ResNet-10 (untrained, seeded)"
    target: ClassVar[Target] = WHOLE_HEAD
    trained: ClassVar[bool] = False
    about: ClassVar[About] = About(
        licence="Apache-2.0",
        size="9.8 M parameters, drawn from a seed",
        source="strokebench",
        preparation="whole head, 56 x 64 x 48 voxels of 3 mm",
    )

    planes: tuple[int, int, int, int] = (32, 64, 128, 512)
    kernel: int = 3
    seed: int = 0

    @property
    def dim(self) -> int:
        return self.planes[-1]

    def fingerprint(self) -> str:
        return digest({"class": "UntrainedResNet 1", **asdict(self), **asdict(self.target), "mri": PREPARATION})

    def encode(
        self, volumes: NDArray[np.float32], device: str = "cpu"
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Vectors (b, d) and tokens (b, 16, d) of volumes (b, x, y, z), as `ImageEncoder` says."""
        from strokebench.datasets.encoders.resnet import run

        network = _network(self)
        return run(network, volumes, device, lambda inputs: self._parts(network, inputs))

    def _parts(self, network: torch.nn.Module, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        from strokebench.datasets.encoders.resnet import pool, stage_maps

        return pool(stage_maps(network, inputs)[-1])


@dataclass(frozen=True)
class UntrainedStages(UntrainedResNet):
    """The same network; its vector is mean, deviation and largest value of every channel of all four stages.

    What early stages see (edges, bright spots) is lost in the mean of the last one. Published before us as an
    untrained encoder of brain MRI with features of several layers: uncnn, bioRxiv 2026.06.07.730652.
    """

    name: ClassVar[str] = "3D ResNet-10 (untrained, seeded), statistics of all stages"

    @property
    def dim(self) -> int:
        return 3 * sum(self.planes)

    @property
    def token_dim(self) -> int:
        return self.planes[-1]

    def fingerprint(self) -> str:
        return digest({"class": "UntrainedStages 1", "network": super().fingerprint()})

    def _parts(self, network: torch.nn.Module, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        from strokebench.datasets.encoders.resnet import pool, stage_maps, statistics

        maps = stage_maps(network, inputs)
        return statistics(maps), pool(maps[-1])[1]


@lru_cache(maxsize=1)
def _network(encoder: UntrainedResNet) -> torch.nn.Module:
    import torch

    from strokebench.datasets.encoders.resnet import new_resnet

    network = new_resnet("basic", [1, 1, 1, 1], encoder.planes, encoder.kernel)
    rng = np.random.default_rng(encoder.seed)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.Conv3d):
                shape = tuple(module.weight.shape)
                weights = rng.standard_normal(shape, dtype=np.float32) * np.sqrt(2 / np.prod(shape[1:]))
                module.weight.copy_(torch.from_numpy(weights.astype(np.float32)))
    return network.eval()
