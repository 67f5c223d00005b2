"""RAdam and gradient clipping in as few passes over the parameters as there can be."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors

SMALL = 2**14
"""Parameters of up to so many numbers are updated together: to copy a small gradient takes less time than to call an
operator for it."""

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
    of these networks on a CPU. Equal to PyTorch's own within float rounding; a test holds it.

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
        self._used: list[bool] = []
        self._generations: list[Generation] = []
        self._moments: dict[int, Moments] = {}

    @torch.no_grad()
    def step(self) -> None:
        """Update every parameter that has a gradient, and forget the gradients."""
        # PyTorch takes a microsecond to look at a gradient.
        given = [parameter.grad for parameter in self.parameters]
        used = [gradient is not None for gradient in given]
        if not any(used):
            return
        if used != self._used:
            self._used, self._generations = used, self._group(used)
        gradients = [[pack.gradient(given) for pack in generation.packs] for generation in self._generations]
        shrink = self._shrink([gradient for each in gradients for gradient in each])
        for generation, each in zip(self._generations, gradients, strict=True):
            generation.age.steps += 1
            factor = rectification(generation.age.steps, self.betas[1])
            if factor is None:
                self._momentum_step(generation, each, shrink)
            else:
                self._adam_step(generation, each, factor, shrink)
        for parameter, gradient in zip(self.parameters, given, strict=True):
            if gradient is not None:
                parameter.grad = None

    def _shrink(self, gradients: list[Tensor]) -> float:
        """By what the gradients are divided, 1 where they need no clipping."""
        if self.clip_norm is None:
            return 1.0
        norm = float(torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))))
        if not math.isfinite(norm):
            # Nothing to be saved: the parameters become NaN, as PyTorch's would.
            return 1.0
        # The small number is PyTorch's own.
        return max(1.0, (norm + 1e-6) / self.clip_norm)

    def _adam_step(self, generation: Generation, gradients: list[Tensor], factor: float, shrink: float) -> None:
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
        # What `torch.optim.Adam(fused=True)` calls, without sorting the parameters by device at every step.
        torch._fused_adam_(
            generation.values,
            gradients,
            generation.momenta,
            generation.squares,
            [],
            generation.endless,
            lr=self.lr * factor * unbiased * age.unit / root,
            beta1=beta1 * unit / age.unit,
            beta2=beta2 * square_unit / age.square_unit,
            weight_decay=0.0,
            # RAdam adds eps to the root before the bias correction, Adam after it.
            eps=self.eps / root,
            amsgrad=False,
            maximize=False,
        )

    def _momentum_step(self, generation: Generation, gradients: list[Tensor], shrink: float) -> None:
        """The first steps, before any that changes the units."""
        beta1, beta2 = self.betas
        size = self.lr / (1 - beta1**generation.age.steps)
        for (_, values, momentum, square), gradient in zip(generation.packs, gradients, strict=True):
            gradient /= shrink
            momentum.lerp_(gradient, 1 - beta1)
            square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
            values.add_(momentum, alpha=-size)

    def _group(self, used: list[bool]) -> list[Generation]:
        """The parameters in use by the steps that they took, with the moments that they have by now."""
        born = Age()
        members: dict[int, list[int]] = {}
        for number in itertools.compress(range(len(used)), used):
            if number not in self._moments:
                zeros = torch.zeros_like(self.parameters[number])
                self._moments[number] = Moments(zeros, zeros.clone(), born)
            members.setdefault(id(self._moments[number].age), []).append(number)
        generations = []
        for together in members.values():
            # A copy: others of this age may be left out of the coming steps.
            age = replace(self._moments[together[0]].age)
            generations.append(Generation(age, list(self._pack(together, age))))
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

    def gradient(self, given: Sequence[Tensor | None]) -> Tensor:
        """Of the shape of `values`, from the gradients of all parameters."""
        gradients = [gradient for member in self.members if (gradient := given[member]) is not None]
        return gradients[0] if len(gradients) == 1 else _flatten_dense_tensors(gradients)


class Generation:
    """Parameters of one age, as the fused step wants them."""

    def __init__(self, age: Age, packs: list[Pack]) -> None:
        self.age, self.packs = age, packs
        self.values = [pack.values for pack in packs]
        self.momenta = [pack.momentum for pack in packs]
        self.squares = [pack.square for pack in packs]
        # After so many steps Adam corrects no bias: the learning rate does.
        self.endless = [torch.tensor(math.inf)] * len(packs)

    def near(self, unit: float) -> None:
        """Convert the moments to this unit if theirs is far from it: the betas would lose digits."""
        age = self.age
        if all(1 / FAR < own / unit < FAR for own in (age.unit, age.square_unit**0.5)):
            return
        torch._foreach_mul_(self.momenta, age.unit / unit)
        torch._foreach_mul_(self.squares, age.square_unit / unit**2)
        age.unit, age.square_unit = unit, unit**2
