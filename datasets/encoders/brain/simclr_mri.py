"""SimCLR-MRI (SeqInv): contrasts simulated from quantitative MRI are to give one vector, whatever the sequence.

Source: Chalcroft et al., arXiv 2501.12057; weights liamchalcroft/midl-2025-seq-inv (Apache-2.0), whose code gives the
layers. The published file could not be tried here: names and sizes of its tensors are those of that code.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

from strokebench.datasets.encoders.contract import About
from strokebench.datasets.encoders.published import PublishedNetwork
from strokebench.datasets.encoders.weights import Published
from strokebench.datasets.images.target import Target

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class SimCLRMRI(PublishedNetwork):
    """The encoder of a U-Net, trained to know anatomy in any sequence; 768 channels.

    The grid is that of its card, 96 voxels a side, so that a head is at 2 mm; it was trained on finer parts of heads.
    """

    name: ClassVar[str] = "SimCLR-MRI (SeqInv)"
    target: ClassVar[Target] = Target((96, 96, 96), 2.0)
    file: ClassVar[Published] = Published("liamchalcroft/midl-2025-seq-inv", "seqinv_encoder.pt", "162 MB")
    published: ClassVar[tuple[Published, ...]] = (file,)
    about: ClassVar[About] = About(
        licence="Apache-2.0",
        trained_on=("51 quantitative MRI of University College London, 29 of them of strokes",),
        size="40 M parameters, 162 MB",
        source=f"https://huggingface.co/{file.repository}",
        preparation="whole head, 96 x 96 x 96 voxels of 2 mm",
    )

    planes: tuple[int, int, int, int, int] = (64, 128, 256, 512, 768)

    @property
    def dim(self) -> int:
        return self.planes[-1]

    def build(self) -> torch.nn.Module:
        import torch

        from strokebench.datasets.images.light_monai import Down, TwoConv

        like: dict[str, Any] = {"act": "GELU", "norm": "instance", "bias": True, "dropout": 0.2}
        downs = {f"down_{i}": Down(3, *both, **like) for i, both in enumerate(pairwise(self.planes), 1)}
        return torch.nn.Sequential(OrderedDict(conv_0=TwoConv(3, 1, self.planes[0], **like), **downs))
