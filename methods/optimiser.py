"""RAdam and gradient clipping in as few passes over the parameters as there can be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn


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
        parameters: float32 parameters.
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
        self._state: dict[Tensor, tuple[Tensor, Tensor, Tensor]] = {}
        self._last: Moments | None = None

    @torch.no_grad()
    def step(self) -> None:
        """Update every parameter that has a gradient, and forget the gradients."""
        self._step_number += 1
        used = [parameter for parameter in self.parameters if parameter.grad is not None]
        if not used:
            return
        gradients = [parameter.grad for parameter in used if parameter.grad is not None]
        shrink = self._shrink(gradients)
        moments = self._moments(used)
        moments.steps.add_(1)
        factor = rectification(self._step_number, self.betas[1])
        if factor is None:
            self._momentum_step(moments, gradients, shrink)
        else:
            self._adam_step(moments, gradients, factor, shrink)
        for parameter in used:
            parameter.grad = None

    def _shrink(self, gradients: list[Tensor]) -> float:
        """By what the gradients are divided, 1 where they need no clipping."""
        if self.clip_norm is None:
            return 1.0
        norm = float(torch.stack(torch._foreach_norm(gradients)).norm())
        # The small number is PyTorch's own.
        return max(1.0, (norm + 1e-6) / self.clip_norm)

    def _adam_step(self, moments: Moments, gradients: list[Tensor], factor: float, shrink: float) -> None:
        beta1, beta2 = self.betas
        # What `torch.optim.Adam(fused=True)` calls, without sorting the parameters by device at every step.
        torch._fused_adam_(
            moments.parameters,
            gradients,
            moments.momenta,
            moments.squares,
            [],
            moments.step_of_each,
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

    def _momentum_step(self, moments: Moments, gradients: list[Tensor], shrink: float) -> None:
        beta1, beta2 = self.betas
        size = self.lr / (1 - beta1**self._step_number)
        every = zip(moments.parameters, gradients, moments.momenta, moments.squares, strict=True)
        for parameter, gradient, momentum, square in every:
            gradient /= shrink
            momentum.lerp_(gradient, 1 - beta1)
            square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
            parameter.add_(momentum, alpha=-size)

    def _moments(self, used: list[Tensor]) -> Moments:
        """Those of the parameters, gathered anew only when others have a gradient than at the step before."""
        # By identity: `==` would compare the numbers in them.
        if self._last is None or list(map(id, self._last.parameters)) != list(map(id, used)):
            for parameter in used:
                if parameter not in self._state:
                    zeros = torch.zeros_like(parameter)
                    self._state[parameter] = zeros, zeros.clone(), torch.zeros(())
            momenta, squares, steps = map(list, zip(*(self._state[parameter] for parameter in used), strict=True))
            counted = torch.stack(steps)
            for parameter, momentum, square, step in zip(used, momenta, squares, counted, strict=True):
                self._state[parameter] = momentum, square, step
            self._last = Moments(used, momenta, squares, counted, list(counted))
        return self._last


class Moments(NamedTuple):
    """Parameters, the running means of their gradients and of the squares, and the steps that each took.

    steps: (parameters,); step_of_each: views of its elements, which one addition advances.
    """

    parameters: list[Tensor]
    momenta: list[Tensor]
    squares: list[Tensor]
    steps: Tensor
    step_of_each: list[Tensor]
