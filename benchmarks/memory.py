"""How much memory does a run need?"""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path
from typing import Self


class PeakMemory:
    """Peak resident memory of this process inside the block, above what it held at its start.

    On Linux the kernel's high-water mark is reset first, so that a worker's earlier runs do not count.
    Elsewhere the mark lasts as long as the process: only growth beyond earlier runs is seen, a lower bound.

    Attributes:
        megabytes: set when the block ends; MB of 10^6 bytes.
    """

    megabytes: float = float("nan")

    _before: int | None
    """Bytes held at the start; None where the mark cannot be reset."""

    def __enter__(self) -> Self:
        try:
            # 5: reset the peak (proc(5)).
            Path("/proc/self/clear_refs").write_text("5")
            self._before = _status("VmRSS")
        except OSError:
            self._before = None
            self._mark = _lifetime_peak()
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is None:
            self.megabytes = (_lifetime_peak() - self._mark) / 1e6
        else:
            self.megabytes = max(0, _status("VmHWM") - self._before) / 1e6


def _status(name: str) -> int:
    """A line of /proc/self/status, in bytes."""
    match = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    if match is None:
        raise OSError(f"/proc/self/status has no {name}")
    return int(match[1]) * 1024


def _lifetime_peak() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
