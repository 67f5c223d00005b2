"""How fast a cohort was encoded, by its progress."""

from __future__ import annotations

import time
from collections.abc import Callable

from strokebench.datasets.encoders.encode import Progress


class Throughput:
    """Counts what passes a progress callback, and the seconds from the first report of a step to its last.

    The start of the workers and the loading of weights are within: it is what a user waits for.

    Args:
        progress: called with everything as well.
        clock: seconds, ever growing.
    """

    def __init__(self, progress: Progress, clock: Callable[[], float] = time.perf_counter) -> None:
        self.progress, self.clock = progress, clock
        self.start: dict[str, float] = {}
        self.end: dict[str, tuple[int, float]] = {}

    def __call__(self, name: str, done: int, total: int) -> None:
        """So much of a step is done."""
        now = self.clock()
        self.start.setdefault(name, now)
        self.end[name] = done, now
        self.progress(name, done, total)

    def facts(self) -> str:
        """For instance `729 images in 70 s (10.4/s), 3,645 texts in 60 s (61/s)`; empty if all was known before."""
        steps = []
        for name, (done, end) in self.end.items():
            seconds = end - self.start[name]
            if done and seconds > 0:
                steps.append(f"{done:,} {name} in {seconds:.0f} s ({done / seconds:.3g}/s)")
        return ", ".join(steps)
