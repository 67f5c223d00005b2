"""Dropout in a stack of runs: every run draws its masks from its own generator, as it does when trained alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from strokebench.methods.layers import Dropout, dropout_mask


class Asked(NamedTuple):
    """What one dropout layer needs of a batch.

    size: numbers. p: probability that one becomes zero.
    """

    size: int
    p: float

    @property
    def words(self) -> int:
        """64-bit random numbers: one for four elements, each layer beginning a new one."""
        return -(-self.size // 4)


class Masks:
    """Hands masks to the dropout layers of a network in the order in which they ask.

    They are made before the forward pass, because inside `vmap` no generator can be used: first `asked` is found
    in a pass that only counts, then each run draws what its own dropout layers would.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._given: Iterator[Tensor] | None = None

    def count(self) -> None:
        """From now on layers only say what they need."""
        self.asked, self._given = [], None

    def feed(self, masks: Sequence[Tensor]) -> None:
        """From now on layers use these, (size,) each."""
        self._given = iter(masks)

    def take(self, x: Tensor, p: float) -> Tensor | None:
        """The next mask, of the shape of `x`; None while counting."""
        if self._given is None:
            self.asked.append(Asked(x.numel(), p))
            return None
        return next(self._given).view(x.shape)


class FedDropout(nn.Module):
    """`Dropout`, number for number, with masks from `masks` instead of torch's global generator."""

    def __init__(self, p: float, masks: Masks) -> None:
        super().__init__()
        self.p, self.masks = p, masks

    def forward(self, x: Tensor) -> Tensor:
        """`x` in evaluation mode; in training mode with elements dropped and the others scaled up."""
        if not self.training or self.p == 0:
            return x
        mask = self.masks.take(x, self.p)
        return x if mask is None else x * mask


def feed_dropouts(network: nn.Module, masks: Masks) -> None:
    """Replace every dropout layer of `network` by one that asks `masks`."""
    replaced: dict[nn.Module, FedDropout] = {}
    for parent in list(network.modules()):
        for name, child in list(parent._modules.items()):
            if isinstance(child, Dropout):
                # A layer used in two places stays one.
                setattr(parent, name, replaced.setdefault(child, FedDropout(child.p, masks)))


def masks(bits: Tensor, asked: Sequence[Asked]) -> list[Tensor]:
    """A mask (runs, size) a layer, those that `Dropout` would make of the same random numbers.

    Args:
        bits: (runs, words) int64, random; the words of all layers. They travel, and not the masks, which are larger.
    """
    of_layers = bits.view(torch.int16).split([4 * layer.words for layer in asked], dim=1)
    return [dropout_mask(own[:, : layer.size], layer.p) for own, layer in zip(of_layers, asked, strict=True)]
