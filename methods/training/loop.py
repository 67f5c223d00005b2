"""The training protocol of the paper (section 4.2), one loop for every neural method.

RAdam, learning rate warmed up linearly over 15 epochs, then a cosine to zero at epoch 100; gradient norm
clipped at 1; Gaussian noise and MixUp, each with probability 0.5 a batch; early stop on validation AUC with
patience 30, the best epoch restored. A random prompt's text is drawn for each patient at each training step;
a prediction is the mean of the logits over prompts, each computed from one prompt's text as in training (our choice).
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from strokebench.methods.training.batch import Aux, Batch, Epoch, Patients
from strokebench.methods.training.optimiser import RAdam
from strokebench.methods.training.protocol import TrainingRun
from strokebench.methods.training.trainable import Trainable
from strokebench.tasks.inputs import Inputs

Network = Callable[[Batch], tuple[Tensor, Aux]]


class Networks(Protocol):
    """What the loop asks of one network, or of several that are trained together.

    Attributes:
        runs: the trainings under way.
    """

    runs: list[TrainingRun]

    def train(self, epoch: int) -> Sequence[float]:
        """One epoch (from 0): each run's mean loss over its training part."""

    def validate(self) -> Sequence[Tensor]:
        """Logits of each run's validation part (n,), on the CPU."""

    def state(self, run: int) -> dict[str, Tensor]:
        """A copy of a run's `state_dict`, each (*shape)."""

    def drop_ended(self) -> None:
        """No longer train runs that have ended, where that saves time."""


def train(networks: Networks) -> None:
    """Train, and leave each run's module at its best epoch, in evaluation mode."""
    runs = list(networks.runs)
    for epoch in range(runs[0].method.max_epochs):
        losses = networks.train(epoch)
        for number, (run, loss, logits) in enumerate(zip(networks.runs, losses, networks.validate(), strict=True)):
            if not run.ended and run.close_epoch(epoch, loss, logits):
                run.best_state = networks.state(number)
        if all(run.ended for run in runs):
            break
        networks.drop_ended()
    last = {run: networks.state(number) for number, run in enumerate(networks.runs) if run.best_state is None}
    for run in runs:
        run.module.load_state_dict(last[run] if run.best_state is None else run.best_state)
        run.module.eval()


def train_alone(run: TrainingRun) -> None:
    """`train` one network, on the CPU."""
    # Dropout draws from torch's global generator.
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(run.dropout.get_state())
        train(Alone(run))


class Alone:
    """A network that is trained by itself."""

    def __init__(self, run: TrainingRun) -> None:
        self.runs = [run]
        self.optimiser = RAdam(run.module.parameters(), clip_norm=run.method.clip_norm)

    def train(self, epoch: int) -> Sequence[float]:
        [run] = self.runs
        self.optimiser.lr = run.learning_rate(epoch)
        run.begin(epoch)
        total = torch.zeros(())
        for draw in run.draws():
            batch, target = run.batch(draw)
            loss = training_loss(run.method, run.module, batch, target, epoch)
            loss.backward()
            self.optimiser.step()
            total += loss.detach() * len(target)
        return [float(total) / len(run.patients)]

    def validate(self) -> Sequence[Tensor]:
        [run] = self.runs
        return [predict_logits(run.method, run.module, run.held_out)]

    def state(self, run: int) -> dict[str, Tensor]:
        return {name: value.clone() for name, value in self.runs[run].module.state_dict().items()}

    def drop_ended(self) -> None: ...


def training_loss(method: Trainable, network: Network, batch: Batch, target: Tensor, epoch: Epoch) -> Tensor:
    """What one step minimises, for a run alone and for each run of a stack.

    Args:
        batch: (b, *row) by name. target: labels (b,), soft after MixUp.
    """
    logit, aux = network(batch)
    return method.loss(logit, target, aux, epoch)


@torch.inference_mode()
def predict_logits(method: Trainable, module: nn.Module, x: Inputs | Patients) -> Tensor:
    """Logits of all patients, (n,) or (n, outputs), in evaluation mode: the mean over what each answer gives."""
    patients = x if isinstance(x, Patients) else Patients(x, method.arrays())
    module.eval()
    if not len(patients):
        return torch.zeros(0)
    return patients.mean_of(torch.cat([module(batch)[0] for batch in patients.in_order()]))
