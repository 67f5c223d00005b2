"""Hyper-parameters by Optuna: studies that resume, that processes can share, and that never see a test part."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from rich.console import Console

from strokebench.benchmarks.running.backends.choose import choose
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.parameters import Tuned
from strokebench.benchmarks.running.plans import default_size, usable_methods
from strokebench.benchmarks.running.progress import StepProgress
from strokebench.benchmarks.running.provenance import commit, strokebench_version
from strokebench.benchmarks.running.store import Store
from strokebench.benchmarks.running.tracking.hooks import Hooks
from strokebench.benchmarks.tuning.report import record_of, work_of
from strokebench.benchmarks.tuning.space import (
    OWN,
    GridWithDefault,
    behind,
    default_trial,
    find_space,
    first_run,
    make_sampler,
    named,
    objective_of,
    open_study,
)
from strokebench.benchmarks.tuning.trial import (
    DEFAULT,
    ERROR,
    FOLDS,
    INSIDE,
    OUTSIDE,
    PARAMS,
    SAMPLER,
    FitFailed,
    Objective,
    counts,
    is_abandoned,
    revive,
)
from strokebench.errors import StrokebenchError
from strokebench.files import home
from strokebench.reports.tuning.records import params_in_words


@dataclass(frozen=True)
class Search:
    """How to search.

    Args:
        sampler: `tpe`, `grid` or `random`.
        trials: the study is over at so many, those of earlier calls and other processes included.
        storage: a database's URL or a journal file; None: SQLite below `home("tuning")`.
        prune: stop trials whose running mean is below the median of the others at the same fold.
        seed: of the sampler.
        space: `own` for the method's own, `paper` for the paper's grids, or one of them, as `figure2`.
    """

    sampler: str = "tpe"
    trials: int = 40
    storage: str | None = None
    prune: bool = True
    seed: int = 0
    space: str = OWN

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise StrokebenchError(f"trials is {self.trials}.", "Give 1 or more.")


def run_study(
    method: str, context: Context, search: Search, console: Console, hooks: Hooks | None = None
) -> optuna.Study:
    """Create or go on with a study until it has its trials. The default is its first trial.

    Raises:
        StrokebenchError: the method cannot be run on the cohort or has nothing to tune, the storage cannot be
            opened or is lost, or no trial succeeded.
        KeyboardInterrupt: after saying what is kept.
    """
    _, left_out = usable_methods(context, [method])
    if method in left_out:
        raise StrokebenchError(f"{method} cannot be tuned: {left_out[method]}.")
    backend = choose(context.settings, [method])
    sampler = make_sampler(search.sampler, method, search.seed, search.space)
    folds = len(context.split.folds)
    study = open_study(method, context, search.storage, sampler, search.space)
    hooks = hooks or Hooks()
    hooks.started(work_of(study.study_name, method, context))
    revived = revive(study)
    trials = study.get_trials(deepcopy=False)
    if not any(DEFAULT in trial.user_attrs for trial in trials if counts(trial) or not trial.state.is_finished()):
        default = default_trial(method, search.space)
        study.enqueue_trial(default or {}, {DEFAULT: OUTSIDE if default is None else INSIDE})
    known = sum(map(counts, trials))
    again = f", {revived} cut off and queued again" if revived else ""
    console.print(f"Study       {study.study_name}: {known} trials known, {search.trials} asked for{again}")

    def finished(study: optuna.Study, trial: FrozenTrial) -> None:
        console.print(_line(trial, study, folds))
        progress.step("Trials", min(_known(study), search.trials), search.trials)
        if counts(trial):
            hooks.task_ended(str(trial.number), lambda: record_of(trial, method))
        if _enough(study, search.trials, sampler):
            study.stop()

    with StepProgress(console) as progress:
        objective = Objective(
            *(method, context, find_space(method, search.space), backend, Store()),
            *(study, search.sampler, search.prune),
            step=lambda done: progress.step("Folds", done, folds),
        )
        try:
            if not _enough(study, search.trials, sampler):
                study.optimize(objective, callbacks=[finished], catch=(FitFailed,))
        except KeyboardInterrupt:
            console.print(f"Stopped. {_known(study)} trials and all finished fits are kept; the same command goes on.")
            hooks.stopped()
            raise
        except Exception as error:
            hooks.stopped()
            if (reason := behind(error)) is error:
                raise
            raise reason from error
    if not _complete(study):
        hooks.stopped()
        errors = [trial.user_attrs[ERROR] for trial in study.get_trials(deepcopy=False) if ERROR in trial.user_attrs]
        raise StrokebenchError(f"No trial of {study.study_name} succeeded.", "; ".join(dict.fromkeys(errors)))
    return study


def best_parameters(study: optuna.Study, method: str, context: Context) -> Tuned:
    """What the study found: the best trial by its mean, and for each fold the best on its own validation part.

    Equal values are decided for the earlier trial; the default is the first.
    """
    trials = [trial for trial in study.get_trials(deepcopy=False) if counts(trial)]
    best = max(_complete(study), key=lambda trial: (trial.value, -trial.number))
    default = next((trial.value for trial in _complete(study) if trial.user_attrs.get(DEFAULT)), None)
    versions = {
        **context.code(first_run(method, context)).versions,
        "optuna": optuna.__version__,
        "strokebench": strokebench_version(),
    }
    return Tuned(
        method=method,
        params=_at_its_size(method, best),
        by_fold=tuple(_best_of_fold(method, trials, fold.seed, fold.fold) for fold in context.split.folds),
        strictly_nested=strictly_nested(trials, context),
        split_sha256=context.split.sha256,
        cohort=context.cohort.name,
        about={
            "study": study.study_name,
            "objective": f"{objective_of(context)} over {len(context.split.folds)} folds, test parts left out",
            "value": best.value,
            "default_value": default,
            "trial": best.number,
            "trials": {str(state.name).lower(): sum(t.state == state for t in trials) for state in _STATES},
            "samplers": sorted({trial.user_attrs.get(SAMPLER, "") for trial in trials}),
            "outcome": context.endpoint.expression,
            "protocol": context.settings.protocol,
            "quick": context.settings.quick,
            "data_sha256": context.data_sha256,
            "versions": versions,
            "commit": commit(),
        },
    )


_STATES = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


def strictly_nested(trials: Sequence[FrozenTrial], context: Context) -> bool:
    """Whether no fold's test patients had any say in `by_fold`.

    Under cross-validation they are validation patients of other folds: a sampler that learns from the mean, or
    a pruner, lets them decide which trials there are. Grid and random search without pruning do not.
    """
    tested = {patient for fold in context.split.folds for patient in fold.test}
    seen = {patient for fold in context.split.folds for patient in (*fold.train, *fold.validation)}
    if not tested & seen:
        return True
    samplers = {trial.user_attrs.get(SAMPLER) for trial in trials}
    return samplers <= {"grid", "random"} and all(trial.state is not TrialState.PRUNED for trial in trials)


def _at_its_size(method: str, trial: FrozenTrial) -> dict[str, Any]:
    """The trial's hyper-parameters with the size of its network, which an experiment may have another of."""
    return {**default_size(method), **trial.user_attrs[PARAMS]}


def _best_of_fold(method: str, trials: Sequence[FrozenTrial], seed: int, fold: int) -> dict[str, object]:
    found: tuple[float, FrozenTrial] | None = None
    for trial in trials:
        for score in trial.user_attrs.get(FOLDS, ()):
            if (score["seed"], score["fold"]) == (seed, fold):
                # One class only: no trial is better than another there.
                value = -1.0 if score["validation_score"] is None else score["validation_score"]
                if found is None or value > found[0]:
                    found = value, trial
    assert found is not None, "a complete trial has every fold"
    return {
        "seed": seed,
        "fold": fold,
        "trial": found[1].number,
        "validation_score": found[0] if found[0] >= 0 else None,
        "params": _at_its_size(method, found[1]),
    }


def _complete(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _known(study: optuna.Study) -> int:
    return sum(map(counts, study.get_trials(deepcopy=False)))


def _enough(study: optuna.Study, trials: int, sampler: optuna.samplers.BaseSampler) -> bool:
    """All trials are finished or at work elsewhere, or the grid is visited."""
    known = study.get_trials(deepcopy=False)
    at_work = sum(trial.state is TrialState.RUNNING and not is_abandoned(study, trial) for trial in known)
    if sum(map(counts, known)) + at_work >= trials:
        return True
    waiting = any(trial.state is TrialState.WAITING for trial in known)
    return isinstance(sampler, GridWithDefault) and not waiting and sampler.is_exhausted(study)


def _line(trial: FrozenTrial, study: optuna.Study, folds: int) -> str:
    what = "default" if trial.user_attrs.get(DEFAULT) else _named(trial)
    if trial.value is not None and trial.state is TrialState.COMPLETE:
        best = study.best_value
        return f"  {trial.number:>3}  validation {100 * trial.value:.2f} (best {100 * best:.2f})  {what}"
    if trial.state is TrialState.PRUNED:
        return f"  {trial.number:>3}  stopped after {len(trial.user_attrs[FOLDS])} of {folds} folds  {what}"
    return f"  {trial.number:>3}  failed: {trial.user_attrs.get(ERROR, '')}  {what}"


def _named(trial: FrozenTrial) -> str:
    return params_in_words(trial.user_attrs.get(PARAMS, {}))


def parameters_path(method: str, context: Context, space: str = OWN) -> Path:
    """Where the best parameters are written."""
    return home("tuning", context.results_folder(f"tune_{method}").parent.name, f"{named(method, space)}.yaml")
