"""How much memory does a piece of work need?"""

import ctypes
import math
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self

_FIELDS = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")


class _Mallinfo2(ctypes.Structure):
    """What the GNU allocator tells of itself, mallinfo(3)."""

    _fields_ = [(name, ctypes.c_size_t) for name in _FIELDS]


_mallinfo2: Callable[[], Any] | None
try:
    _mallinfo2 = ctypes.CFUNCTYPE(_Mallinfo2)(("mallinfo2", ctypes.CDLL(None)))
except (AttributeError, OSError, TypeError):
    _mallinfo2 = None


def in_use() -> float:
    """Bytes that the allocator has given out; NaN where it does not tell."""
    if _mallinfo2 is None:
        return math.nan
    told = _mallinfo2()
    return told.uordblks + told.hblkhd


def held(name: str) -> int:
    """Bytes that a line of /proc/self/status tells; where there is none, the largest that the process ever held."""
    try:
        status = Path("/proc/self/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(f"{name}:"))
    except (OSError, StopIteration):
        return _lifetime_peak()


def _lifetime_peak() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class PeakMemory:
    """The most memory that this process has in use inside the block, above what it had at its start.

    It is looked at every few milliseconds, in long work more seldom; a peak between two looks is missed.
    Counted is what the allocator has given out, so that nothing is hidden by memory that earlier runs have freed: a
    worker keeps it, since the next fit is up to a tenth slower when it was given back to the system. Where the
    allocator does not tell (other than GNU C library 2.33 and newer), it is NaN.

    Args:
        read: tells the bytes to be watched, if others.
        longest: seconds from one look to the next at most.

    Attributes:
        before, peak: bytes.
        megabytes: their difference; MB of 10^6 bytes.
    """

    def __init__(self, read: Callable[[], float] = in_use, longest: float = 0.1) -> None:
        self._read, self._longest = read, longest

    def __enter__(self) -> Self:
        self.before = self.peak = self._read()
        self._ended = Event()
        self._watch = Thread(target=self._look, daemon=True)
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._watch.join()
        self.peak = max(self.peak, self._read())

    def _look(self) -> None:
        start = time.perf_counter()
        # A look at the allocator costs a fifth of a millisecond of a training.
        while not self._ended.wait(min(self._longest, 0.002 + 0.05 * (time.perf_counter() - start))):
            self.peak = max(self.peak, self._read())

    @property
    def megabytes(self) -> float:
        """See the class."""
        return (self.peak - self.before) / 1e6
