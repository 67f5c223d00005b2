"""The shared shape of every neural method: how the training loop is called, and what of it is saved."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from strokebench.errors import StrokebenchError
from strokebench.files import atomic_path, read_json, write_json
from strokebench.methods.training.loop import predict_logits, train_alone
from strokebench.methods.training.protocol import TrainingRun
from strokebench.methods.training.trainable import Trainable
from strokebench.tasks.inputs import Inputs


@dataclass(kw_only=True, eq=False, repr=False)
class NeuralMethod(Trainable):
    """A method that is a network: it declares `build`, and where it differs `loss` and the hooks of `Trainable`.

    The training protocol (RAdam, warm-up and cosine, clipping, noise, MixUp, early stop on validation AUC
    with the best epoch restored) is the paper's, section 4.2, and the same for all; see
    `strokebench.methods.training.loop`.
    """

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
