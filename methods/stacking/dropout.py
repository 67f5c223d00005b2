"""Dropout in a stack: masks of each run's own random numbers, made before `vmap`, in which no generator can be used."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from torch import Tensor, int16

from strokebench.methods.parts.layers import dropout_mask


class Need(NamedTuple):
    """What one dropout layer needs for a batch.

    size: numbers. p: probability that one becomes zero.
    """

    size: int
    p: float

    @property
    def words(self) -> int:
        """64-bit random numbers: one for four elements, each layer beginning a new one."""
        return -(-self.size // 4)


class Masks:
    """Hands masks to the dropout layers of a network, in the order in which they ask."""

    def __init__(self) -> None:
        self.needs: list[Need] = []
        self._given: Iterator[Tensor] | None = None

    def count(self) -> None:
        """From now on only note what layers need."""
        self.needs, self._given = [], None

    def feed(self, masks: Sequence[Tensor]) -> None:
        """From now on layers use these, (size,) each."""
        self._given = iter(masks)

    def __call__(self, x: Tensor, p: float) -> Tensor:
        """`x`, of any shape, times the next mask; `x` itself while counting."""
        if self._given is None:
            self.needs.append(Need(x.numel(), p))
            return x
        return x * next(self._given).view(x.shape)


def make_masks(bits: Tensor, needs: Sequence[Need]) -> list[Tensor]:
    """A mask (g, size) for each layer, those that `Dropout` would make of the same random numbers.

    Args:
        bits: (g, words) int64, random; the words of all layers. They travel, and not the masks, which are larger.
    """
    of_layers = bits.view(int16).split([4 * need.words for need in needs], dim=1)
    return [dropout_mask(own[:, : need.size], need.p) for own, need in zip(of_layers, needs, strict=True)]
