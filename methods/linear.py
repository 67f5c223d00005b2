"""Linear maps of a few rows while they are trained: compiled products, and no gradient of the weight in memory.

Alone, `Linear` is `torch.nn.Linear`. While the optimiser holds its weight, the backward pass leaves the two factors
of the weight's gradient, which the optimiser uses as they are (`strokebench.methods.kernels.products`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

SMALL = 2**14
"""Weights of up to so many numbers: a call of an operator costs as much as its arithmetic."""

MOST_ROWS = 80
"""More rows than this (a batch of 32 in two tokens, and some) are left to PyTorch: the norm of a gradient is found
from the scalar products of all pairs of rows."""

Array = NDArray[np.float32]


class Outer(NamedTuple):
    """The gradient left.T @ right of a weight (n, k).

    left (rows, n), the gradient of what came out; right (rows, k), what went in; rows in fours, of zeros if need be.
    """

    left: Array
    right: Array

    def full(self) -> Tensor:
        """The gradient itself, (n, k)."""
        return torch.from_numpy(self.left).T @ torch.from_numpy(self.right)

    def square_norm(self) -> float:
        from strokebench.methods.kernels.products import square_norm

        return square_norm(self.left, self.right)


class Factors:
    """Of one weight: its gradients since the last step, and what the compiled products need of it.

    Args:
        weight: (n, k), one that `fits`.
    """

    def __init__(self, weight: Tensor) -> None:
        # Imported here: it takes a quarter of a second, and a suite of tables and figures alone needs none of it.
        from strokebench.methods.kernels import products

        self.products = products
        self.weight: Array = weight.detach().numpy()
        self.gradients: list[Outer] = []

    def take(self) -> Outer | None:
        """The sum of the gradients, which are forgotten."""
        gradients, self.gradients = self.gradients, []
        if len(gradients) < 2:
            return gradients[0] if gradients else None
        return Outer(*(np.concatenate(each) for each in zip(*gradients, strict=True)))


class Linear(nn.Linear):
    """`torch.nn.Linear` with a bias, by `linear`."""

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)


def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """`torch.nn.functional.linear`, by compiled products while `weight` collects factors and `x` has few rows.

    Every backward pass through these counts as part of the weight's gradient: a method that takes derivatives by
    `torch.autograd.grad`, or second ones, uses `torch.nn.functional.linear` there.
    """
    factors: Factors | None = getattr(weight, "factors", None)
    if factors is None or x.numel() > MOST_ROWS * x.shape[-1] or not torch.is_grad_enabled():
        return functional.linear(x, weight, bias)
    return _FewRows.apply(x, weight, bias, factors)


def fits(weight: Tensor) -> bool:
    """Whether the compiled products take a weight: a large matrix (n, k) with n in 16s and k in 64s."""
    if weight.dim() != 2 or weight.numel() <= SMALL or weight.shape[0] % 16 or weight.shape[1] % 64:
        return False
    return weight.dtype == torch.float32 and weight.device.type == "cpu" and weight.is_contiguous()


@contextmanager
def collecting(weights: Iterable[Tensor]) -> Iterator[None]:
    """Within it, backward passes leave the gradients of weights that fit in their `factors`, and not in `grad`."""
    held = [weight for weight in weights if weight.requires_grad and fits(weight)]
    for weight in held:
        weight.factors = Factors(weight)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for weight in held:
            del weight.factors  # type: ignore[attr-defined]


class _FewRows(torch.autograd.Function):
    """A linear map whose weight collects factors; its cost beside the arithmetic counts, so it does little else."""

    @staticmethod
    def forward(ctx, x, weight, bias, factors):
        rows = _rows(x)
        out = torch.empty(rows.shape[0], weight.shape[0])
        factors.products.forward(out.numpy(), rows, factors.weight, bias.detach().numpy())
        ctx.rows, ctx.factors, ctx.shape = rows, factors, x.shape
        return _shaped(out, x.shape)

    @staticmethod
    def backward(ctx, gradient):
        if torch.is_grad_enabled():
            raise RuntimeError("strokebench.methods.linear has no second derivative; torch.nn.Linear has one.")
        factors, left = ctx.factors, _rows(gradient)
        factors.gradients.append(Outer(left, ctx.rows))
        before = None
        if ctx.needs_input_grad[0]:
            out = torch.empty(ctx.rows.shape)
            factors.products.backward(out.numpy(), left, factors.weight)
            before = _shaped(out, ctx.shape)
        return before, None, torch.from_numpy(left).sum(0), None


def _rows(x: Tensor) -> Array:
    """(..., k) as (rows, k), with rows of zeros to a multiple of four."""
    x = x.detach()
    if x.dim() != 2:
        x = x.reshape(-1, x.shape[-1])
    missing = -x.shape[0] % 4
    return (functional.pad(x, (0, 0, 0, missing)) if missing else x.contiguous()).numpy()


def _shaped(out: Tensor, shape: torch.Size) -> Tensor:
    """(rows, n) as (..., n) of the other dimensions of `shape`, without rows that were added."""
    if len(shape) == 2:
        return out if shape[0] == out.shape[0] else out[: shape[0]]
    return out[: shape[:-1].numel()].view(*shape[:-1], out.shape[1])
