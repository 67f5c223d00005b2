"""A deep network on the table."""

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
class TableNet(NeuralMethod):
    """A deep network on the table.

    Source: the paper's "TableNet" row, for which it cites nothing; public code uses such names for the
    table branch of a multimodal network, and so do we.

    Ours: 512 and 256 units with batch normalisation, then the classifier of the other networks.

    Args:
        hidden, width, dropout: sizes of the two layers, and dropout after each and in the head.
    """

    name = "table_net"
    label = "TableNet"
    paper_row = 5
    family = Family.DEEP
    reads = ("table",)

    hidden: int = 512
    width: int = 256
    dropout: float = 0.5

    def build(self, sizes: Sizes) -> nn.Module:
        layers = deep_layers(sizes["table"][0], self.hidden, self.width, self.dropout)
        return Parts(self.arrays(), nn.Sequential(*layers, Head(self.width, self.dropout, self.endpoint.outputs)))

    @staticmethod
    def search_space(trial: optuna.Trial) -> dict[str, Any]:
        return _common_space(trial)
