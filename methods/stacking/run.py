"""The runs of a stack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from strokebench.methods.neural import NeuralMethod
from strokebench.methods.training.batch import PREDICTION_BATCH, Batch
from strokebench.methods.training.protocol import TrainingRun
from strokebench.tasks.inputs import TriModal


class FitParts(NamedTuple):
    """What `Method.fit` is called with."""

    train: TriModal
    y: NDArray[Any]
    validation: TriModal
    y_validation: NDArray[Any]


class StackedRun(TrainingRun):
    """A training with a network and random numbers of its own.

    Args:
        module: on the CPU; holds the run's state between, before and after the stack's own use of it.
        dropout: in the state in which torch's global generator is after `module` was built.

    Attributes:
        ended: whether its training is over, even if it has not left the stack yet.
    """

    def __init__(self, method: NeuralMethod, module: nn.Module, parts: FitParts, dropout: torch.Generator) -> None:
        super().__init__(method, *parts)
        self.module, self.parts, self.dropout = module, parts, dropout
        self.ended = False

    @classmethod
    def start(cls, method: NeuralMethod, parts: FitParts) -> StackedRun:
        """Build the network as `NeuralMethod.fit` does."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(method.random_state)
            module = method.build(parts.train.shapes)
            dropout = torch.Generator()
            dropout.set_state(torch.get_rng_state())
        return cls(method, module, parts, dropout)

    @property
    def shapes(self) -> list[torch.Size]:
        """Of the parts of a patient, in the order of a `Batch`."""
        return [part.shape[1:] for part in next(self.patients.in_order(1))]

    def finish(self, state: dict[str, Tensor]) -> None:
        """Leave the module in this state."""
        self.module.load_state_dict(state)
        self.module.eval()


def held_out_batches(runs: Sequence[StackedRun], device: torch.device) -> list[Batch]:
    """The validation parts of all runs, (R, b, ...) each, the shorter ones filled up with zeros.

    In evaluation no patient's logit depends on another's, so that what the zeros give can be cut off.
    """
    longest = max(len(run.held_out) for run in runs)
    padded = []
    for run in runs:
        x = run.held_out
        whole = (x.image, x.tokens, x.mean_text, x.table)
        padded.append([torch.cat([part, part.new_zeros(longest - len(x), *part.shape[1:])]) for part in whole])
    stacked = [torch.stack(part).to(device) for part in zip(*padded, strict=True)]
    return [
        Batch(*(part[:, start : start + PREDICTION_BATCH] for part in stacked))
        for start in range(0, longest, PREDICTION_BATCH)
    ]
