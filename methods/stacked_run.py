"""One run of a stack: what it draws, when it stops and which epoch it keeps, all as `train_network` has it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from strokebench.methods.neural import Batch, NeuralMethod
from strokebench.methods.training import PREDICTION_BATCH, Patients, Selection, Training, _batches, augment
from strokebench.tasks.metrics import auc
from strokebench.tasks.trimodal import TriModal


class FitParts(NamedTuple):
    """What `Method.fit` is called with."""

    train: TriModal
    y: NDArray[Any]
    validation: TriModal
    y_validation: NDArray[Any]


@dataclass
class StackedRun:
    """A method under training, with its own data, generators and selection.

    Args:
        module: on the CPU; holds the run's state between, before and after the stack's own use of it.
        dropout: in the state in which torch's global generator is after `module` was built.
    """

    method: NeuralMethod
    module: nn.Module
    parts: FitParts
    dropout: torch.Generator
    result: Training = field(init=False)
    selection: Selection = field(init=False)

    def __post_init__(self) -> None:
        method, (train, y, validation, y_validation) = self.method, self.parts
        self.patients, self.held_out = Patients(train, method.parts()), Patients(validation, method.parts())
        self.target = torch.from_numpy(np.asarray(y, dtype=np.float32))
        self.held_out_target = torch.from_numpy(np.asarray(y_validation, dtype=np.float32))
        self.random = np.random.default_rng(method.random_state)
        self.generator = torch.Generator().manual_seed(method.random_state)
        self.result = Training(history={"train_loss": [], "validation_loss": [], "validation_auc": []})
        self.selection = Selection(method.patience)

    @classmethod
    def start(cls, method: NeuralMethod, parts: FitParts) -> StackedRun:
        """Build the network as `NeuralMethod.fit` does."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(method.random_state)
            module = method.build(parts.train.shapes)
            dropout = torch.Generator()
            dropout.set_state(torch.get_rng_state())
        return cls(method, module, parts, dropout)

    def batches(self) -> Iterator[tuple[Batch, Tensor]]:
        """The augmented batches of one epoch."""
        for rows in _batches(len(self.patients), self.method.batch_size, self.generator):
            batch = self.patients.one_prompt(rows, self.generator)
            yield augment(batch, self.target[rows], self.method, self.random, self.generator)

    def close_epoch(self, epoch: int, train_loss: float, logits: Tensor) -> tuple[bool, bool]:
        """Whether this epoch is the best so far, and whether it was the last.

        Args:
            logits: of the validation part, on the CPU.
        """
        validation_loss = float(functional.binary_cross_entropy_with_logits(logits, self.held_out_target))
        score = auc(self.parts.y_validation, logits.numpy())
        self.result.history["train_loss"].append(train_loss)
        self.result.history["validation_loss"].append(validation_loss)
        self.result.history["validation_auc"].append(score)
        self.result.epochs = epoch + 1
        if not self.method.may_select(epoch):
            return False, False
        if self.selection.improved(epoch, -validation_loss if math.isnan(score) else score):
            return True, False
        return False, self.selection.exhausted(epoch)

    def finish(self, state: dict[str, Tensor]) -> None:
        """Leave the module in this state, and say which epoch it is of."""
        self.module.load_state_dict(state)
        self.module.eval()
        self.result.best_epoch = self.selection.best_epoch


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
