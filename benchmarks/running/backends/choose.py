"""Where fits are computed: the one door through which experiments, tuning and the canary go."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from strokebench.benchmarks.keys.described import described
from strokebench.benchmarks.running.backends.processes import Processes
from strokebench.benchmarks.running.run import Material
from strokebench.benchmarks.running.settings import Settings
from strokebench.benchmarks.running.store import Store
from strokebench.benchmarks.running.task import Ended, Task
from strokebench.datasets.encoders.weights import Published, folder_or_cache, keep_weights
from strokebench.errors import StrokebenchError
from strokebench.gpu import has_room
from strokebench.methods.registry import find_method

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


def published_for(method: str) -> tuple[Published, ...]:
    """The files of weights that fits of a method read; methods on request alone read any."""
    return find_method(method).published if described(method).library else ()


def choose(settings: Settings, methods: Iterable[str] = ()) -> Backend:
    """The backend that the settings ask for.

    Left to itself (`auto`) it is a cluster where a scheduler is named, the stack where `device` allows a GPU and one
    has a gigabyte free, and worker processes otherwise. What is asked for by name is never replaced by another.

    Args:
        methods: that are to be fitted; the weights that they read are at hand afterwards.

    Raises:
        StrokebenchError: it is not there: no GPU, no Dask, no scheduler at that address, no weights.
    """
    for file in {file for name in methods for file in published_for(name)}:
        keep_weights(file, folder_or_cache([file], settings.weights))
    if settings.backend == "dask" or settings.scheduler:
        from strokebench.benchmarks.running.backends.dask import Cluster

        return Cluster(settings.jobs, settings.scheduler)
    if not may_stack(settings):
        return Processes(settings.jobs)
    from torch import cuda

    if not cuda.is_available():
        hint = "Give --backend auto." if settings.backend == "stack" else "Choose --device auto or cpu."
        raise StrokebenchError("PyTorch sees no GPU.", hint)
    if settings.backend == "auto" and settings.device == "auto" and not has_room():
        return Processes(settings.jobs)
    from strokebench.benchmarks.running.backends.stack import Stack

    return Stack(settings.jobs)


def may_stack(settings: Settings) -> bool:
    """Whether networks are stacked under these settings where memory allows; keys hold the code of the stack then."""
    if settings.backend != "auto" or settings.scheduler:
        return settings.backend == "stack"
    if settings.device != "auto" or not any(Path(name).exists() for name in DEVICE_FILES):
        # PyTorch need not be loaded where no driver is.
        return settings.device == "cuda"
    from torch import cuda

    return cuda.is_available()


def refuse_missing(settings: Settings) -> None:
    """Look for the backend that is asked for by name, before anything is loaded; for errors see `choose`."""
    if settings.backend != "auto" or settings.scheduler or settings.device == "cuda":
        choose(settings)
