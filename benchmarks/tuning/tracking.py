"""A study and its trials as hooks hear of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from pathlib import Path

from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.tracking.hooks import Hooks, TaskRecord, Work, facts_of
from strokebench.benchmarks.tuning.trial import DEFAULT, ERROR, FOLDS, PARAMS, counts
from strokebench.files import digest
from strokebench.methods.registry import find_method

_STATUS = {TrialState.COMPLETE: "FINISHED", TrialState.PRUNED: "KILLED", TrialState.FAIL: "FAILED"}


def work_of(study: str, method: str, context: Context) -> Work:
    """A study.

    Args:
        study: its name.
    """
    return Work(f"tune_{method}", study, digest(study), "strokebench.trial", {**facts_of(context), "study": study})


def record_of(trial: FrozenTrial, method: str) -> TaskRecord:
    """A finished trial: its mean and each fold's value as a curve."""
    params = find_method(method)(**trial.user_attrs.get(PARAMS, {})).get_params()
    params.pop("random_state", None)
    folds = [score["validation_auc"] for score in trial.user_attrs.get(FOLDS, ())]
    metrics = [("fold_validation_auc", value, step) for step, value in enumerate(folds) if value is not None]
    if trial.value is not None:
        metrics.append(("validation_auc", trial.value, 0))
    return TaskRecord(
        name=f"trial {trial.number}" + (" (default)" if DEFAULT in trial.user_attrs else ""),
        started=trial.datetime_start or datetime.now(),
        ended=trial.datetime_complete or datetime.now(),
        params=params,
        metrics=metrics,
        status=_STATUS[trial.state],
        facts={"error": trial.user_attrs[ERROR][:500]} if ERROR in trial.user_attrs else {},
    )


def follow_to_the_end(study: Study, method: str, hooks: Hooks, files: Iterable[Path]) -> None:
    """The study is over for now: hooks hear of the trials of other calls too, and of its tables."""
    for trial in study.get_trials(deepcopy=False):
        if counts(trial):
            hooks.task_ended(str(trial.number), partial(record_of, trial, method))
    hooks.finished(files, [("best_validation_auc", study.best_value, 0)])
