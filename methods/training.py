"""The training protocol of the paper (section 4.2), one loop for every neural method.

RAdam, learning rate warmed up linearly over 15 epochs, then a cosine to zero at epoch 100; gradient norm
clipped at 1; Gaussian noise and MixUp, each with probability 0.5 a batch; early stop on validation AUC with
patience 30, the best epoch restored. A random prompt's text is drawn for each patient at each training step;
predictions use the mean over prompts, which is deterministic (our choice).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from strokebench.datasets.large import blocks, room
from strokebench.methods.neural import Aux, Batch, Epoch
from strokebench.methods.optimiser import OnePassRAdam
from strokebench.tasks.metrics import auc
from strokebench.tasks.trimodal import TriModal

if TYPE_CHECKING:
    from strokebench.methods.neural import NeuralMethod

PREDICTION_BATCH = 256

Network = Callable[[Batch], tuple[Tensor, Aux]]


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


class Patients:
    """The arrays that a method reads, as tensors without copies; what it does not read is empty, (n, 0)."""

    def __init__(self, x: TriModal, reads: frozenset[str]) -> None:
        sources = {"image": x.image, "tokens": x.image_tokens, "text": x.text, "table": x.table}
        empty = torch.zeros(len(x), 0)
        parts = {name: _tensor(array) if name in reads else empty for name, array in sources.items()}
        self.image, self.tokens, self.table = parts["image"], parts["tokens"], parts["table"]
        self.text = parts["text"] if "text" in reads else torch.zeros(len(x), 1, 0)
        self.mean_text = _mean_prompt(self.text)

    def __len__(self) -> int:
        return len(self.table)

    def one_prompt(self, rows: Tensor, random: torch.Generator) -> Batch:
        """These patients, each with the answer to one random prompt."""
        return self.batch(rows, self.answers(rows, random))

    def answers(self, rows: Tensor, random: torch.Generator) -> Tensor:
        """The answer to one random prompt for each of these patients: its number among all answers of all patients."""
        prompts = self.text.shape[1]
        return rows * prompts + torch.randint(prompts, (len(rows),), generator=random)

    def batch(self, rows: Tensor, answers: Tensor) -> Batch:
        """These patients with these answers."""
        # Whole rows are copied, which `[rows]` does number by number.
        text = self.text.flatten(0, 1).index_select(0, answers)
        image, tokens, table = (part.index_select(0, rows) for part in (self.image, self.tokens, self.table))
        return Batch(image, tokens, text, table)

    def in_order(self, size: int = PREDICTION_BATCH) -> Iterator[Batch]:
        """All patients in order, text averaged over the prompts."""
        for start in range(0, len(self), size):
            rows = slice(start, start + size)
            yield Batch(self.image[rows], self.tokens[rows], self.mean_text[rows], self.table[rows])


def _tensor(array: NDArray) -> Tensor:
    array = np.ascontiguousarray(array, dtype=np.float32)
    # torch warns of read-only memory maps; nothing here writes to its inputs.
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def _mean_prompt(text: Tensor) -> Tensor:
    """(n, prompts, layers, d) to (n, layers, d)."""
    mean = torch.from_numpy(room((len(text), *text.shape[2:])))
    for rows in blocks(len(text), text.shape):
        torch.mean(text[rows], 1, out=mean[rows])
    return mean


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
    def draw(cls, method: NeuralMethod, random: np.random.Generator) -> Self:
        noisy = random.random() < method.noise_probability
        mixed = random.random() < method.mixup_probability
        return cls(noisy, float(random.beta(method.mixup_alpha, method.mixup_alpha)) if mixed else None)


def augment(batch: Batch, target: Tensor, method: NeuralMethod, random: np.random.Generator,
            generator: torch.Generator) -> tuple[Batch, Tensor]:  # fmt: skip
    """Gaussian noise, then MixUp with one permutation and one weight for all modalities and the labels.

    The batch is changed in place: its arrays are this step's own.
    """
    drawn = Augmentation.draw(method, random)
    if drawn.noisy:
        for part in batch:
            part.add_(torch.randn(part.shape, generator=generator), alpha=method.noise)
    if drawn.weight is not None:
        partner = torch.randperm(len(target), generator=generator)
        for part in (*batch, target):
            part.lerp_(part.index_select(0, partner), 1 - drawn.weight)
    return batch, target


class EpochEnd(NamedTuple):
    """Whether an epoch is the best so far, and whether it was the last."""

    best: bool
    last: bool


class TrainingRun:
    """One training under way: what it draws, when it stops and which epoch it keeps, alone or in a stack of runs.

    Selection is by validation AUC; where the validation part holds one class only, by its loss.

    Args:
        method: whose protocol is followed; everything random comes from its `random_state`.
        train, y, validation, y_validation: what `Method.fit` is called with.
    """

    def __init__(
        self, method: NeuralMethod, train: TriModal, y: NDArray, validation: TriModal, y_validation: NDArray
    ) -> None:
        self.method, self.y_validation = method, y_validation
        self.patients, self.held_out = Patients(train, method.parts()), Patients(validation, method.parts())
        self.target, self.held_out_target = _labels(y), _labels(y_validation)
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
            batch = self.patients.one_prompt(rows, self.generator)
            yield augment(batch, self.target[rows], self.method, self.random, self.generator)

    def close_epoch(self, epoch: int, train_loss: float, logits: Tensor) -> EpochEnd:
        """Note how the epoch (from 0) went.

        Args:
            train_loss: mean over the training part.
            logits: of the validation part (n,), on the CPU.
        """
        validation_loss = float(functional.binary_cross_entropy_with_logits(logits, self.held_out_target))
        score = auc(self.y_validation, logits.numpy())
        for name, value in zip(self.result.history, (train_loss, validation_loss, score), strict=True):
            self.result.history[name].append(value)
        self.result.epochs = epoch + 1
        if not self.method.may_select(epoch):
            return EpochEnd(best=False, last=False)
        best = self.selection.improved(epoch, -validation_loss if math.isnan(score) else score)
        self.result.best_epoch = self.selection.best_epoch
        return EpochEnd(best, last=not best and self.selection.exhausted(epoch))


def training_loss(method: NeuralMethod, network: Network, batch: Batch, target: Tensor, epoch: Epoch) -> Tensor:
    """What one step minimises, for a run alone and for each run of a stack."""
    logit, aux = network(batch)
    return method.loss(logit, target, aux, epoch)


def train_network(method: NeuralMethod, module: nn.Module, train: TriModal, y: NDArray,
                  validation: TriModal, y_validation: NDArray) -> Training:  # fmt: skip
    """Train `module` in place and leave it at its best epoch, in evaluation mode."""
    run = TrainingRun(method, train, y, validation, y_validation)
    optimiser = OnePassRAdam(module.parameters(), clip_norm=method.clip_norm)
    best_state = None
    for epoch in range(method.max_epochs):
        optimiser.lr = learning_rate(epoch, method.learning_rate, method.warmup_epochs, method.max_epochs)
        if method.acts_before(epoch):
            module.eval()
            method.before_epoch(module, epoch, run.patients.in_order())
        module.train()
        total = torch.zeros(())
        with optimiser.collecting():
            for batch, target in run.batches():
                loss = training_loss(method, module, batch, target, epoch)
                loss.backward()
                optimiser.step()
                total += loss.detach() * len(target)
        end = run.close_epoch(epoch, float(total) / len(run.patients), predict_logits(method, module, run.held_out))
        if end.best:
            best_state = {name: value.clone() for name, value in module.state_dict().items()}
        if end.last:
            break
    if best_state is not None:
        module.load_state_dict(best_state)
    module.eval()
    return run.result


def _labels(y: NDArray) -> Tensor:
    return torch.from_numpy(np.asarray(y, dtype=np.float32))


def batch_sizes(n: int, size: int) -> list[int]:
    """Of an epoch of n patients; a lone last patient joins the batch before (batch statistics)."""
    sizes = [min(size, n - start) for start in range(0, n, size)]
    if len(sizes) > 1 and sizes[-1] == 1:
        sizes[-2:] = [sizes[-2] + 1]
    return sizes


@torch.inference_mode()
def predict_logits(method: NeuralMethod, module: nn.Module, x: TriModal | Patients) -> Tensor:
    """Logits (n,) of all patients, in evaluation mode, on the mean over prompts."""
    patients = x if isinstance(x, Patients) else Patients(x, method.parts())
    module.eval()
    if not len(patients):
        return torch.zeros(0)
    return torch.cat([module(batch)[0] for batch in patients.in_order()])
