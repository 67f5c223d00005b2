"""The training protocol of the paper (section 4.2)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from strokebench.methods.training.batch import Batch, Patients
from strokebench.methods.training.trainable import Trainable
from strokebench.tasks.inputs import PRESENT, Inputs


@dataclass
class Training:
    """What came of a training: curves by epoch, the restored epoch (from 1), and how many were run."""

    history: dict[str, list[float]] = field(default_factory=dict)
    best_epoch: int = 0
    epochs: int = 0


@dataclass
class Selection:
    """Which epoch is kept, and when training stops.

    Args:
        patience: epochs without a better one.
    """

    patience: int
    best_score: float = -math.inf
    best_epoch: int = 0

    def improved(self, epoch: int, score: float) -> bool:
        """Whether this epoch (from 0) is the best so far; the first that may be selected always is."""
        if self.best_epoch and not score > self.best_score:
            return False
        self.best_score, self.best_epoch = score, epoch + 1
        return True

    def exhausted(self, epoch: int) -> bool:
        """Whether patience is out after this epoch (from 0)."""
        return epoch + 1 - self.best_epoch >= self.patience


def learning_rate(epoch: int, peak: float, warmup_epochs: int, max_epochs: int) -> float:
    """Learning rate of an epoch (from 0): linear up to the peak, then a cosine down to zero."""
    if epoch < warmup_epochs:
        return peak * (epoch + 1) / warmup_epochs
    progress = (epoch - warmup_epochs) / max(1, max_epochs - warmup_epochs)
    return peak * 0.5 * (1 + math.cos(math.pi * progress))


class Augmentation(NamedTuple):
    """What is done to a batch: whether noise is added, and how much of each patient MixUp leaves; None: no MixUp."""

    noisy: bool
    weight: float | None

    @classmethod
    def draw(cls, method: Trainable, random: np.random.Generator) -> Self:
        noisy = random.random() < method.noise_probability
        mixed = random.random() < method.mixup_probability and method.endpoint.mixes
        return cls(noisy, float(random.beta(method.mixup_alpha, method.mixup_alpha)) if mixed else None)


def augment(batch: Batch, target: Tensor, method: Trainable, random: np.random.Generator,
            generator: torch.Generator) -> tuple[Batch, Tensor]:  # fmt: skip
    """Gaussian noise, then MixUp with one permutation and one weight for all modalities and the labels.

    The batch is changed in place: its arrays are this step's own.
    """
    drawn = Augmentation.draw(method, random)
    if drawn.noisy:
        for name, part in batch.items():
            if name != PRESENT:
                part.add_(torch.randn(part.shape, generator=generator), alpha=method.noise)
    if drawn.weight is not None:
        partner = torch.randperm(len(target), generator=generator)
        for part in (*batch.values(), target):
            part.lerp_(part.index_select(0, partner), 1 - drawn.weight)
    return batch, target


class EpochEnd(NamedTuple):
    """Whether an epoch is the best so far, and whether it was the last."""

    best: bool
    last: bool


class TrainingRun:
    """One training under way: what it draws, when it stops and which epoch it keeps, alone or in a stack of runs.

    Selection is by the endpoint's score on the validation part; where it is undefined, by the loss.

    Args:
        method: whose protocol is followed; everything random comes from its `random_state`.
        train, y, validation, y_validation: what `Method.fit` is called with.
    """

    def __init__(self, method: Trainable, train: Inputs, y: NDArray, validation: Inputs, y_validation: NDArray) -> None:
        self.method, self.y_validation = method, y_validation
        self.patients, self.held_out = Patients(train, method.arrays()), Patients(validation, method.arrays())
        targets = method.endpoint.targets
        self.target, self.held_out_target = (torch.from_numpy(targets(labels)) for labels in (y, y_validation))
        self.random = np.random.default_rng(method.random_state)
        self.generator = torch.Generator().manual_seed(method.random_state)
        self.result = Training(history={"train_loss": [], "validation_loss": [], "validation_auc": []})
        self.selection = Selection(method.patience)

    def batch_sizes(self) -> list[int]:
        """Patients in each batch of an epoch."""
        return batch_sizes(len(self.patients), self.method.batch_size)

    def shuffled(self) -> Iterator[Tensor]:
        """The patients' numbers, batch by batch of one epoch."""
        yield from torch.randperm(len(self.patients), generator=self.generator).split(self.batch_sizes())

    def batches(self) -> Iterator[tuple[Batch, Tensor]]:
        """The augmented batches of one epoch, and their labels."""
        for rows in self.shuffled():
            batch = self.patients.batch(rows, self.patients.draw(rows, self.generator))
            yield augment(batch, self.target[rows], self.method, self.random, self.generator)

    def close_epoch(self, epoch: int, train_loss: float, logits: Tensor) -> EpochEnd:
        """Note how the epoch (from 0) went.

        Args:
            train_loss: mean over the training part.
            logits: of the validation part, (n,) or (n, outputs), on the CPU.
        """
        endpoint = self.method.endpoint
        validation_loss = float(endpoint.loss(logits, self.held_out_target))
        score = endpoint.score(self.y_validation, endpoint.link(logits.numpy()))
        for name, value in zip(self.result.history, (train_loss, validation_loss, score), strict=True):
            self.result.history[name].append(value)
        self.result.epochs = epoch + 1
        if not self.method.may_select(epoch):
            return EpochEnd(best=False, last=False)
        best = self.selection.improved(epoch, -validation_loss if math.isnan(score) else score)
        self.result.best_epoch = self.selection.best_epoch
        return EpochEnd(best, last=not best and self.selection.exhausted(epoch))


def batch_sizes(n: int, size: int) -> list[int]:
    """Of an epoch of n patients; a lone last patient joins the batch before (batch statistics)."""
    sizes = [min(size, n - start) for start in range(0, n, size)]
    if len(sizes) > 1 and sizes[-1] == 1:
        sizes[-2:] = [sizes[-2] + 1]
    return sizes
