"""BrainIAC: a vision transformer, trained on structural MRI of many diseases; its licence forbids commercial use.

Source: Tak et al., Nature Neuroscience 2026, doi 10.1038/s41593-026-02202-6; github.com/AIM-KannLab/BrainIAC. The
published file could not be tried here: names and sizes of its tensors are those of that code. A file that holds more
than tensors is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from strokebench.datasets.encoders.contract import About
from strokebench.datasets.encoders.published import PublishedNetwork
from strokebench.datasets.encoders.weights import Published
from strokebench.datasets.images.target import Target
from strokebench.errors import StrokebenchError

if TYPE_CHECKING:
    import torch

NAMES = {
    r"patch_embedding\.patch_embeddings": "patches",
    r"patch_embedding\.position_embeddings": "position",
    r"blocks\.(\d+)\.attn\.qkv\.weight": r"blocks.layers.\1.self_attn.in_proj_weight",
    r"blocks\.(\d+)\.attn\.": r"blocks.layers.\1.self_attn.",
    r"blocks\.(\d+)\.mlp\.": r"blocks.layers.\1.",
    r"blocks\.(\d+)\.": r"blocks.layers.\1.",
    r"norm\.": "blocks.norm.",
}
"""Of MONAI's ViT, which needs a package more, and of PyTorch's layers; the first that fits."""


@dataclass(frozen=True)
class BrainIAC(PublishedNetwork):
    """ViT-B on 216 patches of a head, 768 channels; only from a folder that is given, by who accepts its licence.

    The vector is the mean of all patches (ours): the publishers take the first, which they call the class token, though
    their network has none. They register heads to a template and take skulls away before; here `brain_masks` do that.
    """

    name: ClassVar[str] = "BrainIAC"
    target: ClassVar[Target] = Target((96, 96, 96), 2.0)
    file: ClassVar[Published] = Published("AIM-KannLab/BrainIAC", "BrainIAC.ckpt", "size not stated")
    about: ClassVar[About] = About(
        licence="non-commercial research only",
        trained_on=("32,015 MRI of 16 sets",),
        size="88 M parameters",
        source=f"https://github.com/{file.repository}, by hand",
        preparation="whole head, 96 x 96 x 96 voxels of 2 mm",
    )

    width: int = 768
    depth: int = 12
    heads: int = 12

    @property
    def dim(self) -> int:
        return self.width

    def path(self) -> Path:
        if self.weights is None:
            raise StrokebenchError(
                "BrainIAC's weights are not fetched: their licence forbids commercial use.",
                f"Accept it, get {self.file.file} from {self.about.source}, and give its folder by --weights.",
            )
        return super().path()

    def build(self) -> torch.nn.Module:
        import torch
        from torch import nn

        layer = nn.TransformerEncoderLayer(
            self.width, self.heads, 4 * self.width, dropout=0, activation="gelu", batch_first=True, norm_first=True
        )
        # Its queries, keys and values have none.
        layer.self_attn.register_parameter("in_proj_bias", None)

        class Patches(nn.Module):
            def __init__(self, width: int, depth: int) -> None:
                super().__init__()
                self.patches = nn.Conv3d(1, width, 16, 16)
                self.position = nn.Parameter(torch.zeros(1, 6**3, width))
                self.blocks = nn.TransformerEncoder(layer, depth, nn.LayerNorm(width), enable_nested_tensor=False)

            def forward(self, volumes: torch.Tensor) -> torch.Tensor:
                tokens = self.patches(volumes).flatten(2).transpose(1, 2) + self.position
                return self.blocks(tokens).transpose(1, 2).unflatten(2, (6, 6, 6))

        return Patches(self.width, self.depth)

    def renamed(self, name: str) -> str | None:
        if not name.startswith("backbone."):
            return None
        name = name.removeprefix("backbone.")
        return next((re.sub(f"^{old}", new, name) for old, new in NAMES.items() if re.match(old, name)), name)
