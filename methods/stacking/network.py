"""Forward pass and loss of all runs of a stack at once, by `vmap` over one network without parameters of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from strokebench.methods.parts.layers import Dropout, dropout_mask
from strokebench.methods.stacking.run import StackedRun
from strokebench.methods.stacking.state import Stack
from strokebench.methods.training.batch import Batch, Epoch
from strokebench.methods.training.loop import training_loss

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
            batch = {name: torch.zeros(size, *shape, device=self.device) for name, shape in self.shapes.items()}
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


class Asked(NamedTuple):
    """What one dropout layer needs of a batch.

    size: numbers. p: probability that one becomes zero.
    """

    size: int
    p: float

    @property
    def words(self) -> int:
        """64-bit random numbers: one for four elements, each layer beginning a new one."""
        return -(-self.size // 4)


class Masks:
    """Hands masks to the dropout layers of a network in the order in which they ask.

    They are made before the forward pass, because inside `vmap` no generator can be used: first `asked` is found
    in a pass that only counts, then each run draws what its own dropout layers would.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._given: Iterator[Tensor] | None = None

    def count(self) -> None:
        """From now on layers only say what they need."""
        self.asked, self._given = [], None

    def feed(self, masks: Sequence[Tensor]) -> None:
        """From now on layers use these, (size,) each."""
        self._given = iter(masks)

    def take(self, x: Tensor, p: float) -> Tensor | None:
        """The next mask, of the shape of `x`; None while counting."""
        if self._given is None:
            self.asked.append(Asked(x.numel(), p))
            return None
        return next(self._given).view(x.shape)


class FedDropout(nn.Module):
    """`Dropout`, number for number, with masks from `masks` instead of torch's global generator."""

    def __init__(self, p: float, masks: Masks) -> None:
        super().__init__()
        self.p, self.masks = p, masks

    def forward(self, x: Tensor) -> Tensor:
        """`x` in evaluation mode; in training mode with elements dropped and the others scaled up."""
        if not self.training or self.p == 0:
            return x
        mask = self.masks.take(x, self.p)
        return x if mask is None else x * mask


def feed_dropouts(network: nn.Module, masks: Masks) -> None:
    """Replace every dropout layer of `network` by one that asks `masks`."""
    replaced: dict[nn.Module, FedDropout] = {}
    for parent in list(network.modules()):
        for name, child in list(parent._modules.items()):
            if isinstance(child, Dropout):
                # A layer used in two places stays one.
                setattr(parent, name, replaced.setdefault(child, FedDropout(child.p, masks)))


def masks(bits: Tensor, asked: Sequence[Asked]) -> list[Tensor]:
    """A mask (runs, size) a layer, those that `Dropout` would make of the same random numbers.

    Args:
        bits: (runs, words) int64, random; the words of all layers. They travel, and not the masks, which are larger.
    """
    of_layers = bits.view(torch.int16).split([4 * layer.words for layer in asked], dim=1)
    return [dropout_mask(own[:, : layer.size], layer.p) for own, layer in zip(of_layers, asked, strict=True)]
