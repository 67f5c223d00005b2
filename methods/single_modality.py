"""The paper's deep networks on one source: MLP, TableNet, ImageNet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from strokebench.methods.base import Family
from strokebench.methods.layers import Dropout, Head
from strokebench.methods.linear import Linear
from strokebench.methods.neural import Aux, Batch, NeuralMethod
from strokebench.methods.registry import register
from strokebench.tasks.trimodal import Modality, Shapes

if TYPE_CHECKING:
    import optuna


@register
@dataclass(kw_only=True, eq=False, repr=False)
class MLP(NeuralMethod):
    """A small perceptron on the table.

    Source: the paper, section 4.3, which calls it single-modal but also speaks of table and image in one
    classifier; `inputs` offers both.

    Ours: 128 and 64 hidden units.

    Args:
        inputs: `table`, or `table+image` (pooled image vector beside the table).
        dropout: after each hidden layer.
    """

    name = "mlp"
    label = "MLP"
    paper_row = 4
    family = Family.DEEP
    uses = frozenset({Modality.TABLE})
    reads = frozenset({"table", "image"})

    inputs: str = "table"
    dropout: float = 0.5

    def parts(self) -> frozenset[str]:
        return frozenset(self.inputs.split("+"))

    def build(self, shapes: Shapes) -> nn.Module:
        parts = tuple(self.inputs.split("+"))
        width = sum({"table": shapes.table, "image": shapes.image}[part] for part in parts)
        layers = nn.Sequential(
            nn.Linear(width, 128), nn.ReLU(), Dropout(self.dropout),
            nn.Linear(128, 64), nn.ReLU(), Dropout(self.dropout),
            nn.Linear(64, 1),
        )  # fmt: skip
        return Parts(parts, layers)

    @staticmethod
    def search_space(trial: optuna.Trial) -> dict[str, Any]:
        return _common_space(trial)


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
    uses = frozenset({Modality.TABLE})
    reads = frozenset({"table"})

    hidden: int = 512
    width: int = 256
    dropout: float = 0.5

    def build(self, shapes: Shapes) -> nn.Module:
        layers = deep_layers(shapes.table, self.hidden, self.width, self.dropout)
        return Parts(("table",), nn.Sequential(*layers, Head(self.width, self.dropout)))

    @staticmethod
    def search_space(trial: optuna.Trial) -> dict[str, Any]:
        return _common_space(trial)


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
    uses = frozenset({Modality.IMAGE})
    reads = frozenset({"image"})

    hidden: int = 512
    width: int = 256
    dropout: float = 0.5

    def build(self, shapes: Shapes) -> nn.Module:
        layers = deep_layers(shapes.image, self.hidden, self.width, self.dropout)
        return Parts(("image",), nn.Sequential(*layers, Head(self.width, self.dropout)))

    @staticmethod
    def search_space(trial: optuna.Trial) -> dict[str, Any]:
        return _common_space(trial)


class Parts(nn.Module):
    """Chosen parts of a batch side by side, through `layers`."""

    def __init__(self, parts: tuple[str, ...], layers: nn.Module) -> None:
        super().__init__()
        self.parts = parts
        self.layers = layers

    def forward(self, batch: Batch) -> tuple[Tensor, Aux]:
        """Logits (b,)."""
        x = torch.cat([getattr(batch, part) for part in self.parts], dim=1)
        return self.layers(x).reshape(len(x)), {}


def deep_layers(inputs: int, hidden: int, width: int, dropout: float) -> list[nn.Module]:
    """Two linear layers with batch normalisation, ReLU and dropout."""
    layers: list[nn.Module] = []
    for before, after in ((inputs, hidden), (hidden, width)):
        layers += [Linear(before, after), nn.BatchNorm1d(after), nn.ReLU(), Dropout(dropout)]
    return layers


def _common_space(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "dropout": trial.suggest_float("dropout", 0.3, 0.7, step=0.1),
        "learning_rate": trial.suggest_categorical("learning_rate", [5e-5, 1e-4, 3e-4, 1e-3]),
        "batch_size": trial.suggest_categorical("batch_size", [16, 32, 64]),
    }
