"""Forward pass and loss of several runs at once, by `vmap` over one network without parameters of its own."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from copy import deepcopy

import torch
from torch import Tensor
from torch.func import functional_call, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from strokebench.methods.parts.layers import Dropout
from strokebench.methods.stacking.dropout import Masks, Need
from strokebench.methods.stacking.state import State
from strokebench.methods.training.batch import Batch, Epoch
from strokebench.methods.training.loop import training_loss
from strokebench.methods.training.protocol import TrainingRun

Tensors = dict[str, Tensor]


class StackedNetwork:
    """One network, called with the state of R runs.

    Args:
        run: any of the runs: its module, which is copied, and its method, whose `loss` is minimised; runs of a stack
            agree on what it depends on.
        device: where the stack lives.
    """

    def __init__(self, run: TrainingRun, device: torch.device) -> None:
        self.method, self.device, self.rows = run.method, device, run.patients.rows
        self.template, self._masks = deepcopy(run.module).to(device), Masks()
        for layer in self.template.modules():
            if isinstance(layer, Dropout):
                layer.masks = self._masks

    def dropout_needs(self, state: State, size: int) -> list[Need]:
        """What one run's dropout layers need for a batch of this size, in the order in which they ask."""
        self._masks.count()
        self.template.train()
        first = {name: value[0].clone() for name, value in (state.weights | state.buffers).items()} | state.shared
        batch = {name: torch.zeros(size, *row, device=self.device) for name, row in self.rows.items()}
        with torch.no_grad(), self._mappable():
            functional_call(self.template, first, (batch,))
        return self._masks.needs

    def gradients(
        self, state: State, runs: Tensor | None, batch: Batch, target: Tensor, masks: list[Tensor], epoch: Epoch
    ) -> tuple[Tensors, Tensor]:
        """Gradients of the weights that the loss depends on, (g, *shape) by name, and losses (g,).

        Args:
            runs: numbers of the runs (g,); None: all, without a copy of their weights.
            batch, target: (g, b, *row) by name and (g, b). masks: for dropout, (g, size) each.
        """

        def own(values: Tensors) -> Tensors:
            return values if runs is None else {name: value.index_select(0, runs) for name, value in values.items()}

        def loss(weights: Tensors, buffers: Tensors, batch: Batch, target: Tensor, masks: list[Tensor]) -> Tensor:
            self._masks.feed(masks)
            now = weights | buffers | state.shared
            return training_loss(self.method, lambda x: functional_call(self.template, now, (x,)), batch, target, epoch)

        weights = {name: value.detach().requires_grad_() for name, value in own(state.weights).items()}
        buffers = own(state.buffers)
        self.template.train()
        with self._mappable():
            losses = vmap(loss)(weights, buffers, batch, target, masks)
        gradients = torch.autograd.grad(losses.sum(), list(weights.values()), allow_unused=True)
        if runs is not None:
            # A network that changes its buffers has changed copies.
            for name, value in buffers.items():
                state.buffers[name].index_copy_(0, runs, value)
        # Copies in the weights' own layout: two weights may share a gradient, which the optimiser scales in place.
        copies = {
            name: gradient.clone(memory_format=torch.contiguous_format)
            for name, gradient in zip(weights, gradients, strict=True)
            if gradient is not None
        }
        return copies, losses.detach()

    @torch.no_grad()
    def logits(self, state: State, batches: list[Batch]) -> Tensor:
        """Logits (R, n) in evaluation mode; `batches` hold (R, b, *row) by name, n patients together."""

        def forward(own: Tensors, batch: Batch) -> Tensor:
            return functional_call(self.template, own | state.shared, (batch,))[0]

        self.template.eval()
        with self._mappable():
            return torch.cat([vmap(forward)(state.weights | state.buffers, batch) for batch in batches], dim=1)

    @contextmanager
    def _mappable(self) -> Iterator[None]:
        """Attention in a form that vmap maps, and tensors that networks and losses make on the stack's device."""
        # On the CPU they are there already, and the mode would cost time at every operation.
        with sdpa_kernel(SDPBackend.MATH), nullcontext() if self.device.type == "cpu" else self.device:
            yield
