"""Forward pass and loss of all runs of a stack at once, by `vmap` over one network without parameters of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from copy import deepcopy

import torch
from torch import Tensor
from torch.func import functional_call, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from strokebench.methods.neural import Batch, Epoch
from strokebench.methods.stacked_dropout import Asked, Masks, feed_dropouts
from strokebench.methods.stacked_run import StackedRun
from strokebench.methods.stacked_state import Stack
from strokebench.methods.training import training_loss

State = dict[str, Tensor]


class StackedNetwork:
    """One network, called with the parameters of R runs.

    Args:
        run: any of the runs: its module, which is copied, and its method, whose `loss` is minimised; runs of a stack
            agree on what it depends on.
        device: where the stack lives.
    """

    def __init__(self, run: StackedRun, device: torch.device) -> None:
        self.masks = Masks()
        self.template = deepcopy(run.module).to(device)
        feed_dropouts(self.template, self.masks)
        self.method, self.device = run.method, device
        self.shapes = run.shapes
        self._asked: dict[int, list[Asked]] = {}

    def dropout(self, stack: Stack, size: int) -> list[Asked]:
        """What one run's dropout layers need for a batch of this size, in the order in which they ask."""
        if size not in self._asked:
            self.masks.count()
            self.template.train()
            buffers = {name: value[0].clone() for name, value in stack.stacked.items()} | stack.shared
            parameters = {name: value[0] for name, value in stack.parameters.items()}
            batch = Batch(*(torch.zeros(size, *shape, device=self.device) for shape in self.shapes))
            with torch.no_grad(), self._mappable():
                functional_call(self.template, parameters | buffers, (batch,))
            self._asked[size] = self.masks.asked
        return self._asked[size]

    def losses(
        self, stack: Stack, rows: Tensor | None, batch: Batch, target: Tensor, masks: list[Tensor], epoch: Epoch
    ) -> Tensor:
        """Training loss of each run (g,), with gradients to the stack's parameters.

        Args:
            rows: numbers of the runs (g,); None: all, without a copy of their parameters.
            batch, target: (g, b, ...) and (g, b). masks: for dropout, (g, size) each.
        """
        parameters, buffers = stack.parameters, stack.stacked
        if rows is not None:
            # Not `value[rows]`, whose derivative is a sort on a GPU.
            parameters = {name: value.index_select(0, rows) for name, value in parameters.items()}
            buffers = {name: value.index_select(0, rows) for name, value in buffers.items()}

        def loss(parameters: State, buffers: State, batch: Batch, target: Tensor, masks: list[Tensor]) -> Tensor:
            self.masks.feed(masks)
            state = parameters | buffers | stack.shared
            return training_loss(
                self.method, lambda x: functional_call(self.template, state, (x,)), batch, target, epoch
            )

        self.template.train()
        with self._mappable():
            losses = vmap(loss)(parameters, buffers, batch, target, masks)
        if rows is not None:
            # Batch normalisation has changed the copies.
            for name, value in buffers.items():
                stack.stacked[name][rows] = value
        return losses

    @torch.no_grad()
    def logits(self, stack: Stack, batches: list[Batch]) -> Tensor:
        """Logits (R, n) in evaluation mode; `batches` hold (R, b, ...) each, n patients together."""

        def forward(parameters: State, buffers: State, batch: Batch) -> Tensor:
            return functional_call(self.template, parameters | buffers | stack.shared, (batch,))[0]

        self.template.eval()
        with self._mappable():
            return torch.cat([vmap(forward)(stack.parameters, stack.stacked, batch) for batch in batches], dim=1)

    @contextmanager
    def _mappable(self) -> Iterator[None]:
        """Attention in a form that vmap maps, and tensors that networks and losses make on the stack's device."""
        # On the CPU they are there already, and the mode would cost time at every operation.
        with sdpa_kernel(SDPBackend.MATH), nullcontext() if self.device.type == "cpu" else self.device:
            yield
