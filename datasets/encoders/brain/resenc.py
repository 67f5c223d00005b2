"""ResEnc-L of OpenMind: the encoder of nnU-Net's large residual network, a masked autoencoder of head MRI.

Source: Wald et al., An OpenMind for 3D medical vision self-supervised learning, arXiv 2412.17041; weights
MIC-DKFZ/ResEncL-OpenMind-MAE (CC BY 4.0). Its publishers do not recommend it for features without fine-tuning. The
published file could not be tried here; names and sizes of its tensors are those that its package gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from strokebench.datasets.encoders.contract import About
from strokebench.datasets.encoders.published import PublishedNetwork
from strokebench.datasets.encoders.weights import Published
from strokebench.datasets.images.target import HALF_FINE, Target

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class ResEncL(PublishedNetwork):
    """Residual encoder of six stages, 320 channels; not recommended by its publishers for features as it is.

    It was trained at 1 mm, which would take a minute a volume on one core: 1.5 mm is our choice, and its stride of 32
    leaves a 4 x 4 map.

    Args:
        planes, blocks: channels and residual blocks of the six stages.
    """

    name: ClassVar[str] = "ResEnc-L (OpenMind, MAE)"
    target: ClassVar[Target] = HALF_FINE
    file: ClassVar[Published] = Published("MIC-DKFZ/ResEncL-OpenMind-MAE", "checkpoint_final.pth", "410 MB")
    published: ClassVar[tuple[Published, ...]] = (file,)
    about: ClassVar[About] = About(
        licence="CC BY 4.0",
        # Whether SOOP is one of them could not be checked: better one alarm too many.
        trained_on=("OpenMind", "800 sets of OpenNeuro, of which SOOP may be one"),
        size="90 M parameters, 410 MB with its decoder",
        source=f"https://huggingface.co/{file.repository}",
        preparation="whole head, 128 x 128 x 96 voxels of 1.5 mm",
    )

    planes: tuple[int, ...] = (32, 64, 128, 256, 320, 320)
    blocks: tuple[int, ...] = (1, 3, 4, 6, 6, 6)

    @property
    def dim(self) -> int:
        return self.planes[-1]

    def build(self) -> torch.nn.Module:
        from strokebench.datasets.encoders.brain.residual import residual_encoder

        return residual_encoder(self.planes, self.blocks)

    def renamed(self, name: str) -> str | None:
        # The file has every layer twice, under its own name and as one of all.
        return None if ".all_modules." in name else name
