"""Where tuning looks: search spaces, samplers and storages, Optuna's side of `strokebench tune`."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from filelock import FileLock
from optuna.samplers import BaseSampler, GridSampler, RandomSampler, TPESampler

from strokebench.errors import StrokebenchError
from strokebench.methods.registry import find_method

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial, TrialState

SAMPLERS = ("tpe", "grid", "random")
_LOOKS = 8
"""So many times is a search space drawn from, to see whether it always asks for the same parameters."""
_MOST_DEFAULTS = 10_000
"""Combinations that are tried to find the default in a search space."""


def quiet_optuna() -> None:
    """Optuna's own lines would tear the progress bar; what matters is said by us."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)


class FullGrid(GridSampler):
    """Optuna's grid sampler, without stopping the study: queued trials (the default) have no place on the grid."""

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Nothing: whoever asks looks at `is_exhausted`."""


class ByNumber(BaseSampler):
    """A sampler made anew for each trial, seeded by the trial's number.

    A study that was interrupted and one that several processes share draw what one process would have drawn;
    with one seed for all, each process would draw the same.

    Args:
        make: seed -> sampler.
    """

    def __init__(self, make: Callable[[int], BaseSampler], seed: int) -> None:
        self.make, self.seed = make, seed
        self.current = make(seed)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """A fresh sampler for this trial."""
        self.current = self.make(int(np.random.SeedSequence([self.seed, trial.number]).generate_state(1)[0]))
        self.current.before_trial(study, trial)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """See Optuna."""
        return self.current.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """See Optuna."""
        return self.current.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """See Optuna."""
        return self.current.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """See Optuna."""
        self.current.after_trial(study, trial, state, values)


def make_sampler(kind: str, method: str, seed: int = 0) -> BaseSampler:
    """The sampler of this name.

    Raises:
        StrokebenchError: no such sampler, nothing to tune, or a grid over a continuous parameter.
    """
    if kind not in SAMPLERS:
        raise StrokebenchError(f"No sampler is called {kind!r}.", f"Choose from: {', '.join(SAMPLERS)}.")
    distributions = search_distributions(method)
    if kind == "grid":
        return FullGrid(_discrete(method, distributions), seed=seed)
    return ByNumber(lambda seed: RandomSampler(seed=seed) if kind == "random" else TPESampler(seed=seed), seed)


def search_distributions(method: str) -> dict[str, BaseDistribution]:
    """What a method's `search_space` asks a trial for, by name.

    Raises:
        StrokebenchError: it asks for nothing.
    """
    import optuna

    quiet_optuna()
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    found: dict[str, BaseDistribution] = {}
    for _ in range(_LOOKS):
        trial = study.ask()
        find_method(method).search_space(trial)
        found |= trial.distributions
    if not found:
        raise StrokebenchError(f"{method} has nothing to tune: its search space is empty.")
    return found


def _discrete(method: str, distributions: Mapping[str, BaseDistribution]) -> dict[str, list[Any]]:
    """The values of each parameter, refusing what has none to list."""
    grid = {}
    for name, distribution in distributions.items():
        values = grid_values(distribution)
        if values is None:
            raise StrokebenchError(
                f"{method}: {name} is continuous in its search space, so it has no grid.",
                "Use --sampler tpe or random, or give the parameter a step or choices.",
            )
        grid[name] = values
    first = _asked(method)
    if any(_asked(method, seed) != first for seed in range(1, _LOOKS)):
        raise StrokebenchError(
            f"{method}: which parameters its search space asks for depends on their values, so it has no grid.",
            "Use --sampler tpe or random.",
        )
    return grid


def _asked(method: str, seed: int = 0) -> set[str]:
    import optuna

    trial = optuna.create_study(sampler=RandomSampler(seed=seed)).ask()
    find_method(method).search_space(trial)
    return set(trial.distributions)


def grid_values(distribution: BaseDistribution) -> list[Any] | None:
    """Every value of a discrete distribution; None for a continuous one."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    if isinstance(distribution, IntDistribution) and not distribution.log:
        return list(range(distribution.low, distribution.high + 1, distribution.step))
    if isinstance(distribution, FloatDistribution) and distribution.step is not None:
        count = round((distribution.high - distribution.low) / distribution.step) + 1
        return [round(distribution.low + i * distribution.step, 10) for i in range(count)]
    return None


def default_trial(method: str) -> dict[str, Any] | None:
    """The values that make `search_space` give the method's defaults; None where it cannot."""
    from optuna.trial import FixedTrial

    find = find_method(method)
    defaults = find().get_params()
    choices = []
    for name, distribution in search_distributions(method).items():
        if name in defaults:
            if not _holds(distribution, defaults[name]):
                return None
            choices.append([(name, defaults[name])])
        elif (values := grid_values(distribution)) is None:
            return None
        else:
            choices.append([(name, value) for value in values])
    if np.prod([len(each) for each in choices]) > _MOST_DEFAULTS:
        return None
    for combination in product(*choices):
        drawn = dict(combination)
        # Whatever a trial is asked for, a fixed one answers.
        params = find.search_space(cast("Trial", FixedTrial(drawn)))
        if all(defaults.get(name) == value for name, value in params.items()):
            return drawn
    return None


def _holds(distribution: BaseDistribution, value: Any) -> bool:
    from optuna.distributions import FloatDistribution, IntDistribution

    values = grid_values(distribution)
    if values is not None:
        return value in values
    if not isinstance(distribution, FloatDistribution | IntDistribution) or not isinstance(value, int | float):
        return False
    return distribution.low <= value <= distribution.high


def open_storage(place: str) -> BaseStorage:
    """Where a study is kept: a database's URL, or a file that Optuna's journal is written to.

    Raises:
        StrokebenchError: the database cannot be opened.
    """
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    quiet_optuna()
    if "://" not in place:
        path = Path(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        return JournalStorage(JournalFileBackend(str(path)))
    if place.startswith("sqlite:///"):
        path = Path(place.removeprefix("sqlite:///"))
        path.parent.mkdir(parents=True, exist_ok=True)
        # Two processes that start together must not both make the tables.
        with FileLock(path.with_name(f"{path.name}.lock")):
            # Another process may write; SQLite's own five seconds are short where a disk is slow.
            return _open(lambda: RDBStorage(place, engine_kwargs={"connect_args": {"timeout": 60}}))
    # The driver that we install; which one SQLAlchemy takes by itself depends on its version.
    url = re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", place)
    return _open(lambda: RDBStorage(url, engine_kwargs={"pool_pre_ping": True}))


def _open(make: Callable[[], BaseStorage]) -> BaseStorage:
    from sqlalchemy.exc import IntegrityError

    try:
        for wait in (0.2, 1.0):
            try:
                return make()
            except Exception as error:
                # Another machine makes the tables of a new database at the same time.
                if not isinstance(error, IntegrityError) and "already exists" not in str(error):
                    raise
                time.sleep(wait)
        return make()
    except Exception as error:
        # A URL may hold a password.
        said = re.sub(r"//[^/@\s]*@", "//", str(error).strip().partition("\n")[0])
        raise StrokebenchError(
            f"The storage cannot be opened: {said[:200]}",
            "Write sqlite:///studies.db, postgresql://user@host/name (with psycopg), or a file such as study.journal.",
        ) from None
