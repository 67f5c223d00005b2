"""RAdam and gradient clipping in as few passes over the parameters as there can be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


def rectification(step: int, beta2: float) -> float | None:
    """RAdam's factor on the learning rate at a step (from 1); None while the adaptive rate is not yet tractable."""
    limit = 2 / (1 - beta2) - 1
    length = limit - 2 * step * beta2**step / (1 - beta2**step)
    if length <= 5:
        return None
    return (((length - 4) * (length - 2) * limit) / ((limit - 4) * (limit - 2) * length)) ** 0.5


class OnePassRAdam(torch.optim.Optimizer):
    """`torch.optim.RAdam` after `clip_grad_norm_`, with the step done by PyTorch's fused Adam.

    RAdam (Liu et al. 2020) differs from Adam by a scalar that depends on the step alone. Past the first
    steps that scalar goes into the learning rate, the clipping into the fused step's gradient scale, and one
    pass replaces RAdam's and the clipping's many passes over memory, which are more than half of a training
    step of these networks on a CPU. Equal to PyTorch's own within float rounding; a test holds it.

    Args:
        parameters: float32 parameters.
        lr: learning rate; may be changed between steps through `param_groups`.
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
        super().__init__(parameters, {"lr": lr, "betas": betas, "eps": eps})
        self.clip_norm = clip_norm
        self._step_number = 0

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient, and forget the gradients."""
        self._step_number += 1
        used = [[p for p in group["params"] if p.grad is not None] for group in self.param_groups]
        gradients = [[p.grad for p in parameters] for parameters in used]
        shrink = self._shrink([gradient for group in gradients for gradient in group])
        for group, parameters, own in zip(self.param_groups, used, gradients, strict=True):
            if not parameters:
                continue
            factor = rectification(self._step_number, group["betas"][1])
            if factor is None:
                self._momentum_step(group, parameters, shrink)
            else:
                self._adam_step(group, parameters, own, factor, shrink)
            for parameter in parameters:
                parameter.grad = None

    def _shrink(self, gradients: list[Tensor]) -> float:
        """By what the gradients are divided, 1 where they need no clipping."""
        if self.clip_norm is None or not gradients:
            return 1.0
        norm = float(torch.stack(torch._foreach_norm(gradients)).norm())
        # The small number is PyTorch's own.
        return max(1.0, (norm + 1e-6) / self.clip_norm)

    def _adam_step(
        self,
        group: dict[str, Any],
        parameters: list[Tensor],
        gradients: list[Tensor],
        factor: float,
        shrink: float,
    ) -> None:
        beta1, beta2 = group["betas"]
        momenta, squares, steps = zip(*map(self._state, parameters), strict=True)
        torch._foreach_add_(steps, 1)
        # What `torch.optim.Adam(fused=True)` calls, without sorting the parameters by device at every step.
        torch._fused_adam_(
            parameters,
            gradients,
            momenta,
            squares,
            [],
            steps,
            lr=group["lr"] * factor,
            beta1=beta1,
            beta2=beta2,
            weight_decay=0.0,
            # RAdam adds eps to the root before the bias correction, Adam after it.
            eps=group["eps"] / (1 - beta2**self._step_number) ** 0.5,
            amsgrad=False,
            maximize=False,
            grad_scale=None if shrink == 1 else torch.tensor(shrink),
        )

    def _momentum_step(self, group: dict[str, Any], parameters: list[nn.Parameter], shrink: float) -> None:
        beta1, beta2 = group["betas"]
        for parameter in parameters:
            assert parameter.grad is not None
            gradient = parameter.grad / shrink
            momentum, square, step = self._state(parameter)
            step += 1
            momentum.lerp_(gradient, 1 - beta1)
            square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
            parameter.add_(momentum, alpha=-group["lr"] / (1 - beta1**self._step_number))

    def _state(self, parameter: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Running means of a parameter's gradient and of its square, and the steps that it took."""
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros(())
            state["exp_avg"] = torch.zeros_like(parameter)
            state["exp_avg_sq"] = torch.zeros_like(parameter)
        return state["exp_avg"], state["exp_avg_sq"], state["step"]
