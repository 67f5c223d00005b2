"""From runs to fits: runs that differ in the condition of the test part alone share theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.provenance import commit, strokebench_version
from strokebench.benchmarks.running.run import Run
from strokebench.benchmarks.running.task import Task


def fits(todo: Mapping[str, tuple[Run, Context]]) -> list[Task]:
    """One task a fit.

    Args:
        todo: runs and their contexts, by key.
    """
    shared: dict[str, dict[str, Run]] = {}
    for key, (run, context) in todo.items():
        shared.setdefault(context.key(replace(run, condition=run.condition.trained)), {})[key] = run
    tasks = []
    for runs in shared.values():
        first, context = todo[next(iter(runs))]
        tasks.append(Task(runs, context.fold(first), about(context, first)))
    return tasks


def about(context: Context, run: Run) -> dict[str, Any]:
    """What a run's record keeps of the code and the data that it was computed with."""
    code = context.code(run)
    return {
        "code_sha256": code.sha256,
        "data_sha256": context.data_sha256,
        "split_sha256": context.split.sha256,
        "versions": dict(code.versions),
        "strokebench": strokebench_version(),
        "commit": commit(),
    }
