"""The shared shape of every neural method: what it declares, and how the training loop is called."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from strokebench.errors import StrokebenchError
from strokebench.files import atomic_path, read_json, write_json
from strokebench.methods.base import Method
from strokebench.methods.training.batch import Aux, Batch, Epoch
from strokebench.methods.training.loop import predict_logits, train_alone
from strokebench.methods.training.protocol import TrainingRun
from strokebench.tasks.inputs import Inputs, Sizes


@dataclass(kw_only=True, eq=False, repr=False)
class NeuralMethod(Method):
    """A method that is a network: it declares `build`, and where it differs `loss` and the hooks.

    The training protocol (RAdam, warm-up and cosine, clipping, noise, MixUp, early stop on validation AUC
    with the best epoch restored) is the paper's, section 4.2, and the same for all; see
    `strokebench.methods.training.loop`.

    Args:
        learning_rate: peak of the schedule (paper: 1e-4).
        batch_size: the paper gives none; 32 is our choice.
        max_epochs, patience, warmup_epochs: paper, section 4.2.
        clip_norm: largest gradient norm (paper: 1.0).
        noise, noise_probability: Gaussian noise on the inputs, drawn a batch (paper: 0.01, 0.5).
        mixup_alpha, mixup_probability: MixUp with Beta(alpha, alpha), drawn a batch (paper: 0.4, 0.5).
    """

    learning_rate: float = 1e-4
    batch_size: int = 32
    max_epochs: int = 100
    patience: int = 30
    warmup_epochs: int = 15
    clip_norm: float = 1.0
    noise: float = 0.01
    noise_probability: float = 0.5
    mixup_alpha: float = 0.4
    mixup_probability: float = 0.5

    def arrays(self) -> tuple[str, ...]:
        """The arrays that these settings read: `reads`, unless a method has settings that say otherwise."""
        return self.reads

    @abstractmethod
    def build(self, sizes: Sizes) -> nn.Module:
        """The network: called with a `Batch`, it gives a dict for `loss` and the logits, (b,) where
        `endpoint.outputs` is 1, else (b, outputs).

        Args:
            sizes: shape of a patient's row of each array, e.g. `{"image.vector": (512,), "text": (5, 4, 384)}`; of the
                answers to several prompts a batch has one.
        """

    def loss(self, logit: Tensor, target: Tensor, aux: Aux, epoch: Epoch) -> Tensor:
        """What is minimised, of logits (b,) or (b, outputs). Default: the endpoint's loss.

        `target` is of `endpoint.targets`, and may be a mixture.

        Like the network's forward pass it depends on its arguments and the network's state alone, for on a GPU a step
        is recorded once and then replayed.
        """
        return self.endpoint.loss(logit, target)

    def acts_before(self, epoch: int) -> bool:
        """Whether `before_epoch` is to be called before this epoch."""
        return type(self).before_epoch is not NeuralMethod.before_epoch

    def before_epoch(self, module: nn.Module, epoch: int, batches: Iterator[Batch]) -> None:
        """Called before each epoch with the training part, clean and in order, for what is not a gradient."""

    def may_select(self, epoch: int) -> bool:
        """Whether the state after this epoch may become the method's; and whether patience counts it."""
        return True

    def after_training(self, module: nn.Module, batches: Iterator[Batch]) -> dict[str, float]:
        """Called with the best epoch's network and the training part, clean and in order: more numbers for `facts_`."""
        return {}

    def fit(self, train: Inputs, y: NDArray, validation: Inputs, y_validation: NDArray) -> Self:
        run = TrainingRun(self, train, y, validation, y_validation)
        train_alone(run)
        return self.finish(run)

    def finish(self, run: TrainingRun) -> Self:
        """Take over the network of a training that has ended, and note how it went."""
        self.sizes_, self.module_, self.history_ = run.sizes, run.module, run.history
        self.facts_ = {
            "parameters": sum(p.numel() for p in run.module.parameters()),
            "best_epoch": run.best_epoch,
            "epochs": run.epochs,
            **self.after_training(run.module, run.patients.in_order()),
        }
        return self

    def predict_proba(self, x: Inputs) -> NDArray[np.float64]:
        logits = predict_logits(self, self.module_, x)
        return self.endpoint.link(logits.numpy())

    def _save_model(self, folder: Path) -> None:
        from safetensors.torch import save_file

        with atomic_path(folder / "weights.safetensors") as path:
            save_file({k: v.contiguous() for k, v in self.module_.state_dict().items()}, path)
        write_json(folder / "sizes.json", self.sizes_)

    def _load_model(self, folder: Path) -> None:
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        self.sizes_ = {name: tuple(size) for name, size in read_json(folder / "sizes.json").items()}
        with torch.random.fork_rng(devices=[]):
            self.module_ = self.build(self.sizes_)
        try:
            self.module_.load_state_dict(load_file(folder / "weights.safetensors"))
        except (SafetensorError, RuntimeError, OSError) as error:
            raise StrokebenchError(f"{folder / 'weights.safetensors'} cannot be read: {error}") from None
        self.module_.eval()
