"""One trial of a study: fits on the training parts, judged on the validation parts, the test parts out of reach."""

import math
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from filelock import Timeout
from optuna import Study, Trial, TrialPruned
from optuna.trial import FrozenTrial, TrialState

from strokebench.benchmarks.keys.described import described
from strokebench.benchmarks.running.backends.choose import Backend
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.plans import about, quick_params
from strokebench.benchmarks.running.run import Run
from strokebench.benchmarks.running.store import Store
from strokebench.benchmarks.running.task import Task
from strokebench.files import digest, file_lock, home
from strokebench.reports.tables.results_table import error_line
from strokebench.tasks.fold import Fold

DEFAULT, PARAMS, FOLDS, SAMPLER, ENDED, HOST, ERROR = (
    *("default", "params", "folds", "sampler", "ended", "host", "error"),
)
"""Names of what a trial keeps of itself, next to Optuna's own."""
INSIDE, OUTSIDE = "in the search space", "outside the search space"
"""Values of `DEFAULT`; outside, the default's trial has no place among the samplers' parameters."""


class FitFailed(Exception):
    """A fit of this trial failed; the study goes on."""


def without_test(fold: Fold) -> Fold:
    """The fold as tuning sees it: whoever gets it cannot find the test patients."""
    return replace(fold, test=())


def tuning_key(context: Context, run: Run, fold: Fold) -> str:
    """Names a fit of tuning in the store of runs; never equal to that of a run that was tested."""
    return digest({**context.identity(run), "fold": digest({**asdict(fold), "name": ""}), "purpose": "tune"})


@dataclass
class Objective:
    """What Optuna calls with a trial: mean validation AUC, or c of grades, over the folds of the split.

    Args:
        draw: the search space: hyper-parameters by a trial.
        backend: where fits are computed.
        sampler: name of the sampler, for the record.
        prune: let the study's pruner stop a trial after a fold; never the default's.
        step: called with the number of folds done.
    """

    method: str
    context: Context
    draw: Callable[[Trial], dict[str, Any]]
    backend: Backend
    store: Store
    study: Study
    sampler: str
    prune: bool = True
    step: Callable[[int], None] = lambda done: None

    def __post_init__(self) -> None:
        self.folds = [without_test(fold) for fold in self.context.split.folds]

    def __call__(self, trial: Trial) -> float:
        """The trial's value, in [0, 1].

        Raises:
            TrialPruned: it is not promising. FitFailed: a fit failed.
            KeyboardInterrupt: after the trial is queued again.
        """
        default = bool(trial.user_attrs.get(DEFAULT))
        with file_lock(lock_path(self.study, trial.number)):
            trial.set_user_attr(HOST, here())
            trial.set_user_attr(SAMPLER, self.sampler)
            params = self._params(trial, default)
            trial.set_user_attr(PARAMS, params)
            try:
                value = self._mean(trial, params, default)
            except KeyboardInterrupt:
                queue_again(self.study, trial.user_attrs, trial.params)
                raise
            except (TrialPruned, FitFailed) as error:
                trial.set_user_attr(ENDED, True)
                if isinstance(error, FitFailed):
                    trial.set_user_attr(ERROR, str(error))
                raise
            trial.set_user_attr(ENDED, True)
            return value

    def _params(self, trial: Trial, default: bool) -> dict[str, Any]:
        if trial.user_attrs.get(DEFAULT) == OUTSIDE:
            return {}
        params = self.draw(trial)
        return {} if default else params

    def _mean(self, trial: Trial, params: Mapping[str, Any], default: bool) -> float:
        scores: list[dict[str, Any]] = []
        # As many at once as are computed at the same time; it is stopped where one worker would have stopped it.
        size = self.backend.at_once or len(self.folds)
        for start in range(0, len(self.folds), size):
            folds, stopped = self.folds[start : start + size], False
            for fold, score in zip(folds, self._scores(params, folds), strict=True):
                # One class only: the same for every trial, so that leaving it out is fair.
                value = None if math.isnan(score) else score
                scores.append({"seed": fold.seed, "fold": fold.fold, "validation_score": value})
                if (mean := _mean_of(scores)) is not None:
                    trial.report(mean, step=len(scores) - 1)
                stopped = self.prune and not default and len(scores) < len(self.folds) and trial.should_prune()
                if stopped:
                    break
            trial.set_user_attr(FOLDS, scores)
            self.step(len(scores))
            if stopped:
                raise TrialPruned(f"after {len(scores)} folds")
        if (mean := _mean_of(scores)) is None:
            raise FitFailed(
                f"no validation part has two classes, so that there is no {self.context.endpoint.ranked_by}"
            )
        return mean

    def _scores(self, params: Mapping[str, Any], folds: Sequence[Fold]) -> list[float]:
        """Validation AUC, or c, of each fold, from the store or computed now."""
        keys, tasks = [], []
        settings = self.context.settings
        short = quick_params(self.method) if settings.quick else {}
        for fold in folds:
            run = Run(
                *(self.method, fold.seed, fold.fold, settings.protocol),
                params={**params, **short},
                variant="tune",
                balance=settings.balance,
            )
            try:
                keys.append(tuning_key(self.context, run, fold))
            except Exception as error:
                raise FitFailed(f"{type(error).__name__}: {error}") from error
            if self.store.status(keys[-1]) != "done":
                purpose = {"purpose": "tune", **about(self.context, run)}
                tasks.append(Task({keys[-1]: run}, fold, purpose, described(self.method).module))
        for _, ended in self.backend.compute(tasks, self.context.material, self.store) if tasks else ():
            if ended.status == "failed":
                raise FitFailed(error_line(self.store.failure(ended.key)["error"]))
        return [self.store.read(key)[1]["facts"]["validation_score"] for key in keys]


def here() -> str:
    """This machine and its home, in which the locks lie; the path itself is nobody else's business."""
    return f"{platform.node()} {digest(str(home()))[:8]}"


def lock_path(study: Study, number: int) -> str:
    """Held by the process that computes this trial; the operating system lets go when it dies."""
    folder = home("tuning", "running")
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder / f"{digest(study.study_name)[:16]}-{number}.lock")


def is_abandoned(study: Study, trial: FrozenTrial) -> bool:
    """Its process died here; of other places nothing is known."""
    if trial.user_attrs.get(HOST) != here():
        return False
    lock = file_lock(lock_path(study, trial.number))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    lock.release()
    return True


def revive(study: Study) -> int:
    """Queue again what killed processes left running; the fits that they finished are not lost. How many trials."""
    revived = 0
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if is_abandoned(study, trial):
            study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)
            queue_again(study, trial.user_attrs, trial.params)
            revived += 1
    return revived


def queue_again(study: Study, attributes: Mapping[str, Any], params: Mapping[str, Any]) -> None:
    """Let the next free process try the same parameters; the default is queued by each call that misses it."""
    if PARAMS in attributes and DEFAULT not in attributes:
        study.enqueue_trial(dict(params))


def counts(trial: FrozenTrial) -> bool:
    """Not one that was cut off: that is queued again."""
    return trial.state in (TrialState.COMPLETE, TrialState.PRUNED) or bool(trial.user_attrs.get(ENDED))


def _mean_of(scores: Sequence[Mapping[str, Any]]) -> float | None:
    known = [score["validation_score"] for score in scores if score["validation_score"] is not None]
    return sum(known) / len(known) if known else None
