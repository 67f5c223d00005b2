"""Hooks: whoever follows an experiment or a study hears of its tasks as they end, and changes no result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Loads scikit-learn, which who only opens pages waits for.
    from strokebench.benchmarks.running.context import Context

LoggedMetric = tuple[str, float, int]
"""Name, value and step (0 where there is one value only)."""


@dataclass(frozen=True)
class Work:
    """What is followed: an experiment or a study.

    Args:
        name: `table1`, `tune_concat`. title: tells it from the same on other data or with other settings.
        identity: equal in every call that goes on with it.
        key_name: what the keys of its tasks are called.
        facts: cohort, hashes and versions; no patient data.
        averaged: metrics whose mean over the tasks of a group tells something.
    """

    name: str
    title: str
    identity: str
    key_name: str
    facts: Mapping[str, str]
    averaged: Sequence[str] = ()


@dataclass(frozen=True)
class TaskRecord:
    """A run or a trial that ended.

    Args:
        status: `FINISHED`, `KILLED` (stopped early) or `FAILED`, then with its `error` among the facts.
        facts: what differs from those of its work.
        group: the method, with its variant and condition, whose fold it is; empty: it is in no group.
    """

    name: str
    started: datetime
    ended: datetime
    params: Mapping[str, Any]
    metrics: Sequence[LoggedMetric]
    status: str = "FINISHED"
    facts: Mapping[str, str] = field(default_factory=dict)
    group: str = ""


class Hooks:
    """Subclasses override what they want to hear of; here nothing is done."""

    def started(self, work: Work) -> None:
        """An experiment or a study begins, or goes on."""

    def task_ended(self, key: str, record: Callable[[], TaskRecord]) -> None:
        """A run or a trial ended, perhaps in an earlier call; its record is made when it is asked for."""

    def finished(self, files: Iterable[Path], metrics: Sequence[LoggedMetric] = ()) -> None:
        """All ended, and these tables and figures were written."""

    def stopped(self) -> None:
        """The user ended the call, or an error did."""


def facts_of(context: Context) -> dict[str, str]:
    """What is known of the data before any fit."""
    return {
        "cohort": context.title,
        "outcome": context.endpoint.expression,
        "ranked_by": context.endpoint.ranked_by,
        "protocol": context.split.protocol,
        "virtual": str(context.cohort.synthetic).lower(),
        "quick": str(context.settings.quick).lower(),
        "labels_shuffled": str(context.settings.shuffle_labels is not None).lower(),
        "seeds": ",".join(map(str, dict.fromkeys(fold.seed for fold in context.split.folds))),
        "encoders": context.settings.encoders,
        "sizes": context.settings.sizes,
        "balance": context.settings.balance,
        "data_sha256": context.data_sha256,
        "split_sha256": context.split.sha256,
    }
