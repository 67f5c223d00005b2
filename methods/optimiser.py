"""RAdam in one pass over the parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn


class OnePassRAdam(torch.optim.Adam):
    """`torch.optim.RAdam`, with its step done by PyTorch's fused Adam.

    RAdam (Liu et al. 2020) differs from Adam by a scalar that depends on the step alone. Past the first
    steps that scalar goes into the learning rate, and one fused pass replaces RAdam's many passes over
    memory, which are more than half of a training step of these networks on a CPU. Equal to
    `torch.optim.RAdam` within float rounding; a test holds it.

    Args:
        parameters: float32 parameters.
        lr: learning rate; may be changed between steps through `param_groups`.
        betas, eps: as in `torch.optim.RAdam`.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        super().__init__(parameters, lr=lr, betas=betas, eps=eps, fused=True)
        self._step_number = 0

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        self._step_number += 1
        t = self._step_number
        for group in self.param_groups:
            beta2 = group["betas"][1]
            length_limit = 2 / (1 - beta2) - 1
            length = length_limit - 2 * t * beta2**t / (1 - beta2**t)
            if length > 5:
                rectify = (
                    (length - 4) * (length - 2) * length_limit
                    / ((length_limit - 4) * (length_limit - 2) * length)
                ) ** 0.5  # fmt: skip
                lr, eps = group["lr"], group["eps"]
                # RAdam adds eps to the root before the bias correction, Adam after it.
                group["lr"], group["eps"] = lr * rectify, eps / (1 - beta2**t) ** 0.5
                super().step()
                group["lr"], group["eps"] = lr, eps
            else:
                self._momentum_step(group, t)

    def _momentum_step(self, group: dict[str, Any], t: int) -> None:
        """The first steps: the variance of the adaptive rate is not yet tractable, so momentum alone."""
        beta1, beta2 = group["betas"]
        for parameter in group["params"]:
            if parameter.grad is None:
                continue
            state = self.state[parameter]
            if not state:
                state["step"] = torch.zeros((), dtype=torch.float32)
                state["exp_avg"] = torch.zeros_like(parameter)
                state["exp_avg_sq"] = torch.zeros_like(parameter)
            state["step"] += 1
            state["exp_avg"].lerp_(parameter.grad, 1 - beta1)
            state["exp_avg_sq"].mul_(beta2).addcmul_(parameter.grad, parameter.grad, value=1 - beta2)
            parameter.add_(state["exp_avg"], alpha=-group["lr"] / (1 - beta1**t))
