"""Image and text as tokens of one width: what the methods that attend share."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from strokebench.methods.base import Family, Trial
from strokebench.methods.neural import NeuralMethod
from strokebench.methods.parts.layers import reduction
from strokebench.methods.training.batch import Batch
from strokebench.tasks.inputs import Sizes

CHANNEL_GROUPS = 16
"""Tokens cut from a pooled vector where there is no grid: as many as the 4 x 4 grid has."""


@dataclass(kw_only=True, eq=False, repr=False)
class TokenMethod(NeuralMethod):
    """A method on image and text tokens, with the table at the head.

    Ours: all four methods of tokens read the same tokens, of the size of all networks here.

    `facts_["token_source"]` is 1 where image tokens are the grid of a feature map, and 0 where they are
    channel groups of a pooled vector, which have no place in space.

    Args:
        hidden, width: sizes of the adapters; `width` is a multiple of `heads`.
        heads: of every attention.
        dropout: in the adapters and the head.
    """

    reads: ClassVar[tuple[str, ...]] = ("image.vector", "image.tokens", "text", "table")
    family: ClassVar[Family] = Family.MULTIMODAL

    hidden: int = 128
    width: int = 64
    heads: int = 8
    dropout: float = 0.5

    def after_training(self, module: nn.Module, batches: Iterator[Batch]) -> dict[str, float]:
        return {"token_source": float(has_grid(self.sizes_))}


def token_space(trial: Trial) -> dict[str, Any]:
    """The part of the search space that the token methods share."""
    return {
        "width": trial.suggest_categorical("width", [32, 64, 128, 256]),
        "dropout": trial.suggest_float("dropout", 0.3, 0.7, step=0.1),
        "learning_rate": trial.suggest_categorical("learning_rate", [5e-5, 1e-4, 2e-4]),
    }


def has_grid(sizes: Sizes) -> bool:
    """Whether the cohort's image tokens are a grid: one token is a cohort that has a pooled vector alone."""
    return sizes["image.tokens"][0] > 1


class TokenAdapter(nn.Module):
    """Image and text tokens of one width, each with a learned embedding of its place or layer.

    Text tokens are the encoder's layers. Image tokens are the grid; without one, channel groups of the
    pooled vector, because a single token would make attention over it the identity.

    Args:
        sizes: of the patients' arrays.
        hidden, width, dropout: of the two reductions.
    """

    def __init__(self, sizes: Sizes, hidden: int, width: int, dropout: float) -> None:
        super().__init__()
        self.grid = has_grid(sizes)
        if self.grid:
            self.image_tokens, channels = sizes["image.tokens"]
        else:
            self.image_tokens, channels = CHANNEL_GROUPS, -(-sizes["image.vector"][0] // CHANNEL_GROUPS)
        _, self.text_tokens, d_text = sizes["text"]
        self.image = nn.Sequential(reduction(channels, hidden, width, dropout), nn.LayerNorm(width))
        self.text = nn.Sequential(reduction(d_text, hidden, width, dropout), nn.LayerNorm(width))
        self.place = nn.Parameter(0.02 * torch.randn(self.image_tokens, width))
        self.layer = nn.Parameter(0.02 * torch.randn(self.text_tokens, width))

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Image tokens (b, image_tokens, width) and text tokens (b, text_tokens, width)."""
        pixels = batch["image.tokens"] if self.grid else self.groups(batch["image.vector"])
        return self.image(pixels) + self.place, self.text(batch["text"]) + self.layer

    def groups(self, image: Tensor) -> Tensor:
        """The pooled vector (b, channels) in groups of neighbouring channels, padded with zeros."""
        padding = -image.shape[1] % CHANNEL_GROUPS
        return functional.pad(image, (0, padding)).unflatten(1, (CHANNEL_GROUPS, -1))
