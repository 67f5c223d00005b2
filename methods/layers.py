"""Layers that several methods share (the paper's unified strategy, sections 3.3 and 4.3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def reduction(inputs: int, hidden: int, outputs: int, dropout: float) -> nn.Sequential:
    """The paper's dimension reduction: Linear, ReLU, dropout, Linear."""
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, outputs)
    )


class Head(nn.Module):
    """The classifier on a fused vector and the standardised table, which is never encoded.

    Args:
        inputs: width of the fused vector plus the columns of the table.
        dropout: between the two linear layers; 128 hidden units (our choice).
    """

    def __init__(self, inputs: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, 128), nn.ReLU(), nn.Dropout(dropout), nn.Linear(128, 1))

    def forward(self, *parts: Tensor) -> Tensor:
        """Logits (b,) of the parts (b, width) side by side."""
        return self.layers(torch.cat(parts, dim=1)).squeeze(1)
