"""The runs of a stack, and the batches in which they step together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from strokebench.methods.neural import Batch, NeuralMethod
from strokebench.methods.training import PREDICTION_BATCH, TrainingRun
from strokebench.tasks.trimodal import TriModal


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
    """

    def __init__(self, method: NeuralMethod, module: nn.Module, parts: FitParts, dropout: torch.Generator) -> None:
        super().__init__(method, *parts)
        self.module, self.parts, self.dropout = module, parts, dropout

    @classmethod
    def start(cls, method: NeuralMethod, parts: FitParts) -> StackedRun:
        """Build the network as `NeuralMethod.fit` does."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(method.random_state)
            module = method.build(parts.train.shapes)
            dropout = torch.Generator()
            dropout.set_state(torch.get_rng_state())
        return cls(method, module, parts, dropout)

    def finish(self, state: dict[str, Tensor]) -> None:
        """Leave the module in this state."""
        self.module.load_state_dict(state)
        self.module.eval()


class Group(NamedTuple):
    """Runs whose batches in one step have the same size b.

    runs: their numbers, g of them; batch (g, b, ...); target (g, b).
    """

    runs: list[int]
    batch: Batch
    target: Tensor


def steps(runs: Sequence[StackedRun], device: torch.device, mapping: Callable[..., Any] = map) -> Iterator[list[Group]]:
    """One epoch of all runs, step by step; a run that has no more batches is in no group.

    Args:
        mapping: `map`, or that of a pool of threads that draw for several runs at the same time.
    """
    streams = [run.batches() for run in runs]
    while True:
        drawn = dict(enumerate(mapping(_next, streams)))
        sizes: dict[int, list[int]] = {}
        for number, item in drawn.items():
            if item is not None:
                sizes.setdefault(len(item[1]), []).append(number)
        if not sizes:
            return
        yield [_group(numbers, [drawn[number] for number in numbers], device) for numbers in sizes.values()]


def _next(stream: Iterator[tuple[Batch, Tensor]]) -> tuple[Batch, Tensor] | None:
    return next(stream, None)


def _group(numbers: list[int], drawn: Sequence[tuple[Batch, Tensor]], device: torch.device) -> Group:
    batch = Batch(*(torch.stack(part).to(device) for part in zip(*(batch for batch, _ in drawn), strict=True)))
    return Group(numbers, batch, torch.stack([target for _, target in drawn]).to(device))


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
