"""The paper's image encoder: MedicalNet's ResNet-50, trained on 23 public sets of medical volumes.

Source: Chen, Ma and Zheng, Med3D, arXiv 1904.00625; weights TencentMedicalNet/MedicalNet-Resnet50 (MIT).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from strokebench.datasets.encoders.contract import About
from strokebench.datasets.encoders.published import PublishedNetwork
from strokebench.datasets.encoders.weights import Published
from strokebench.datasets.images.target import WHOLE_HEAD, Target

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class MedicalNet(PublishedNetwork):
    """ResNet-50 in MONAI's form: shortcut B, no bias in it, first convolution of stride 1; 2048 channels.

    The grid is ours, the paper gives none: 3 mm holds a whole head, and the stride of 16 leaves a 4 x 4 map.

    Args:
        planes: inner channels of the four stages; d is four times the last.
    """

    name: ClassVar[str] = "MedicalNet ResNet-50"
    target: ClassVar[Target] = WHOLE_HEAD
    file: ClassVar[Published] = Published("TencentMedicalNet/MedicalNet-Resnet50", "resnet_50_23dataset.pth", "185 MB")
    published: ClassVar[tuple[Published, ...]] = (file,)
    about: ClassVar[About] = About(
        licence="MIT",
        trained_on=("23 public sets of CT and MRI (Med3D)",),
        size="46 M parameters, 185 MB",
        source=f"https://huggingface.co/{file.repository}",
        preparation="whole head, 56 x 64 x 48 voxels of 3 mm",
    )

    planes: tuple[int, int, int, int] = (64, 128, 256, 512)

    @property
    def dim(self) -> int:
        return 4 * self.planes[-1]

    def build(self) -> torch.nn.Module:
        from strokebench.datasets.encoders.resnet import new_resnet

        return new_resnet("bottleneck", [3, 4, 6, 3], self.planes)

    def last_map(self, network: Any, volumes: torch.Tensor) -> torch.Tensor:
        from strokebench.datasets.encoders.resnet import stage_maps

        return stage_maps(network, volumes)[-1]
