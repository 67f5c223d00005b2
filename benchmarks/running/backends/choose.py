"""Where fits are computed: the one door through which experiments, tuning and the canary go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from strokebench.benchmarks.running.backends.processes import compute_all
from strokebench.benchmarks.running.run import Material
from strokebench.benchmarks.running.settings import Settings
from strokebench.benchmarks.running.store import Store
from strokebench.benchmarks.running.task import Ended, Task
from strokebench.errors import StrokebenchError

LEAST_FREE = 2**30
"""Bytes of free device memory below which `auto` leaves a GPU alone."""

DEVICE_FILES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
"""What the drivers of NVIDIA and AMD bring, and that of Linux within Windows."""


class Backend(Protocol):
    """Where fits are computed.

    Attributes:
        at_once: how many fits it computes at the same time; None: all that it is given.
    """

    @property
    def at_once(self) -> int | None: ...

    def compute(self, tasks: Sequence[Task], material: Material, store: Store) -> Iterator[tuple[Task, Ended]]:
        """Compute tasks and commit their runs to the store; give each as it ends, in any order."""


@dataclass(frozen=True)
class Processes:
    """Worker processes of this machine.

    Args:
        at_once: how many.
    """

    at_once: int

    def compute(self, tasks: Sequence[Task], material: Material, store: Store) -> Iterator[tuple[Task, Ended]]:
        """See `compute_all`."""
        return compute_all(tasks, material, store, self.at_once)


@dataclass(frozen=True)
class Stack:
    """Fits of one network together on a device of PyTorch, all others in `jobs` worker processes."""

    jobs: int
    device: str = "cuda"
    at_once: None = None

    def compute(self, tasks: Sequence[Task], material: Material, store: Store) -> Iterator[tuple[Task, Ended]]:
        """See `compute_stacked`."""
        from strokebench.benchmarks.running.backends.stack import compute_stacked

        return compute_stacked(tasks, material, store, self.device, self.jobs)


def _stack(settings: Settings) -> Backend:
    import torch

    if not torch.cuda.is_available():
        raise StrokebenchError("PyTorch sees no GPU.", "Choose --device auto or cpu.")
    return Stack(settings.jobs)


def _dask(settings: Settings) -> Backend:
    from strokebench.benchmarks.running.backends.dask import Cluster

    return Cluster(settings.jobs, settings.scheduler)


BACKENDS: Mapping[str, Callable[[Settings], Backend]] = {
    "processes": lambda settings: Processes(settings.jobs),
    "stack": _stack,
    "dask": _dask,
}


def choose(settings: Settings) -> Backend:
    """The backend that the settings ask for.

    Left to itself (`auto`) it is a cluster where a scheduler is named, the stack where `device` allows a GPU and one
    has a gigabyte free, and worker processes otherwise. What is asked for by name is never replaced by another.

    Raises:
        StrokebenchError: it is not there: no GPU, no Dask, no scheduler at that address.
    """
    name = settings.backend
    if name == "auto":
        name = "dask" if settings.scheduler else "stack" if _gpu_wanted(settings.device) else "processes"
    return BACKENDS[name](settings)


def may_stack(settings: Settings) -> bool:
    """Whether networks are stacked under these settings where memory allows; keys hold the code of the stack then."""
    if settings.backend != "auto" or settings.scheduler:
        return settings.backend == "stack"
    if settings.device != "auto" or not any(Path(name).exists() for name in DEVICE_FILES):
        # PyTorch need not be loaded where no driver is.
        return settings.device == "cuda"
    import torch

    return torch.cuda.is_available()


def refuse_missing(settings: Settings) -> None:
    """Look for the backend that is asked for by name, before anything is loaded; for errors see `choose`."""
    if settings.backend != "auto" or settings.scheduler or settings.device == "cuda":
        choose(settings)


def _gpu_wanted(device: str) -> bool:
    """Whether fits are to be stacked: `cuda` where it must be, with `auto` where a GPU has memory free."""
    if device != "auto":
        return device == "cuda"
    import torch

    return torch.cuda.is_available() and torch.cuda.mem_get_info()[0] >= LEAST_FREE
