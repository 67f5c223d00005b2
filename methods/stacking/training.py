"""The training protocol on several runs at once: `train_network`, with every step taken by all runs together.

What is drawn, when a run stops and which epoch it keeps are each run's own and the same as alone: the single
path's functions draw from the run's own generators on the CPU. Only the arithmetic is shared, and so differs in
the order of its sums. Nothing is padded in training: in each step the runs whose batches have the same size go
through the network together, as a rule all of them, and at an epoch's end one group a size. Losses across
patients (InfoNCE) therefore see what they see alone. On a GPU steps are recorded and replayed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from strokebench.methods.stacking.inputs import Composition, Feeder, StackedPatients, StepInputs
from strokebench.methods.stacking.network import StackedNetwork, masks
from strokebench.methods.stacking.replay import Replays, own_stream
from strokebench.methods.stacking.run import StackedRun, held_out_batches
from strokebench.methods.stacking.state import Stack
from strokebench.methods.training.batch import Epoch
from strokebench.methods.training.protocol import learning_rate

MOST_ENDED = 0.25
"""Share of the runs that may have ended before they leave a stack whose steps are recorded: those left must be
recorded anew, which takes as long as some ten steps."""


def train_stacked(runs: Sequence[StackedRun], device: torch.device) -> None:
    """Train the modules of `runs`, and leave each at its best epoch, in evaluation mode, with its `result`.

    Raises:
        ValueError: the networks cannot be stacked.
        RuntimeError: PyTorch cannot map an operation of the network over runs.
    """
    with own_stream(device):
        training = StackedTraining(runs, device)
        with training.feeder:
            for epoch in range(runs[0].method.max_epochs):
                training.train(epoch)
                training.close(epoch)
                if not training.runs:
                    return
        for number, run in enumerate(training.runs):
            training.finish(number, run)


class StackedTraining:
    """A training of a stack under way.

    Args:
        runs: see `train_stacked`.
        device: where the stack lives.

    Attributes:
        runs: those still in the stack, in its order.
    """

    def __init__(self, runs: Sequence[StackedRun], device: torch.device) -> None:
        self.runs, self.device = list(runs), device
        self.network = StackedNetwork(runs[0], device)
        self.stack = Stack([run.module for run in runs], device)
        self.replays = Replays(device)
        self.patients = StackedPatients(runs, device)
        self.feeder = Feeder(runs, self.patients, self._words, device)
        self.held_out = held_out_batches(runs, device)
        self._placed()

    def _placed(self) -> None:
        """Make what depends on who is in the stack."""
        self.replays.forget()
        self.totals = torch.zeros(len(self.runs), device=self.device)
        longest = sum(next(iter(batch.values())).shape[1] for batch in self.held_out)
        outputs = self.runs[0].method.endpoint.outputs
        each = () if outputs == 1 else (outputs,)
        self.logits = torch.zeros(len(self.runs), longest, *each, device=self.device)
        self._numbers: dict[tuple[int, ...], Tensor] = {}

    def _words(self, size: int) -> int:
        return sum(layer.words for layer in self.network.dropout(self.stack, size))

    def train(self, epoch: int) -> None:
        """One epoch (from 0); `totals` is then each run's sum of losses over its patients."""
        self._call_hooks(epoch)
        methods = [run.method for run in self.runs]
        rates = [learning_rate(epoch, m.learning_rate, m.warmup_epochs, m.max_epochs) for m in methods]
        clip_norms = [m.clip_norm for m in methods]

        def scalars(composition: Composition) -> Tensor:
            return self.stack.scalars(rates, clip_norms, {number for _, numbers in composition for number in numbers})

        self.totals.zero_()
        for composition, inputs in self.feeder.epoch(self.runs, epoch, scalars):
            self.prepare(composition)
            key = composition, self.stack.adaptive
            self.replays.call("step", key, partial(self._step, inputs, epoch))

    def prepare(self, composition: Composition) -> None:
        """Make what a step needs that no record of it may make."""
        for _, numbers in composition:
            if len(numbers) < len(self.runs) and numbers not in self._numbers:
                self._numbers[numbers] = torch.tensor(numbers, device=self.device)

    def _step(self, inputs: StepInputs, number: int) -> None:
        """One step of all runs."""
        # As a tensor where the step is recorded: each epoch has another.
        epoch: Epoch = inputs.epoch if self.replays.on else number
        summed = torch.zeros((), device=self.device)
        noted = []
        for group in inputs.groups:
            rows = self._numbers[group.runs] if len(group.runs) < len(self.runs) else None
            batch, target = self.patients.batch(group)
            drop = masks(group.bits, self.network.dropout(self.stack, target.shape[1]))
            losses = self.network.losses(self.stack, rows, batch, target, drop, epoch)
            noted.append((rows, losses.detach() * target.shape[1]))
            summed = summed + losses.sum()
        gradients = torch.autograd.grad(summed, list(self.stack.parameters.values()), allow_unused=True)
        # Nothing is changed before all that may fail is done.
        self.stack.step(gradients, inputs.scalars, [number for group in inputs.groups for number in group.runs])
        for rows, losses in noted:
            self.totals.add_(losses) if rows is None else self.totals.index_add_(0, rows, losses)

    def close(self, epoch: int) -> None:
        """Validate, keep what is best, and let runs leave that have ended."""
        if self.held_out:
            self.replays.call("logits", None, self._validate)
        totals, logits = self.totals.tolist(), self.logits.float().cpu()
        best = []
        for number, run in enumerate(self.runs):
            if not run.ended:
                end = run.close_epoch(epoch, totals[number] / len(run.patients), logits[number, : len(run.held_out)])
                run.ended = end.last
                if end.best:
                    best.append(number)
        self.stack.keep_best(best)
        going = [number for number, run in enumerate(self.runs) if not run.ended]
        ended = len(self.runs) - len(going)
        if ended and (not going or not self.replays.on or ended > MOST_ENDED * len(self.runs)):
            self._keep(going)

    def _validate(self) -> None:
        self.logits.copy_(self.network.logits(self.stack, self.held_out))

    def _keep(self, going: list[int]) -> None:
        """The others leave."""
        for number, run in enumerate(self.runs):
            if number not in going:
                self.finish(number, run)
        self.runs = [self.runs[number] for number in going]
        if going:
            self.stack.keep(going)
            self.held_out = [{name: part[going] for name, part in batch.items()} for batch in self.held_out]
            self._placed()

    def finish(self, number: int, run: StackedRun) -> None:
        """Leave the run's module at its best epoch."""
        run.finish(self.stack.state(number, best=True))

    def _call_hooks(self, epoch: int) -> None:
        """`before_epoch`, where it does something: on the CPU, and one run after the other."""
        if not any(run.method.acts_before(epoch) for run in self.runs):
            return
        for number, run in enumerate(self.runs):
            run.module.load_state_dict(self.stack.state(number))
            run.module.eval()
            if run.method.acts_before(epoch) and not run.ended:
                run.method.before_epoch(run.module, epoch, run.patients.in_order())
        self.stack.read([run.module for run in self.runs])
        self.replays.forget()
