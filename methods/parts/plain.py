"""The paper's deep networks on one source: MLP, TableNet, ImageNet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from strokebench.methods.parts.layers import Dropout
from strokebench.methods.training.batch import Aux, Batch

if TYPE_CHECKING:
    import optuna


class Parts(nn.Module):
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


def deep_layers(inputs: int, hidden: int, width: int, dropout: float) -> list[nn.Module]:
    """Two linear layers with batch normalisation, ReLU and dropout."""
    layers: list[nn.Module] = []
    for before, after in ((inputs, hidden), (hidden, width)):
        layers += [nn.Linear(before, after), nn.BatchNorm1d(after), nn.ReLU(), Dropout(dropout)]
    return layers


def _common_space(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "dropout": trial.suggest_float("dropout", 0.3, 0.7, step=0.1),
        "learning_rate": trial.suggest_categorical("learning_rate", [5e-5, 1e-4, 3e-4, 1e-3]),
        "batch_size": trial.suggest_categorical("batch_size", [16, 32, 64]),
    }
