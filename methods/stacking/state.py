"""The state of several runs of one network, side by side."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.func import stack_module_state

from strokebench.methods.training.optimiser import clipping, step_size, update


class State:
    """Weights, buffers and RAdam's moments of R networks of one architecture.

    Buffers that are constants (they are not saved, or are a lone flag) are held once, for a network may branch on
    them; all runs must agree on these.

    Args:
        modules: freshly built, of one class; they are copied.
        device: where the state lives.

    Attributes:
        weights, momenta, squares: of what is trained, by name, (R, *shape).
        buffers: all else that is each run's own, by name, (R, *shape).
        shared: the constants, by name.

    Raises:
        ValueError: the runs do not agree on a constant.
    """

    def __init__(self, modules: Sequence[nn.Module], device: torch.device) -> None:
        self.device, first = device, modules[0]
        weights, buffers = stack_module_state(list(modules))
        self._saved = set(first.state_dict())
        self._constants = [n for n, b in first.named_buffers() if n not in self._saved or _is_flag(b)]
        frozen = {name: value for name, value in weights.items() if not value.requires_grad}
        own = {name: value for name, value in (frozen | buffers).items() if name not in self._constants}
        self.weights = {n: v.detach().to(device) for n, v in weights.items() if n not in frozen}
        self.buffers = {name: value.to(device) for name, value in own.items()}
        self.momenta, self.squares = (
            {name: torch.zeros_like(value) for name, value in self.weights.items()} for _ in range(2)
        )
        self.steps = [0] * len(modules)
        self._share(modules)

    def _share(self, modules: Sequence[nn.Module]) -> None:
        self.shared = {}
        for name in self._constants:
            first, *others = (module.get_buffer(name) for module in modules)
            if not all(torch.equal(first, other) for other in others):
                raise ValueError(f"the runs do not agree on the buffer {name}")
            # To branch on a flag on the CPU waits for no device.
            self.shared[name] = first.to("cpu" if _is_flag(first) else self.device, copy=True)

    def count(self, run: int, rate: float) -> tuple[float, bool]:
        """Count a step of a run as taken: see `step_size`."""
        self.steps[run] += 1
        return step_size(self.steps[run], rate)

    @torch.no_grad()
    def step(self, run: int, gradients: Mapping[str, Tensor], size: Tensor, adaptive: bool, clip_norm: float) -> None:
        """One step of a run's weights, as `RAdam` takes it.

        Args:
            gradients: of the run's weights by name, (*shape).
            size, adaptive: of `count`; the size a tensor without dimensions on the device.
        """
        own = [[each[name][run] for name in gradients] for each in (self.weights, self.momenta, self.squares)]
        values, momenta, squares = own
        scale = clipping(list(gradients.values()), clip_norm)
        update(values, list(gradients.values()), momenta, squares, size, adaptive, scale)

    def of(self, run: int) -> dict[str, Tensor]:
        """A copy of a run's `state_dict`, each (*shape), on the device."""
        own = {name: value[run] for name, value in (self.weights | self.buffers).items()} | self.shared
        return {name: own[name].clone() for name in own if name in self._saved}

    @torch.no_grad()
    def read(self, modules: Sequence[nn.Module]) -> None:
        """Take over the state of the runs' modules, which a hook may have changed; for errors see the class."""
        for run, module in enumerate(modules):
            now = dict(module.named_parameters()) | dict(module.named_buffers())
            for name, value in (self.weights | self.buffers).items():
                value[run].copy_(now[name])
        self._share(modules)

    def keep(self, runs: Sequence[int]) -> None:
        """Only these runs stay, in this order: the others' memory is freed, and no time is spent on them."""
        rows = torch.tensor(runs, device=self.device)
        for each in (self.weights, self.buffers, self.momenta, self.squares):
            each.update({name: value[rows] for name, value in each.items()})
        self.steps = [self.steps[run] for run in runs]


def _is_flag(buffer: Tensor) -> bool:
    return buffer.dtype is torch.bool and not buffer.dim()
