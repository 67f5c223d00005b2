"""RAdam and gradient clipping in as few passes over the parameters as there can be."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors

from strokebench.methods.linear import SMALL, Factors, Outer, collecting

Gradient = Tensor | Outer

FAR = 16
"""Units of moments that differ by this factor are converted into each other."""


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
    steps that scalar goes into the learning rate, the clipping into the units of the moments, and one pass
    replaces RAdam's and the clipping's many passes over memory, which are more than half of a training step
    of these networks on a CPU. Parameters of up to `SMALL` numbers are updated together: to copy a small gradient
    takes less time than to call an operator for it. Equal to PyTorch's own within float rounding; a test holds it.

    Within `collecting()`, large weights of `strokebench.methods.linear` have their gradients as two factors, and no
    gradient of theirs is ever in memory.

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
        self._kinds: list[type | None] = []
        self._generations: list[Generation] = []
        self._moments: dict[int, Moments] = {}

    def collecting(self) -> AbstractContextManager[None]:
        """Within it, gradients of weights that fit come as factors, and not in `grad`."""
        return collecting(self.parameters)

    @torch.no_grad()
    def step(self) -> None:
        """Update every parameter that has a gradient, and forget the gradients."""
        given = [_gradient(parameter) for parameter in self.parameters]
        kinds = [None if gradient is None else type(gradient) for gradient in given]
        if not any(kinds):
            return
        if kinds != self._kinds:
            self._kinds, self._generations = kinds, self._group(kinds)
        gradients = [[pack.gradient(given) for pack in generation.packs] for generation in self._generations]
        shrink = self._shrink([gradient for each in gradients for gradient in each])
        for generation, each in zip(self._generations, gradients, strict=True):
            generation.age.steps += 1
            factor = rectification(generation.age.steps, self.betas[1])
            if factor is None:
                self._momentum_step(generation, each, shrink)
            else:
                self._adam_step(generation, each, factor, shrink)

    def _shrink(self, gradients: list[Gradient]) -> float:
        """By what the gradients are divided, 1 where they need no clipping."""
        if self.clip_norm is None:
            return 1.0
        square = sum(gradient.square_norm() for gradient in gradients if isinstance(gradient, Outer))
        whole = [gradient for gradient in gradients if isinstance(gradient, Tensor)]
        if whole:
            square += float(torch.stack(torch._foreach_norm(whole)).double().square().sum())
        if not math.isfinite(square):
            # Nothing to be saved: the parameters become NaN, as PyTorch's would.
            return 1.0
        # The small number is PyTorch's own. Rounding may leave a sum of cancelling terms below 0.
        return max(1.0, (math.sqrt(max(0.0, square)) + 1e-6) / self.clip_norm)

    def _adam_step(self, generation: Generation, gradients: list[Gradient], factor: float, shrink: float) -> None:
        """One pass over memory, the gradients as they are: to divide them is a sixth of the pass.

        With moments in units u, `u m` becomes `beta u m + (1 - beta) g / shrink`, which is a new unit times the
        mean of m and g with another beta.
        """
        generation.near(1 / shrink)
        age, (beta1, beta2) = generation.age, self.betas
        unit, square_unit = age.unit, age.square_unit
        age.unit = beta1 * unit + (1 - beta1) / shrink
        age.square_unit = beta2 * square_unit + (1 - beta2) / shrink**2
        root = age.square_unit**0.5
        unbiased = (1 - beta2**age.steps) ** 0.5 / (1 - beta1**age.steps)
        size = self.lr * factor * unbiased * age.unit / root
        beta1, beta2 = beta1 * unit / age.unit, beta2 * square_unit / age.square_unit
        # RAdam adds eps to the root before the bias correction, Adam after it.
        eps = self.eps / root
        whole = [gradient for gradient in gradients if isinstance(gradient, Tensor)]
        if whole:
            # What `torch.optim.Adam(fused=True)` calls, without sorting the parameters by device at every step.
            torch._fused_adam_(
                generation.values,
                whole,
                generation.momenta,
                generation.squares,
                [],
                generation.endless,
                lr=size,
                beta1=beta1,
                beta2=beta2,
                weight_decay=0.0,
                eps=eps,
                amsgrad=False,
                maximize=False,
            )
        outer = [gradient for gradient in gradients if isinstance(gradient, Outer)]
        if outer:
            from strokebench.methods.kernels.products import update

            numbers = [np.float32(number) for number in (1 - beta1, 1 - beta2, size, eps)]
            # The first layers last: the next forward pass finds their weights in the cache.
            for arrays, (left, right) in zip(reversed(generation.arrays), reversed(outer), strict=True):
                update(*arrays, left, right, *numbers)

    def _momentum_step(self, generation: Generation, gradients: list[Gradient], shrink: float) -> None:
        """The first steps, before any that changes the units."""
        beta1, beta2 = self.betas
        size = self.lr / (1 - beta1**generation.age.steps)
        for (_, values, momentum, square), gradient in zip(generation.packs, gradients, strict=True):
            gradient = (gradient if isinstance(gradient, Tensor) else gradient.full()) / shrink
            momentum.lerp_(gradient, 1 - beta1)
            square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
            values.add_(momentum, alpha=-size)

    def _group(self, kinds: list[type | None]) -> list[Generation]:
        """The parameters in use by the steps that they took, with the moments that they have by now."""
        born = Age()
        members: dict[int, list[int]] = {}
        for number in itertools.compress(range(len(kinds)), kinds):
            if number not in self._moments:
                zeros = torch.zeros_like(self.parameters[number])
                self._moments[number] = Moments(zeros, zeros.clone(), born)
            members.setdefault(id(self._moments[number].age), []).append(number)
        generations = []
        for together in members.values():
            # A copy: others of this age may be left out of the coming steps.
            age = replace(self._moments[together[0]].age)
            generations.append(Generation(age, list(self._pack(together, age)), kinds))
        return generations

    def _pack(self, numbers: list[int], age: Age) -> Iterator[Pack]:
        """The large parameters alone, the small ones together."""
        small = [number for number in numbers if self.parameters[number].numel() <= SMALL]
        for members in [*([small] if small else []), *([number] for number in numbers if number not in small)]:
            before = [self._moments[member] for member in members]
            if len(members) == 1:
                self._moments[members[0]] = before[0]._replace(age=age)
                yield Pack(members, self.parameters[members[0]], before[0].momentum, before[0].square)
            else:
                parameters = [self.parameters[member] for member in members]
                values = _flatten_dense_tensors(parameters)
                momentum = _flatten_dense_tensors([each.momentum for each in before])
                square = _flatten_dense_tensors([each.square for each in before])
                flat = (values, momentum, square)
                for member, own, mean, mean_square in zip(
                    members, *(_unflatten_dense_tensors(each, parameters) for each in flat), strict=True
                ):
                    self.parameters[member].data = own
                    self._moments[member] = Moments(mean, mean_square, age)
                yield Pack(members, values, momentum, square)


@dataclass
class Age:
    """The steps that parameters took together, and what a 1 in their stored moments stands for."""

    steps: int = 0
    unit: float = 1.0
    square_unit: float = 1.0


class Moments(NamedTuple):
    """The running means of a parameter's gradient and of its square, in units that its age tells."""

    momentum: Tensor
    square: Tensor
    age: Age


class Pack(NamedTuple):
    """Parameters that are updated as one.

    members: their numbers.
    values: a large parameter itself; of small ones all numbers in a row, of which the parameters are views.
    momentum, square: their moments, of the same shape.
    """

    members: list[int]
    values: Tensor
    momentum: Tensor
    square: Tensor

    def gradient(self, given: Sequence[Gradient | None]) -> Gradient:
        """Of the shape of `values`, from the gradients of all parameters."""
        gradients = [gradient for member in self.members if (gradient := given[member]) is not None]
        return gradients[0] if len(gradients) == 1 else _flatten_dense_tensors(gradients)


class Generation:
    """Parameters of one age, as the fused step wants them, those apart whose gradients are factors."""

    def __init__(self, age: Age, packs: list[Pack], kinds: list[type | None]) -> None:
        self.age, self.packs = age, packs
        whole = [pack for pack in packs if kinds[pack.members[0]] is not Outer]
        self.values = [pack.values for pack in whole]
        self.momenta = [pack.momentum for pack in whole]
        self.squares = [pack.square for pack in whole]
        # After so many steps Adam corrects no bias: the learning rate does.
        self.endless = [torch.tensor(math.inf)] * len(whole)
        self.arrays = [
            tuple(each.detach().numpy() for each in (pack.values, pack.momentum, pack.square))
            for pack in packs
            if kinds[pack.members[0]] is Outer
        ]

    def near(self, unit: float) -> None:
        """Convert the moments to this unit if theirs is far from it: the betas would lose digits."""
        age = self.age
        if all(1 / FAR < own / unit < FAR for own in (age.unit, age.square_unit**0.5)):
            return
        torch._foreach_mul_([pack.momentum for pack in self.packs], age.unit / unit)
        torch._foreach_mul_([pack.square for pack in self.packs], age.square_unit / unit**2)
        age.unit, age.square_unit = unit, unit**2


def _gradient(parameter: Tensor) -> Gradient | None:
    """Take a parameter's gradient from it."""
    gradient, parameter.grad = parameter.grad, None
    factors: Factors | None = getattr(parameter, "factors", None)
    outer = factors.take() if factors else None
    if outer is None or gradient is None:
        return gradient if outer is None else outer
    return gradient + outer.full()
