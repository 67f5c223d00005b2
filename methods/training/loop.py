"""The training protocol of the paper (section 4.2), one loop for every neural method.

RAdam, learning rate warmed up linearly over 15 epochs, then a cosine to zero at epoch 100; gradient norm
clipped at 1; Gaussian noise and MixUp, each with probability 0.5 a batch; early stop on validation AUC with
patience 30, the best epoch restored. A random prompt's text is drawn for each patient at each training step;
predictions use the mean over prompts, which is deterministic (our choice).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from strokebench.methods.training.batch import Aux, Batch, Epoch, Patients
from strokebench.methods.training.optimiser import RAdam
from strokebench.methods.training.protocol import TrainingRun, learning_rate
from strokebench.methods.training.trainable import Trainable
from strokebench.tasks.inputs import Inputs

Network = Callable[[Batch], tuple[Tensor, Aux]]


def training_loss(method: Trainable, network: Network, batch: Batch, target: Tensor, epoch: Epoch) -> Tensor:
    """What one step minimises, for a run alone and for each run of a stack."""
    logit, aux = network(batch)
    return method.loss(logit, target, aux, epoch)


def train_network(method: Trainable, module: nn.Module, train: Inputs, y: NDArray,
                  validation: Inputs, y_validation: NDArray) -> TrainingRun:  # fmt: skip
    """Train `module` in place and leave it at its best epoch, in evaluation mode."""
    run = TrainingRun(method, train, y, validation, y_validation)
    optimiser = RAdam(module.parameters(), clip_norm=method.clip_norm)
    best_state = None
    for epoch in range(method.max_epochs):
        optimiser.lr = learning_rate(epoch, method.learning_rate, method.warmup_epochs, method.max_epochs)
        if method.acts_before(epoch):
            module.eval()
            method.before_epoch(module, epoch, run.patients.in_order())
        module.train()
        total = torch.zeros(())
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
    return run


@torch.inference_mode()
def predict_logits(method: Trainable, module: nn.Module, x: Inputs | Patients) -> Tensor:
    """Logits of all patients, (n,) or (n, outputs), in evaluation mode, on the mean over prompts."""
    patients = x if isinstance(x, Patients) else Patients(x, method.arrays())
    module.eval()
    if not len(patients):
        return torch.zeros(0)
    return torch.cat([module(batch)[0] for batch in patients.in_order()])
