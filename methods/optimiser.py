"""RAdam and gradient clipping in as few passes over the parameters as there can be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors

SMALL = 2**14
"""Parameters of up to so many numbers are updated together: to copy a small gradient takes less time than to call an
operator for it."""


def rectification(step: int, beta2: float) -> float | None:
    """RAdam's factor on the learning rate at a step (from 1); None while the adaptive rate is not yet tractable."""
    limit = 2 / (1 - beta2) - 1
    length = limit - 2 * step * beta2**step / (1 - beta2**step)
    if length <= 5:
        return None
    return (((length - 4) * (length - 2) * limit) / ((limit - 4) * (limit - 2) * length)) ** 0.5


class OnePassRAdam:
    """`torch.optim.RAdam` after `clip_grad_norm_`, with the step done by PyTorch's fused Adam.

    RAdam (Liu et al. 2020) differs from Adam by a scalar that depends on the step alone. Past the first
    steps that scalar goes into the learning rate, the clipping into the fused step's gradient scale, and one
    pass replaces RAdam's and the clipping's many passes over memory, which are more than half of a training
    step of these networks on a CPU. Equal to PyTorch's own within float rounding; a test holds it.

    No `torch.optim.Optimizer`, because the first of those in a process imports PyTorch's compiler for a second.

    Args:
        parameters: float32 parameters; small ones become views of common memory.
        lr: learning rate; may be changed between steps.
        betas, eps: as in `torch.optim.RAdam`.
        clip_norm: largest norm of all gradients together; None: no clipping.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        clip_norm: float | None = None,
    ) -> None:
        self.parameters: list[Tensor] = list(parameters)
        self.lr, self.betas, self.eps, self.clip_norm = lr, betas, eps, clip_norm
        self._step_number = 0
        self._used: list[Tensor] = []
        self._packs: list[Pack] = []
        self._moments: dict[Tensor, Moments] = {}

    @torch.no_grad()
    def step(self) -> None:
        """Update every parameter that has a gradient, and forget the gradients."""
        self._step_number += 1
        used = [parameter for parameter in self.parameters if parameter.grad is not None]
        if not used:
            return
        # By identity: `==` would compare the numbers in them.
        if list(map(id, used)) != list(map(id, self._used)):
            self._used, self._packs = used, list(self._pack(used))
        gradients = [pack.gradient() for pack in self._packs]
        shrink = self._shrink(gradients)
        for pack in self._packs:
            pack.moments.step.add_(1)
        factor = rectification(self._step_number, self.betas[1])
        if factor is None:
            self._momentum_step(gradients, shrink)
        else:
            self._adam_step(gradients, factor, shrink)
        for parameter in used:
            parameter.grad = None

    def _shrink(self, gradients: list[Tensor]) -> float:
        """By what the gradients are divided, 1 where they need no clipping."""
        if self.clip_norm is None:
            return 1.0
        norm = float(torch.stack(torch._foreach_norm(gradients)).norm())
        # The small number is PyTorch's own.
        return max(1.0, (norm + 1e-6) / self.clip_norm)

    def _adam_step(self, gradients: list[Tensor], factor: float, shrink: float) -> None:
        beta1, beta2 = self.betas
        moments = [pack.moments for pack in self._packs]
        # What `torch.optim.Adam(fused=True)` calls, without sorting the parameters by device at every step.
        torch._fused_adam_(
            [pack.values for pack in self._packs],
            gradients,
            [each.momentum for each in moments],
            [each.square for each in moments],
            [],
            [each.step for each in moments],
            lr=self.lr * factor,
            beta1=beta1,
            beta2=beta2,
            weight_decay=0.0,
            # RAdam adds eps to the root before the bias correction, Adam after it.
            eps=self.eps / (1 - beta2**self._step_number) ** 0.5,
            amsgrad=False,
            maximize=False,
            grad_scale=None if shrink == 1 else torch.tensor(shrink),
        )

    def _momentum_step(self, gradients: list[Tensor], shrink: float) -> None:
        beta1, beta2 = self.betas
        size = self.lr / (1 - beta1**self._step_number)
        for (_, values, moments), gradient in zip(self._packs, gradients, strict=True):
            gradient /= shrink
            moments.momentum.lerp_(gradient, 1 - beta1)
            moments.square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
            values.add_(moments.momentum, alpha=-size)

    def _pack(self, used: list[Tensor]) -> Iterator[Pack]:
        """These parameters with the moments that they have by now; small ones that took as many steps together."""
        together: dict[tuple[int, float], list[Tensor]] = {}
        for parameter in used:
            if parameter not in self._moments:
                zeros = torch.zeros_like(parameter)
                self._moments[parameter] = Moments(zeros, zeros.clone(), torch.zeros(()))
            alone = id(parameter) if parameter.numel() > SMALL else 0
            together.setdefault((alone, float(self._moments[parameter].step)), []).append(parameter)
        for members in together.values():
            if len(members) == 1:
                yield Pack(members, members[0], self._moments[members[0]])
                continue
            before = [self._moments[member] for member in members]
            values = _flatten_dense_tensors(members)
            momentum = _flatten_dense_tensors([each.momentum for each in before])
            square = _flatten_dense_tensors([each.square for each in before])
            step = before[0].step.clone()
            flat = (values, momentum, square)
            for member, own, mean, mean_square in zip(
                members, *(_unflatten_dense_tensors(each, members) for each in flat), strict=True
            ):
                member.data = own
                self._moments[member] = Moments(mean, mean_square, step)
            yield Pack(members, values, Moments(momentum, square, step))


class Moments(NamedTuple):
    """The running means of a parameter's gradient and of its square, and the steps that it took, ()."""

    momentum: Tensor
    square: Tensor
    step: Tensor


class Pack(NamedTuple):
    """Parameters that are updated as one.

    values: a large parameter itself; of small ones all numbers in a row, of which the parameters are views.
    moments: of the same shape.
    """

    members: list[Tensor]
    values: Tensor
    moments: Moments

    def gradient(self) -> Tensor:
        """Of the shape of `values`."""
        gradients = [member.grad for member in self.members if member.grad is not None]
        return gradients[0] if len(gradients) == 1 else _flatten_dense_tensors(gradients)
