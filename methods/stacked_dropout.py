"""Dropout in a stack of runs: every run draws its masks from its own generator, as it does when trained alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from strokebench.methods.layers import Dropout, dropout_mask


class Masks:
    """Hands random bits to the dropout layers of a network in the order in which they ask.

    They are drawn before the forward pass, because inside `vmap` no generator can be used: first `sizes` are
    found in a pass that only counts, then each run draws as many bits as its own dropout layers would.
    """

    def __init__(self) -> None:
        self._bits: Tensor | None = None
        self._sizes: list[int] = []
        self._position = 0

    def count(self) -> None:
        """From now on layers only say how much they need."""
        self._bits, self._sizes = None, []

    @property
    def words(self) -> int:
        """64-bit numbers asked for since `count`: one for four elements, each layer beginning a new one."""
        return sum(-(-size // 4) for size in self._sizes)

    def feed(self, bits: Tensor) -> None:
        """From now on layers use `bits`, int16 (4 * words,)."""
        self._bits, self._position = bits, 0

    def take(self, x: Tensor) -> Tensor | None:
        """Numbers uniform in int16, of the shape of `x`; None while counting."""
        if self._bits is None:
            self._sizes.append(x.numel())
            return None
        start = self._position
        self._position += 4 * -(-x.numel() // 4)
        return self._bits[start : start + x.numel()].view(x.shape)


class FedDropout(nn.Module):
    """`Dropout`, number for number, on bits from `masks` instead of torch's global generator."""

    def __init__(self, p: float, masks: Masks) -> None:
        super().__init__()
        self.p, self.masks = p, masks

    def forward(self, x: Tensor) -> Tensor:
        """`x` in evaluation mode; in training mode with elements dropped and the others scaled up."""
        if not self.training or self.p == 0:
            return x
        uniform = self.masks.take(x)
        if uniform is None:
            return x
        return x * dropout_mask(uniform, self.p)


def feed_dropouts(network: nn.Module, masks: Masks) -> None:
    """Replace every dropout layer of `network` by one that asks `masks`."""
    replaced: dict[nn.Module, FedDropout] = {}
    for parent in list(network.modules()):
        for name, child in list(parent._modules.items()):
            if isinstance(child, Dropout):
                # A layer used in two places stays one.
                setattr(parent, name, replaced.setdefault(child, FedDropout(child.p, masks)))


def draw_bits(generators: Sequence[torch.Generator], words: int) -> Tensor:
    """int16 (runs, 4 * words), each row from its own generator, the numbers that `Dropout` would draw."""
    bits = torch.empty(len(generators), words, dtype=torch.int64)
    for row, generator in zip(bits, generators, strict=True):
        row.random_(-(2**63), None, generator=generator)
    return bits.view(torch.int16)
