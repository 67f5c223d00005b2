"""A small perceptron on the table."""

from dataclasses import dataclass
from typing import Any

from torch import nn

from strokebench.methods.base import Family, Trial
from strokebench.methods.neural import NeuralMethod
from strokebench.methods.parts.layers import Dropout
from strokebench.methods.parts.plain import SideBySide, plain_space
from strokebench.methods.registry import register
from strokebench.tasks.inputs import Sizes


@register
@dataclass(kw_only=True, eq=False, repr=False)
class MLP(NeuralMethod):
    """A small perceptron on the table.

    Source: the paper, section 4.3, which calls it single-modal but also speaks of table and image in one
    classifier; `inputs` offers both.

    Ours: two hidden layers of the size of all networks here.

    Args:
        inputs: `table`, or `table+image` (pooled image vector beside the table).
        hidden, width: units of the two hidden layers. dropout: after each.
    """

    name = "mlp"
    label = "MLP"
    paper_row = 4
    family = Family.DEEP
    reads = ("table",)

    inputs: str = "table"
    hidden: int = 128
    width: int = 64
    dropout: float = 0.5

    def arrays(self) -> tuple[str, ...]:
        self.refuse_unless("inputs", ("table", "table+image"))
        return tuple({"table": "table", "image": "image.vector"}[part] for part in self.inputs.split("+"))

    def build(self, sizes: Sizes) -> nn.Module:
        inputs = sum(sizes[name][0] for name in self.arrays())
        layers = nn.Sequential(
            nn.Linear(inputs, self.hidden), nn.ReLU(), Dropout(self.dropout),
            nn.Linear(self.hidden, self.width), nn.ReLU(), Dropout(self.dropout),
            nn.Linear(self.width, self.endpoint.outputs),
        )  # fmt: skip
        return SideBySide(self.arrays(), layers)

    @staticmethod
    def search_space(trial: Trial) -> dict[str, Any]:
        return plain_space(trial)
