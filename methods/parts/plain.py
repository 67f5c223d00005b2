"""The paper's deep networks on one source: MLP, TableNet, ImageNet."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from strokebench.methods.base import Family, Trial
from strokebench.methods.neural import NeuralMethod
from strokebench.methods.parts.layers import Dropout, Head
from strokebench.methods.training.batch import Aux, Batch
from strokebench.tasks.inputs import Sizes


class SideBySide(nn.Module):
    """Vectors of a batch side by side, through `layers`."""

    def __init__(self, arrays: tuple[str, ...], layers: nn.Module) -> None:
        super().__init__()
        self.arrays = arrays
        self.layers = layers

    def forward(self, batch: Batch) -> tuple[Tensor, Aux]:
        """Logits (b,)."""
        x = torch.cat([batch[name] for name in self.arrays], dim=1)
        logits = self.layers(x)
        return logits.squeeze(1) if logits.dim() > 1 else logits, {}


@dataclass(kw_only=True, eq=False, repr=False)
class PlainMethod(NeuralMethod):
    """Two layers with batch normalisation on the arrays that are read, then the classifier of the other networks.

    Args:
        hidden, width, dropout: sizes of the two layers, and dropout after each and in the head.
    """

    family: ClassVar[Family] = Family.DEEP

    hidden: int = 128
    width: int = 64
    dropout: float = 0.5

    def build(self, sizes: Sizes) -> nn.Module:
        layers: list[nn.Module] = []
        inputs = sum(sizes[name][0] for name in self.arrays())
        for before, after in ((inputs, self.hidden), (self.hidden, self.width)):
            layers += [nn.Linear(before, after), nn.BatchNorm1d(after), nn.ReLU(), Dropout(self.dropout)]
        return SideBySide(self.arrays(), nn.Sequential(*layers, Head(self.width, self.dropout, self.endpoint.outputs)))

    @staticmethod
    def search_space(trial: Trial) -> dict[str, Any]:
        return plain_space(trial)


def plain_space(trial: Trial) -> dict[str, Any]:
    """The search space that these networks share."""
    return {
        "dropout": trial.suggest_float("dropout", 0.3, 0.7, step=0.1),
        "learning_rate": trial.suggest_categorical("learning_rate", [5e-5, 1e-4, 3e-4, 1e-3]),
        "batch_size": trial.suggest_categorical("batch_size", [16, 32, 64]),
    }
