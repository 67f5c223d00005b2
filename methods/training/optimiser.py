"""RAdam and gradient clipping in as few passes over the parameters as there can be."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

BETAS, EPS = (0.9, 0.999), 1e-8
"""PyTorch's defaults, and the paper names no others."""


class RAdam:
    """`torch.optim.RAdam` after `clip_grad_norm_`, with the step done by PyTorch's fused Adam.

    RAdam (Liu et al. 2020) differs from Adam by a factor that depends on the step alone: it goes into the learning
    rate, clipping into the scale of the gradients, and one pass over memory does the rest. PyTorch's own RAdam takes
    twice as long as a whole training step of these networks otherwise does. No `torch.optim.Optimizer`, because the
    first of those in a process imports PyTorch's compiler for a second.

    Args:
        parameters: float32; those without a gradient stay as they are.
        lr: learning rate; may be changed between steps.
        clip_norm: largest norm of all gradients together.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float = 1e-4, clip_norm: float = math.inf) -> None:
        self.parameters = list(parameters)
        self.lr, self.clip_norm = lr, clip_norm
        self.momenta = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.squares = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.steps = [0] * len(self.parameters)

    @torch.no_grad()
    def step(self) -> None:
        """Update every parameter that has a gradient, and forget the gradients, which are scaled on the way."""
        gradients = {n: p.grad for n, p in enumerate(self.parameters) if p.grad is not None}
        if not gradients:
            return
        scale = clipping(list(gradients.values()), self.clip_norm)
        ages: dict[int, list[int]] = {}
        for number in gradients:
            self.steps[number] += 1
            ages.setdefault(self.steps[number], []).append(number)
        for age, numbers in ages.items():
            update(
                [self.parameters[n] for n in numbers],
                [gradients[n] for n in numbers],
                [self.momenta[n] for n in numbers],
                [self.squares[n] for n in numbers],
                *step_size(age, self.lr),
                scale,
            )
        for number in gradients:
            self.parameters[number].grad = None


def step_size(step: int, lr: float) -> tuple[float, bool]:
    """The learning rate of RAdam's step (from 1) with all corrections, and whether the step divides by the root of
    the mean square: while that varies too much, in the first steps, it does not."""
    beta1, beta2 = BETAS
    size, power = lr / (1 - beta1**step), beta2**step
    limit = 2 / (1 - beta2) - 1
    length = limit - 2 * step * power / (1 - power)
    if length <= 5:
        return size, False
    rectification = ((length - 4) * (length - 2) * limit) / ((limit - 4) * (limit - 2) * length)
    return size * (rectification * (1 - power)) ** 0.5, True


def clipping(gradients: list[Tensor], clip_norm: float | Tensor) -> Tensor:
    """What gradients, each (rows, columns) or (rows,), are divided by: one number, 1 where they need no clipping."""
    # The small number is that of PyTorch's own clipping.
    return ((torch.stack(torch._foreach_norm(gradients)).norm() + 1e-6) / clip_norm).clamp_min(1)


def update(
    values: list[Tensor],
    gradients: list[Tensor],
    momenta: list[Tensor],
    squares: list[Tensor],
    size: float | Tensor,
    adaptive: bool,
    scale: Tensor,
) -> None:
    """One step in place, of parameters that took equally many before.

    Args:
        values, gradients, momenta, squares: of each parameter, of its shape (rows, columns) or (rows,), in the same
            memory layout; gradients are scaled.
        size, adaptive: see `step_size`.
        scale: what the gradients are divided by, ().
    """
    beta1, beta2 = BETAS
    if adaptive:
        # After infinitely many steps Adam corrects no bias: the step's size does.
        endless = [torch.full((), math.inf, device=scale.device)] * len(values)
        torch._fused_adam_(
            values, gradients, momenta, squares, [], endless, lr=size, beta1=beta1, beta2=beta2, weight_decay=0.0,
            eps=EPS, amsgrad=False, maximize=False, grad_scale=scale,
        )  # fmt: skip
        return
    torch._foreach_div_(gradients, scale)
    torch._foreach_lerp_(momenta, gradients, 1 - beta1)
    torch._foreach_mul_(squares, beta2)
    torch._foreach_addcmul_(squares, gradients, gradients, value=1 - beta2)
    torch._foreach_sub_(values, [momentum * size for momentum in momenta])
