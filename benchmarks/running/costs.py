"""How long will a run take? Longest first keeps all workers busy to the end."""

from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from statistics import mean
from typing import Any

from strokebench.benchmarks.running.run import Run
from strokebench.files import home, read_kept, write_json

GUESS = 10.0
"""Seconds of a run where none was ever measured here."""


class Costs:
    """Mean measured seconds of a run by method and number of epochs, remembered between calls."""

    def __init__(self) -> None:
        self.path = home("runs", "seconds.json")
        self.seconds: dict[str, float] = read_kept(self.path) or {}

    def measured(self, run: Run) -> bool:
        """Whether a run of its method and number of epochs was measured here."""
        return _name(run.method, run.params) in self.seconds

    def estimate(self, run: Run) -> float:
        """Seconds of this run: as measured, else those of the slowest, so that it starts early."""
        return self.seconds.get(_name(run.method, run.params), max(self.seconds.values(), default=GUESS))

    def learn(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Remember the means of these records for the next call."""
        measured: dict[str, list[float]] = {}
        for record in records:
            # Processor time where it is less, because a machine that is busy otherwise makes a run look longer.
            seconds = min(record["fit_seconds"] + record["predict_seconds"], record["cpu_seconds"])
            measured.setdefault(_name(record["method"], record["params"]), []).append(seconds)
        if measured:
            self.seconds |= {name: round(mean(values), 3) for name, values in measured.items()}
            write_json(self.path, self.seconds)


def forecast(seconds: Sequence[float], workers: int, measured: bool = True) -> str:
    """What the runs will take in words; empty where it is less than a minute.

    Args:
        measured: whether all `seconds` were measured here; some are guesses otherwise.
    """
    total, longest = sum(seconds), max(seconds)
    expected = max(total / workers, longest)
    if expected < 60:
        return ""
    # With more workers the longest run alone decides when all is done.
    most = ceil(total / longest)
    basis = "at the speed measured so far" if measured else "at a guess, for not all of it was ever run here"
    text = f"about {duration(expected)} on {workers} worker{'s' if workers > 1 else ''} {basis}"
    return f"{text}; up to {most} would pay ({duration(longest)})" if most > workers else text


def duration(seconds: float) -> str:
    """`12 min`, `1.6 h`; never less than a minute."""
    return f"{max(seconds / 60, 1):.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _name(method: str, params: Mapping[str, Any]) -> str:
    epochs = params.get("max_epochs")
    return method if epochs is None else f"{method}/{epochs} epochs"
