"""Small networks and batches for the tests of methods."""

from typing import Any

import torch
from torch import Tensor, nn

from strokebench.methods.neural import NeuralMethod
from strokebench.methods.training.batch import Batch
from strokebench.tasks.inputs import Shapes

SHAPES = Shapes(image=24, tokens=16, prompts=5, layers=4, text=12, table=6)
SMALL = {"hidden": 16, "width": 32}


def make_batch(n: int = 5, seed: int = 0, shapes: Shapes = SHAPES) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(n, *shape, generator=generator)  # noqa: E731
    return Batch(
        image=draw(shapes.image),
        tokens=draw(shapes.tokens, shapes.image),
        text=draw(shapes.layers, shapes.text),
        table=draw(shapes.table),
    )


def build(method: type[NeuralMethod], shapes: Shapes = SHAPES, **parameters: Any) -> nn.Module:
    """The network of a method in evaluation mode, with the same weights each time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return method(**{**SMALL, **parameters}).build(shapes).eval()


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
