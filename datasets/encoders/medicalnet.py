"""The paper's image encoder: MedicalNet's ResNet-50, trained on 23 public sets of medical volumes.

Source: Chen, Ma and Zheng, Med3D, arXiv 1904.00625; weights TencentMedicalNet/MedicalNet-Resnet50 (MIT).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from strokebench.datasets.encoders.contract import About, ImageEncoder
from strokebench.datasets.encoders.weights import Published, find_weights
from strokebench.datasets.images.mri import PREPARATION
from strokebench.datasets.images.target import Target
from strokebench.files import digest, file_digest

if TYPE_CHECKING:
    import torch

WEIGHTS = Published("TencentMedicalNet/MedicalNet-Resnet50", "resnet_50_23dataset.pth", "185 MB")


@dataclass(frozen=True)
class MedicalNet(ImageEncoder):
    """ResNet-50 in MONAI's form: shortcut B, no bias in it, first convolution of stride 1; 2048 channels.

    The grid is ours, the paper gives none: 3 mm holds a whole head, and the stride of 16 leaves a 4 x 4 map.

    Args:
        weights: folder with the file, or None for the hub.
        planes: inner channels of the four stages; d is four times the last.
    """

    name: ClassVar[str] = "MedicalNet ResNet-50"
    target: ClassVar[Target] = Target((56, 64, 48), 3.0)
    published: ClassVar[tuple[Published, ...]] = (WEIGHTS,)
    about: ClassVar[About] = About(
        licence="MIT",
        trained_on=("23 public sets of CT and MRI (Med3D)",),
        size="46 M parameters, 185 MB",
        source=f"https://huggingface.co/{WEIGHTS.repository}",
        preparation="whole head, 56 x 64 x 48 voxels of 3 mm",
    )

    weights: Path | None = None
    planes: tuple[int, int, int, int] = (64, 128, 256, 512)

    @classmethod
    def make(cls, weights: Path | None) -> Self:
        return cls(weights)

    @property
    def dim(self) -> int:
        return 4 * self.planes[-1]

    def fingerprint(self) -> str:
        return digest(
            {
                "class": "MedicalNet 1",
                "weights": file_digest(find_weights(WEIGHTS, self.weights)),
                "mri": PREPARATION,
                **asdict(self.target),
            }
        )

    def encode(
        self, volumes: NDArray[np.float32], device: str = "cpu"
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Vectors (b, d) and tokens (b, 16, d) of volumes (b, x, y, z), as `ImageEncoder` says."""
        from strokebench.datasets.encoders.resnet import pool, run, stage_maps

        network = _network(self)
        return run(network, volumes, device, lambda inputs: pool(stage_maps(network, inputs)[-1]))


@lru_cache(maxsize=1)
def _network(encoder: MedicalNet) -> torch.nn.Module:
    from strokebench.datasets.encoders.resnet import load_body, new_resnet

    network = new_resnet("bottleneck", [3, 4, 6, 3], encoder.planes)
    load_body(network, find_weights(WEIGHTS, encoder.weights), "ResNet-50", f"{WEIGHTS.file} of {WEIGHTS.repository}")
    return network.eval()
