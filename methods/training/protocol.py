"""The training protocol of the paper (section 4.2)."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from strokebench.methods.training.batch import Batch, Patients
from strokebench.methods.training.trainable import Trainable
from strokebench.tasks.inputs import PRESENT, SOURCE, Inputs


def learning_rate(epoch: int, peak: float, warmup_epochs: int, max_epochs: int) -> float:
    """Learning rate of an epoch (from 0): linear up to the peak, then a cosine down to zero."""
    if epoch < warmup_epochs:
        return peak * (epoch + 1) / warmup_epochs
    progress = (epoch - warmup_epochs) / max(1, max_epochs - warmup_epochs)
    return peak * 0.5 * (1 + math.cos(math.pi * progress))


class Draw(NamedTuple):
    """What is drawn for a batch of b patients.

    Attributes:
        rows: numbers of the patients, (b,).
        answers: which of several answers each is seen with, see `Patients.draw`, (b,).
        noise: what is added to each array, (b, *row) by name; empty: nothing.
        partners: with whom MixUp mixes each, numbers within the batch, (b,); None: no MixUp.
        share: how much of the mixture is the partner; one number, or one for each patient, (b,).
    """

    rows: Tensor
    answers: Tensor
    noise: dict[str, Tensor]
    partners: Tensor | None
    share: float | Tensor


def augment(batch: Batch, target: Tensor, draw: Draw) -> tuple[Batch, Tensor]:
    """Gaussian noise, then MixUp with one permutation and one weight for all arrays and the labels.

    A mixture counts as the copy of whom it has more of.

    Args:
        batch: (b, *row) by name; changed in place, for its arrays are this step's own.
        target: of the endpoint, (b, ...); changed in place.
    """
    for name, noise in draw.noise.items():
        batch[name].add_(noise)
    if draw.partners is not None:
        mixed = {name: array for name, array in batch.items() if name != SOURCE}
        if SOURCE in batch:
            own, partners = batch[SOURCE], batch[SOURCE].index_select(0, draw.partners)
            batch[SOURCE] = torch.where(torch.as_tensor(draw.share) > 0.5, partners, own)
        for part in (*mixed.values(), target):
            share = draw.share if isinstance(draw.share, float) else draw.share.view(-1, *[1] * (part.dim() - 1))
            part.lerp_(part.index_select(0, draw.partners), share)
    return batch, target


class TrainingRun:
    """One training under way: its network, what it draws, when it ends and which epoch it keeps; alone or in a stack.

    Selection is by the endpoint's score on the validation part; where it is undefined, by the loss.

    Args:
        method: whose protocol is followed; everything random comes from its `random_state`.
        train, y, validation, y_validation: what `Method.fit` is called with.

    Attributes:
        module: on the CPU.
        generator, random: of order, answers, noise and MixUp. dropout: in the state in which torch's global generator
            is once the module is built.
        history: one value an epoch. epochs: that were run. best_epoch: the one that is kept (from 1), 0: none yet.
        best_state: of the module after that epoch. ended: whether patience is out.
    """

    def __init__(self, method: Trainable, train: Inputs, y: NDArray, validation: Inputs, y_validation: NDArray) -> None:
        self.method, self.y_validation, self.sizes = method, y_validation, train.sizes
        self.patients, self.held_out = Patients(train, method.arrays()), Patients(validation, method.arrays())
        targets = method.endpoint.targets
        self.target, self.held_out_target = (torch.from_numpy(targets(labels)) for labels in (y, y_validation))
        self.random = np.random.default_rng(method.random_state)
        self.generator = torch.Generator().manual_seed(method.random_state)
        # Initial weights draw from torch's global generator: seeded inside, restored after.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(method.random_state)
            self.module = method.build(train.sizes)
            self.dropout = torch.Generator()
            self.dropout.set_state(torch.get_rng_state())
        self.history: dict[str, list[float]] = {"train_loss": [], "validation_loss": [], "validation_score": []}
        self.best_score, self.best_epoch, self.epochs, self.ended = -math.inf, 0, 0, False
        self.best_state: dict[str, Tensor] | None = None

    def begin(self, epoch: int) -> None:
        """Do what the method does before an epoch; the network is ready to be trained then."""
        if self.method.acts_before(epoch):
            self.module.eval()
            self.method.before_epoch(self.module, epoch, self.patients.in_order())
        self.module.train()

    def learning_rate(self, epoch: int) -> float:
        """That of an epoch (from 0)."""
        method = self.method
        return learning_rate(epoch, method.learning_rate, method.warmup_epochs, method.max_epochs)

    def batch_sizes(self) -> list[int]:
        """Patients in each batch of an epoch."""
        return batch_sizes(len(self.patients), self.method.batch_size)

    def draws(self) -> Iterator[Draw]:
        """What is drawn for the batches of one epoch."""
        method = self.method
        for rows in torch.randperm(len(self.patients), generator=self.generator).split(self.batch_sizes()):
            answers = self.patients.draw(rows, self.generator)
            noisy = self.random.random() < method.noise_probability
            mixed = self.random.random() < method.mixup_probability and method.endpoint.mixes
            share = 1 - float(self.random.beta(method.mixup_alpha, method.mixup_alpha)) if mixed else 0.0
            noise = {
                name: torch.empty(len(rows), *row).normal_(std=method.noise, generator=self.generator)
                for name, row in (self.patients.rows.items() if noisy else ())
                if name not in (PRESENT, SOURCE)
            }
            partners = torch.randperm(len(rows), generator=self.generator) if mixed else None
            yield Draw(rows, answers, noise, partners, share)

    def batch(self, draw: Draw) -> tuple[Batch, Tensor]:
        """The augmented batch that was drawn, and its targets (b, ...)."""
        batch = self.patients.batch(draw.rows, draw.answers)
        return augment(batch, self.target.index_select(0, draw.rows), draw)

    def close_epoch(self, epoch: int, train_loss: float, logits: Tensor) -> bool:
        """Note how an epoch (from 0) went: whether it is the best so far.

        Args:
            train_loss: mean over the training part.
            logits: of the validation part, (n,) or (n, outputs), on the CPU.
        """
        endpoint = self.method.endpoint
        validation_loss = float(endpoint.loss(logits, self.held_out_target))
        score = endpoint.score(self.y_validation, endpoint.link(logits.numpy()))
        for name, value in zip(self.history, (train_loss, validation_loss, score), strict=True):
            self.history[name].append(value)
        self.epochs = epoch + 1
        if not self.method.may_select(epoch):
            return False
        score = -validation_loss if math.isnan(score) else score
        # The first that may be selected is the best so far, whatever its score.
        if not self.best_epoch or score > self.best_score:
            self.best_score, self.best_epoch = score, self.epochs
            return True
        self.ended = self.epochs - self.best_epoch >= self.method.patience
        return False


def batch_sizes(n: int, size: int) -> list[int]:
    """Of an epoch of n patients; a lone last patient joins the batch before (batch statistics)."""
    sizes = [min(size, n - start) for start in range(0, n, size)]
    if len(sizes) > 1 and sizes[-1] == 1:
        sizes[-2:] = [sizes[-2] + 1]
    return sizes
