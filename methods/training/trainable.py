"""What the training loop asks of a method."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from torch import Tensor, nn

from strokebench.methods.training.batch import Aux, Batch, Epoch
from strokebench.tasks.endpoint import Endpoint
from strokebench.tasks.inputs import Sizes


class Trainable(Protocol):
    """A method whose network the loop trains; `strokebench.methods.neural.NeuralMethod` says what each is."""

    endpoint: Endpoint
    random_state: int
    learning_rate: float
    batch_size: int
    max_epochs: int
    patience: int
    warmup_epochs: int
    clip_norm: float
    noise: float
    noise_probability: float
    mixup_alpha: float
    mixup_probability: float

    def arrays(self) -> tuple[str, ...]: ...

    def build(self, sizes: Sizes) -> nn.Module: ...

    def loss(self, logit: Tensor, target: Tensor, aux: Aux, epoch: Epoch) -> Tensor: ...

    def acts_before(self, epoch: int) -> bool: ...

    def before_epoch(self, module: nn.Module, epoch: int, batches: Iterator[Batch]) -> None: ...

    def may_select(self, epoch: int) -> bool: ...
