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
from strokebench.tasks.inputs import Inputs


class FitParts(NamedTuple):
    """What `Method.fit` is called with."""

    train: Inputs
    y: NDArray[Any]
    validation: Inputs
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
            module = method.build(parts.train.sizes)
            dropout = torch.Generator()
            dropout.set_state(torch.get_rng_state())
        return cls(method, module, parts, dropout)

    @property
    def shapes(self) -> dict[str, torch.Size]:
        """Of one patient's row in a `Batch`."""
        return {name: part.shape[1:] for name, part in next(self.patients.in_order(1)).items()}

    def finish(self, state: dict[str, Tensor]) -> None:
        """Leave the module in this state."""
        self.module.load_state_dict(state)
        self.module.eval()


def held_out_batches(runs: Sequence[StackedRun], device: torch.device) -> list[Batch]:
    """The validation parts of all runs, (R, b, ...) each, the shorter ones filled up with zeros.

    In evaluation no patient's logit depends on another's, so that what the zeros give can be cut off.
    """
    longest = max(len(run.held_out) for run in runs)

    def padded(part: Tensor) -> Tensor:
        return torch.cat([part, part.new_zeros(longest - len(part), *part.shape[1:])])

    stacked = {
        name: torch.stack([padded(run.held_out.means[name]) for run in runs]).to(device)
        for name in runs[0].held_out.means
    }
    return [
        {name: part[:, start : start + PREDICTION_BATCH] for name, part in stacked.items()}
        for start in range(0, longest, PREDICTION_BATCH)
    ]
