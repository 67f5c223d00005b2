"""The state of several runs of one network: parameters side by side in one tensor, and RAdam over all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn

from strokebench.methods.training.optimiser import step_size, update

SCALARS = 2
"""Numbers a run that its step depends on."""

ALIGNED = 64
"""Parameters of a run are filled up to a multiple of so many, for a GPU to read several at once."""


class Stack:
    """R networks of one architecture: parameters, buffers, RAdam's moments, and each run's best state so far.

    All parameters of a run are one row, so that clipping and RAdam are one pass over it however many layers there
    are. Buffers that are constants (they are not saved, or are a lone flag) are held once as long as all runs agree
    on them, which lets a network branch on them; the others are stacked.

    Args:
        modules: freshly built, of one class; they are copied.
        device: where the stack lives.

    Attributes:
        parameters: views of the rows, name -> (R, *shape), leaves of autograd.
        adaptive: of each run, whether the step that was counted last has an adaptive rate; the first have none.
        stacked, shared: buffers, name -> (R, *shape) or (*shape).

    Raises:
        ValueError: a frozen parameter, which the optimiser would not know of.
    """

    def __init__(self, modules: Sequence[nn.Module], device: torch.device) -> None:
        first = modules[0]
        if not all(p.requires_grad for p in first.parameters()):
            raise ValueError("a parameter of the network is frozen")
        self._saved = set(first.state_dict())
        self.shapes = {name: value.shape for name, value in first.named_parameters()}
        self._sizes = [shape.numel() for shape in self.shapes.values()]
        used = sum(self._sizes)
        rows = torch.zeros(len(modules), -(-used // ALIGNED) * ALIGNED)
        for row, module in zip(rows, modules, strict=True):
            if used:
                torch.cat([value.detach().flatten() for value in module.parameters()], out=row[:used])
        self.flat = rows.to(device)
        self.momentum, self.square = torch.zeros_like(self.flat), torch.zeros_like(self.flat)
        self.steps = [0] * len(modules)
        self.adaptive: tuple[bool, ...] = (False,) * len(modules)
        buffers = {name: [module.get_buffer(name) for module in modules] for name, _ in first.named_buffers()}
        constants = {n for n, values in buffers.items() if n not in self._saved or values[0].dtype is torch.bool}
        self._constants = {name for name in constants if _agree(buffers[name])}
        self.stacked = {n: torch.stack(values).to(device) for n, values in buffers.items() if n not in self._constants}
        self.shared = {name: self._shared(buffers[name][0]) for name in self._constants}
        self._best: list[tuple[Tensor, dict[str, Tensor]] | None] = [None] * len(modules)
        self._view()

    def __len__(self) -> int:
        return len(self.flat)

    def _view(self) -> None:
        self.parameters = {
            name: (piece.unflatten(1, shape) if shape else piece.squeeze(1)).detach().requires_grad_()
            for (name, shape), piece in zip(self.shapes.items(), self._pieces(self.flat), strict=True)
        }

    def _pieces(self, rows: Tensor) -> Sequence[Tensor]:
        """The parameters' numbers in (..., P)."""
        return rows[..., : sum(self._sizes)].split(self._sizes, dim=-1)

    def scalars(self, rates: Sequence[float], clip_norms: Sequence[float], stepping: Collection[int]) -> Tensor:
        """What the next step depends on besides gradients, (R, SCALARS), on the CPU; counts the step as taken.

        Args:
            rates, clip_norms: learning rate and largest gradient norm of each run.
            stepping: the runs that take it.
        """
        self.steps = [step + (run in stepping) for run, step in enumerate(self.steps)]
        sizes, self.adaptive = zip(*map(_size, self.steps, rates), strict=True)
        return torch.tensor([clip_norms, sizes], dtype=torch.float32).T

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor | None], scalars: Tensor, stepping: Iterable[int]) -> None:
        """Clip and update as `RAdam` does, one run after the other, which spares many passes over all.

        Args:
            gradients: of the parameters in their order, (R, *shape); None where nothing depends on a parameter.
            scalars: those of this step, on the stack's device.
            stepping: the others stay as they are.
        """
        rows = [
            torch.zeros_like(parameter) if gradient is None else gradient
            for parameter, gradient in zip(self.parameters.values(), gradients, strict=True)
        ]
        rest = self.flat.new_zeros(len(self), self.flat.shape[1] - sum(self._sizes))
        gradient = torch.cat([*(row.flatten(1) for row in rows), rest], 1)
        clip, size = scalars.unbind(1)
        shrink = ((gradient.norm(dim=1) + 1e-6) / clip).clamp_min(1)
        for run in stepping:
            own = [[each[run]] for each in (self.flat, gradient, self.momentum, self.square)]
            update(*own, size[run], self.adaptive[run], shrink[run])

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
        pieces = self._pieces(row.cpu())
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
            self.shared[name] = self._shared(values[0])

    def _shared(self, constant: Tensor) -> Tensor:
        """A copy on the stack's device; of a lone flag on the CPU, so that to branch on it waits for no device."""
        lone_flag = constant.dtype is torch.bool and not constant.dim()
        return constant.to("cpu" if lone_flag else self.flat.device, copy=True)

    def keep(self, runs: Sequence[int]) -> None:
        """Only these runs stay, in this order: the others' memory is freed, and no time is spent on them."""
        rows = torch.tensor(runs, dtype=torch.long, device=self.flat.device)
        self.flat, self.momentum, self.square = self.flat[rows], self.momentum[rows], self.square[rows]
        self.stacked = {name: value[rows] for name, value in self.stacked.items()}
        self.steps = [self.steps[run] for run in runs]
        self.adaptive = tuple(self.adaptive[run] for run in runs)
        self._best = [self._best[run] for run in runs]
        self._view()


def _agree(values: Sequence[Tensor] | Tensor) -> bool:
    return all(torch.equal(value, values[0]) for value in values)


@lru_cache
def _size(step: int, rate: float) -> tuple[float, bool]:
    return step_size(step, rate) if step else (0.0, False)
