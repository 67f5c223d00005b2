"""A deep network on the pooled image vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import nn

from strokebench.methods.base import Family
from strokebench.methods.neural import NeuralMethod
from strokebench.methods.parts.layers import Head
from strokebench.methods.registry import register
from strokebench.tasks.inputs import Sizes

if TYPE_CHECKING:
    import optuna
from strokebench.methods.parts.plain import Parts, _common_space, deep_layers


@register
@dataclass(kw_only=True, eq=False, repr=False)
class ImageNet(NeuralMethod):
    """A deep network on the pooled image vector alone.

    Source: the paper's "ImageNet" row; no reference is given, and the data set of that name is not meant.

    Ours: the layers of TableNet.

    Args:
        hidden, width, dropout: as in TableNet.
    """

    name = "image_net"
    label = "ImageNet"
    paper_row = 6
    family = Family.DEEP
    reads = ("image.vector",)

    hidden: int = 512
    width: int = 256
    dropout: float = 0.5

    def build(self, sizes: Sizes) -> nn.Module:
        layers = deep_layers(sizes["image.vector"][0], self.hidden, self.width, self.dropout)
        return Parts(self.arrays(), nn.Sequential(*layers, Head(self.width, self.dropout, self.endpoint.outputs)))

    @staticmethod
    def search_space(trial: optuna.Trial) -> dict[str, Any]:
        return _common_space(trial)
