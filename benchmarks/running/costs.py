"""How long will a run take? Longest first keeps all workers busy to the end."""

import json
from collections.abc import Mapping, Sequence
from math import ceil
from statistics import mean
from typing import Any

from strokebench.benchmarks.keys.described import described
from strokebench.benchmarks.running.run import Run
from strokebench.errors import counted
from strokebench.files import home, read_kept, write_json

GUESS, OF = 10.0, 729
"""Seconds of a run of so many patients where none was ever measured here; the least expected of one that was not."""
GROWS = {"svm": 2.0}
"""Method -> the power of the number of patients by which it takes longer; all others take longer in proportion."""


class Costs:
    """Mean measured seconds of a run by method and hyper-parameters, remembered between calls.

    Args:
        patients: of the cohort; what was measured on others is brought to their number.
    """

    def __init__(self, patients: int) -> None:
        self.path, self.patients = home("runs", "seconds.json"), patients
        # Seconds and patients; without these where an earlier version remembered.
        self.kept: dict[str, Any] = read_kept(self.path) or {}
        self.seconds = {kind: self._brought(kind, kept) for kind, kept in self.kept.items()}
        self.now: dict[str, list[float]] = {}

    def _brought(self, kind: str, kept: Any) -> float:
        seconds, patients = kept if isinstance(kept, list) else (kept, self.patients)
        return float(seconds * _grown(kind.partition(" ")[0], self.patients / patients))

    def measured(self, run: Run) -> bool:
        """Whether a run of its method and hyper-parameters was measured here."""
        return kind_of(run) in self.seconds

    def estimate(self, run: Run) -> float:
        """Seconds of this run: as measured, else of the slowest of its method, else of the slowest of all, so that it
        starts early; less where it learns from a share of the training patients."""
        return self._whole(run) * _of_whole(run)

    def _whole(self, run: Run) -> float:
        """Seconds of this run where it learns from all training patients."""
        if (measured := self.seconds.get(kind_of(run))) is not None:
            return measured
        kinds = [(*kind.partition(" ")[::2], seconds) for kind, seconds in self.seconds.items()]
        # A quick check trains few epochs: what it took is brought to the run's own.
        whole = described(run.method).defaults.get("max_epochs", 1)
        epochs = run.params.get("max_epochs", whole)
        of_method = [
            seconds * epochs / json.loads(params or "{}").get("max_epochs", whole)
            for method, params, seconds in kinds
            if method == run.method
        ]
        return max(of_method or [GUESS * max(1.0, self.patients / OF), *self.seconds.values()])

    def learn(self, run: Run, record: Mapping[str, Any]) -> None:
        """From now on runs of its kind are expected to take the mean of those that ended in this call."""
        # Processor time where it is less, because a machine that is busy otherwise makes a run look longer.
        seconds = min(record["fit_seconds"] + record["predict_seconds"], record["cpu_seconds"])
        self.now.setdefault(kind_of(run), []).append(seconds / _of_whole(run))
        self.seconds[kind_of(run)] = round(mean(self.now[kind_of(run)]), 3)
        self.kept[kind_of(run)] = [self.seconds[kind_of(run)], self.patients]

    def keep(self) -> None:
        """Remember for the next call what was learnt."""
        if self.now:
            write_json(self.path, self.kept)


def _grown(method: str, patients: float) -> float:
    """By how much longer it takes with so many times the patients."""
    return float(patients ** GROWS.get(method, 1.0))


def _of_whole(run: Run) -> float:
    """The part of a whole run's time that one takes that learns from a share of the training patients."""
    return _grown(run.method, run.share)


def kind_of(run: Run) -> str:
    """Names the runs that are expected to take equally long with as many patients: `vdafm`, `vdafm {"width": 256}`."""
    return f"{run.method} {json.dumps(run.params, sort_keys=True)}" if run.params else run.method


def forecast(seconds: Sequence[float], workers: int, measured: bool = True) -> str:
    """What the runs will take in words.

    Args:
        measured: whether all `seconds` were measured here; some are guesses otherwise.
    """
    total, longest = sum(seconds), max(seconds)
    expected = max(total / workers, longest)
    basis = "at the speed measured so far" if measured else "at a guess, for not all of it was ever run here"
    if expected < 60:
        return f"less than a minute {basis}"
    # With more workers the longest run alone decides when all is done.
    most = ceil(total / longest)
    text = f"about {duration(expected)} on {counted(workers, 'worker')} {basis}"
    return f"{text}; {duration(longest)} on {most}, and more than that gain nothing" if most > workers else text


def duration(seconds: float) -> str:
    """`12 min`, `1.6 h`; never less than a minute."""
    return f"{max(seconds / 60, 1):.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
