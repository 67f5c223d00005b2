"""From an Optuna study to what reports and hooks know of it."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.parameters import Tuned
from strokebench.benchmarks.running.provenance import provenance_of
from strokebench.benchmarks.running.tracking.hooks import Hooks, TaskRecord, Work, facts_of
from strokebench.benchmarks.tuning.trial import DEFAULT, ERROR, FOLDS, PARAMS, counts
from strokebench.files import digest
from strokebench.methods.registry import find_method
from strokebench.reports.tables.caption import patients_title
from strokebench.reports.tables.table import error_kind
from strokebench.reports.tuning.records import TrialRecord
from strokebench.reports.tuning.section import Tuning

FEWEST_TRIALS = 4
"""Below so many complete trials no importance is given."""

_STATUS = {TrialState.COMPLETE: "FINISHED", TrialState.PRUNED: "KILLED", TrialState.FAIL: "FAILED"}


def describe_study(study: optuna.Study, name: str, best: Tuned, context: Context) -> Tuning:
    """The study as the reports take it, without Optuna, under a name of its own."""
    trials = [trial for trial in study.get_trials(deepcopy=False) if counts(trial)]
    method = find_method(best.method)
    return Tuning(
        name=name,
        label=method.label,
        cohort=patients_title(context.title, context.cohort.synthetic),
        outcome=context.endpoint.expression,
        protocol=context.settings.protocol,
        study=study.study_name,
        folds=len(context.split.folds),
        trials=[_record(trial) for trial in trials],
        importances=importances(trials),
        nested=best.strictly_nested,
        provenance=provenance_of(context, best.about["versions"]),
        metric=context.endpoint.ranked_by,
    )


def importances(trials: list[FrozenTrial]) -> dict[str, float]:
    """Each parameter's share of the variance between complete trials (fANOVA); empty where there are too few.

    A default outside the search space is left out, for it has no place among the parameters.
    """
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE and trial.params]
    if len(complete) < FEWEST_TRIALS or len({trial.value for trial in complete}) < 2:
        return {}
    study = optuna.create_study(direction="maximize")
    study.add_trials(complete)
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    return optuna.importance.get_param_importances(study, evaluator=evaluator)


def _record(trial: FrozenTrial) -> TrialRecord:
    return TrialRecord(
        number=trial.number,
        state=trial.state.name.lower(),
        value=trial.value,
        values=trial.params,
        settings=trial.user_attrs.get(PARAMS, {}),
        folds=[score["validation_score"] for score in trial.user_attrs.get(FOLDS, ())],
        default=DEFAULT in trial.user_attrs,
    )


def work_of(study: str, method: str, context: Context) -> Work:
    """A study, by its name."""
    return Work(f"tune_{method}", study, digest(study), "strokebench.trial", {**facts_of(context), "study": study})


def record_of(trial: FrozenTrial, method: str) -> TaskRecord:
    """A finished trial: its mean and each fold's value as a curve."""
    # Not of an object that is made with them: the method may have refused them.
    params = {**find_method(method)().get_params(), **trial.user_attrs.get(PARAMS, {})}
    params.pop("random_state", None)
    folds = [score["validation_score"] for score in trial.user_attrs.get(FOLDS, ())]
    metrics = [("fold_validation_score", value, step) for step, value in enumerate(folds) if value is not None]
    if trial.value is not None:
        metrics.append(("validation_score", trial.value, 0))
    return TaskRecord(
        name=f"trial {trial.number}" + (" (default)" if DEFAULT in trial.user_attrs else ""),
        started=trial.datetime_start or datetime.now(),
        ended=trial.datetime_complete or datetime.now(),
        params=params,
        metrics=metrics,
        status=_STATUS[trial.state],
        facts={"error": error_kind(trial.user_attrs[ERROR])} if ERROR in trial.user_attrs else {},
    )


def follow_to_the_end(study: optuna.Study, method: str, hooks: Hooks, files: Iterable[Path]) -> None:
    """The study is over for now: hooks hear of the trials of other calls too, and of its tables."""
    for trial in study.get_trials(deepcopy=False):
        if counts(trial):
            hooks.task_ended(str(trial.number), partial(record_of, trial, method))
    hooks.finished(files, [("best_validation_score", study.best_value, 0)])
