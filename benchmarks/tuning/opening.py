"""A study found again or made, also where the search space is another by now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from itertools import count

import optuna
from filelock import FileLock
from optuna.distributions import BaseDistribution, check_distribution_compatibility
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.run import Run
from strokebench.benchmarks.tuning.space import open_storage, search_distributions
from strokebench.benchmarks.tuning.trial import counts
from strokebench.files import digest, home

STARTUP_TRIALS = 5
"""The pruner lets so many trials run to their end before it compares."""
WARMUP_SHARE = 0.25
"""And this share of a trial's folds: the first ones tell little (our choice)."""


def study_name(method: str, context: Context) -> str:
    """Cohort, outcome, protocol, method and split; and a hash of whatever else makes values comparable."""
    identity = context.identity(first_run(method, context))
    rest = {name: value for name, value in identity.items() if name not in ("fold", "params")}
    parts = [context.cohort.name, context.endpoint.name, context.settings.protocol, method, context.split.sha256[:12]]
    return "/".join([*parts, digest([rest, context.settings.quick])[:8]])


def first_run(method: str, context: Context) -> Run:
    """The method with its defaults on the first fold."""
    fold = context.split.folds[0]
    return Run(method, fold.seed, fold.fold, context.settings.protocol, balance=context.settings.balance)


def open_study(method: str, context: Context, place: str | None, sampler: BaseSampler) -> optuna.Study:
    """The study of this method, with the trials of earlier calls.

    Optuna lets the choices of a parameter never change within a study. Where they did, the study goes on as
    `NAME/2` and so on, which takes over the trials that lie in the present space; the old one stays as it is.

    Args:
        place: of the storage; None: SQLite below `home("tuning")`.

    Raises:
        StrokebenchError: the storage cannot be opened.
    """
    storage, name = open_storage(place or f"sqlite:///{home('tuning', 'studies.db')}"), study_name(method, context)
    space, earlier = search_distributions(method), list[FrozenTrial]()
    warmup = int(WARMUP_SHARE * len(context.split.folds))
    home("tuning").mkdir(parents=True, exist_ok=True)
    with FileLock(home("tuning", "opening.lock")):
        for number in count(1):
            study = optuna.create_study(
                storage=storage,
                sampler=sampler,
                pruner=optuna.pruners.MedianPruner(STARTUP_TRIALS, n_warmup_steps=warmup),
                study_name=name if number == 1 else f"{name}/{number}",
                direction="maximize",
                load_if_exists=True,
            )
            trials = study.get_trials(deepcopy=False)
            if not trials:
                study.add_trials(_within(space, earlier))
            if all(_compatible(trial.distributions, space) for trial in trials):
                return study
            earlier = trials
    raise AssertionError("numbers do not end")


def _compatible(old: Mapping[str, BaseDistribution], new: Mapping[str, BaseDistribution]) -> bool:
    """Whether Optuna takes trials of both into one study."""
    try:
        for name in old.keys() & new.keys():
            check_distribution_compatibility(old[name], new[name])
    except ValueError:
        return False
    return True


def _within(space: Mapping[str, BaseDistribution], trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Finished trials whose values the space has, as trials of that space."""
    found = []
    for trial in trials:
        if not counts(trial) or not trial.params.keys() <= space.keys():
            continue
        moved = copy(trial)
        try:
            moved.distributions = {name: space[name] for name in trial.params}
            optuna.trial.create_trial(value=0.0, params=trial.params, distributions=moved.distributions)
        except ValueError:
            continue
        found.append(moved)
    return found
