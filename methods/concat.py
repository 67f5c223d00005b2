"""Concat: the simplest fusion."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from strokebench.methods.base import Family, Trial
from strokebench.methods.neural import NeuralMethod
from strokebench.methods.parts.layers import Head, reduction
from strokebench.methods.registry import register
from strokebench.methods.training.batch import Aux, Batch
from strokebench.tasks.inputs import Sizes


@register
@dataclass(kw_only=True, eq=False, repr=False)
class Concat(NeuralMethod):
    """Image and text are reduced, put side by side, and joined by the table at the head.

    Source: the paper's "Concat" row, section 4.3.

    Ours: the sizes of all networks here, and dropout 0.5 as in the paper's final network.

    Args:
        hidden, width: sizes of the two reductions.
        dropout: in the reductions and the head.
    """

    name = "concat"
    label = "Concat"
    paper_row: ClassVar[int | None] = 7
    family = Family.MULTIMODAL
    reads: ClassVar[tuple[str, ...]] = ("image.vector", "text", "table")

    hidden: int = 128
    width: int = 64
    dropout: float = 0.5

    def build(self, sizes: Sizes) -> nn.Module:
        return ConcatNetwork(sizes, self)

    @staticmethod
    def search_space(trial: Trial) -> dict[str, Any]:
        hidden, width = map(int, trial.suggest_categorical("sizes", ["128:64", "256:128", "512:256"]).split(":"))
        return {
            "hidden": hidden,
            "width": width,
            "dropout": trial.suggest_float("dropout", 0.3, 0.7, step=0.1),
            "learning_rate": trial.suggest_categorical("learning_rate", [5e-5, 1e-4, 2e-4]),
        }


class ConcatNetwork(nn.Module):
    """Two reductions and the head."""

    def __init__(self, sizes: Sizes, settings: Concat) -> None:
        super().__init__()
        hidden, width, dropout = settings.hidden, settings.width, settings.dropout
        _, layers, d_text = sizes["text"]
        self.image = reduction(sizes["image.vector"][0], hidden, width, dropout)
        self.text = reduction(layers * d_text, hidden, width, dropout)
        self.head = Head(2 * width + sizes["table"][0], dropout, settings.endpoint.outputs)

    def forward(self, batch: Batch) -> tuple[Tensor, Aux]:
        """Logits (b,)."""
        fused = torch.cat([self.image(batch["image.vector"]), self.text(batch["text"].flatten(1))], dim=1)
        return self.head(fused, batch["table"]), {}
