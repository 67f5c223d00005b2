"""The state of several runs of one network: parameters side by side in one tensor, and RAdam over all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.func import stack_module_state

from strokebench.methods.optimiser import rectification

BETAS, EPS = (0.9, 0.999), 1e-8
"""Those of `OnePassRAdam`."""


class Stack:
    """R networks of one architecture: parameters, buffers, RAdam's moments, and each run's best state so far.

    All parameters of a run are one row, so that clipping and RAdam are a dozen elementwise operations however
    many layers there are. Buffers that are constants (they are not saved, or are a lone flag) are held once as
    long as all runs agree on them, which lets a network branch on them; the others are stacked.

    Args:
        modules: freshly built, of one class; they are copied.
        device: where the stack lives.

    Attributes:
        parameters: views of the rows, name -> (R, *shape), leaves of autograd.
        stacked, shared: buffers, name -> (R, *shape) or (*shape).

    Raises:
        ValueError: a frozen parameter, which the optimiser would not know of.
    """

    def __init__(self, modules: Sequence[nn.Module], device: torch.device) -> None:
        if not all(p.requires_grad for p in modules[0].parameters()):
            raise ValueError("a parameter of the network is frozen")
        parameters, buffers = stack_module_state(list(modules))
        saved = self._saved = set(modules[0].state_dict())
        self.shapes = {name: value.shape[1:] for name, value in parameters.items()}
        rows = [value.detach().flatten(1) for value in parameters.values()]
        self.flat = torch.cat(rows, 1).to(device) if rows else torch.zeros(len(modules), 0, device=device)
        self.momentum, self.square = torch.zeros_like(self.flat), torch.zeros_like(self.flat)
        self.steps = [0] * len(modules)
        constants = {name for name, value in buffers.items() if name not in saved or value.dtype is torch.bool}
        self._constants = {name for name in constants if _agree(buffers[name])}
        self.stacked = {name: b.detach().to(device) for name, b in buffers.items() if name not in self._constants}
        self.shared = {name: buffers[name][0].to(device) for name in self._constants}
        self._best: list[tuple[Tensor, dict[str, Tensor]] | None] = [None] * len(modules)
        self._view()

    def __len__(self) -> int:
        return len(self.flat)

    def _view(self) -> None:
        pieces = self.flat.split([shape.numel() for shape in self.shapes.values()], dim=1)
        self.parameters = {
            name: (piece.unflatten(1, shape) if shape else piece.squeeze(1)).detach().requires_grad_()
            for (name, shape), piece in zip(self.shapes.items(), pieces, strict=True)
        }

    @torch.no_grad()
    def step(
        self,
        gradients: Mapping[str, Tensor | None],
        rates: Sequence[float],
        clip_norms: Sequence[float],
        stepping: Sequence[bool],
    ) -> None:
        """Clip and update as `OnePassRAdam` does; the runs that are not `stepping` stay as they are.

        Args:
            gradients: name -> (R, *shape), zero for the runs that are not stepping; None where nothing depends
                on that parameter.
            rates, clip_norms: learning rate and largest gradient norm of each run.
        """
        rows = [
            torch.zeros_like(self.parameters[name]) if gradient is None else gradient
            for name, gradient in gradients.items()
        ]
        gradient = torch.cat([row.flatten(1) for row in rows], 1)
        self.steps = [step + moves for step, moves in zip(self.steps, stepping, strict=True)]
        scalars = [
            (clip, *_coefficients(step, rate)) if moves else (clip, 0.0, 0.0, 0.0, 0.0, 1.0)
            for clip, step, rate, moves in zip(clip_norms, self.steps, rates, stepping, strict=True)
        ]
        columns = torch.tensor(scalars, dtype=torch.float32).to(self.flat.device, non_blocking=True)
        clip, weight1, weight2, size, root, floor = columns.unsqueeze(2).unbind(1)
        gradient /= ((gradient.norm(dim=1, keepdim=True) + 1e-6) / clip).clamp_min(1)
        self.momentum.lerp_(gradient, weight1)
        self.square.lerp_(gradient.square_(), weight2)
        denominator = self.square.sqrt().mul_(root).add_(floor)
        self.flat.sub_(torch.div(self.momentum, denominator, out=denominator).mul_(size))

    def keep_best(self, runs: Sequence[int]) -> None:
        """Remember the present state of these runs as their best."""
        for run in runs:
            self._best[run] = self._snapshot(run)

    def _snapshot(self, run: int) -> tuple[Tensor, dict[str, Tensor]]:
        buffers = {name: value[run] for name, value in self.stacked.items()} | self.shared
        return self.flat[run].clone(), {n: value.clone() for n, value in buffers.items() if n in self._saved}

    def state(self, run: int, best: bool = False) -> dict[str, Tensor]:
        """A run's `state_dict` as a copy on the CPU: the present one, or the best if one was kept."""
        row, buffers = (self._best[run] if best else None) or self._snapshot(run)
        pieces = row.cpu().split([shape.numel() for shape in self.shapes.values()])
        parameters = {n: piece.view(shape) for (n, shape), piece in zip(self.shapes.items(), pieces, strict=True)}
        return parameters | {name: value.cpu() for name, value in buffers.items()}

    @torch.no_grad()
    def read(self, modules: Sequence[nn.Module]) -> None:
        """Take over parameters and buffers of the runs' modules, which a hook may have changed.

        Raises:
            ValueError: runs no longer agree on a constant.
        """
        for run, module in enumerate(modules):
            for name, value in module.named_parameters():
                self.parameters[name][run].copy_(value)
            for name, buffer in module.named_buffers():
                if name in self.stacked:
                    self.stacked[name][run].copy_(buffer)
        for name in self._constants:
            values = [module.get_buffer(name) for module in modules]
            if not _agree(values):
                raise ValueError(f"the runs do not agree on the buffer {name}")
            self.shared[name] = values[0].to(self.flat.device, copy=True)

    def keep(self, runs: Sequence[int]) -> None:
        """Only these runs stay, in this order: the others' memory is freed, and no time is spent on them."""
        rows = torch.tensor(runs, dtype=torch.long, device=self.flat.device)
        self.flat, self.momentum, self.square = self.flat[rows], self.momentum[rows], self.square[rows]
        self.stacked = {name: value[rows] for name, value in self.stacked.items()}
        self.steps = [self.steps[run] for run in runs]
        self._best = [self._best[run] for run in runs]
        self._view()


def _agree(values: Sequence[Tensor] | Tensor) -> bool:
    return all(torch.equal(value, values[0]) for value in values)


def _coefficients(step: int, rate: float) -> tuple[float, float, float, float, float]:
    """RAdam's step (from 1) as: weights of the gradient in the two moments, size, factor of the root, and floor.

    The update is size * momentum / (factor * root of the square + floor); without adaptive rate, which is not
    tractable in the first steps, the denominator is 1.
    """
    beta1, beta2 = BETAS
    size = rate / (1 - beta1**step)
    factor = rectification(step, beta2)
    if factor is None:
        return 1 - beta1, 1 - beta2, size, 0.0, 1.0
    correction = (1 - beta2**step) ** 0.5
    return 1 - beta1, 1 - beta2, size * factor, 1 / correction, EPS / correction
