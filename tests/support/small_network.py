"""Small networks and batches for the tests of methods."""

from typing import Any

import torch
from torch import Tensor, nn

from strokebench.methods.neural import NeuralMethod
from strokebench.methods.training.batch import Batch
from strokebench.tasks.inputs import Sizes

SIZES = {"image.vector": (24,), "image.tokens": (16, 24), "text": (5, 4, 12), "table": (6,)}
SMALL = {"hidden": 16, "width": 32}


def make_batch(n: int = 5, seed: int = 0, sizes: Sizes = SIZES) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(n, *shape, generator=generator)  # noqa: E731
    # Of the answers to several prompts a network sees one.
    arrays = {name: draw(*(size[1:] if name == "text" else size)) for name, size in sizes.items()}
    return {**arrays, "source": torch.arange(n)}


def build(method: type[NeuralMethod], sizes: Sizes = SIZES, **parameters: Any) -> nn.Module:
    """The network of a method in evaluation mode, with the same weights each time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return method(**{**SMALL, **parameters}).build(sizes).eval()


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
