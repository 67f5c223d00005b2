"""Where tuning looks: search spaces, samplers, storages, and a study found again, also in another space by now."""

import re
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from itertools import count, product
from math import prod
from pathlib import Path
from typing import Any, cast

import numpy as np
import optuna
from optuna import Study, Trial
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    check_distribution_compatibility,
)
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.samplers import BaseSampler, GridSampler, RandomSampler, TPESampler
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FixedTrial, FrozenTrial, TrialState, create_trial

from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.run import Run
from strokebench.benchmarks.tuning.pruner import MedianOfFold
from strokebench.benchmarks.tuning.trial import counts
from strokebench.errors import StrokebenchError, unknown_name, without_user
from strokebench.files import digest, file_lock, home
from strokebench.methods.registry import find_method
from strokebench.reports.tables.caption import patients_title
from strokebench.tasks.paper_setup import GRIDS, apart

OWN, PAPER = "own", "paper"
SPACES = (OWN, PAPER, *GRIDS)
"""A method's own search space, all grids of the paper at once, or one of them by the name of its figure."""
Space = Callable[[Trial], dict[str, Any]]
"""Draws hyper-parameters by a trial."""

SAMPLERS = ("tpe", "grid", "random")
_LOOKS = 8
"""So many times is a search space drawn from, to see whether it always asks for the same parameters."""
_MOST_DEFAULTS = 10_000
"""Combinations that are tried to find the default in a search space."""

# Optuna's own lines would tear the progress bar; what matters is printed by us.
optuna.logging.set_verbosity(optuna.logging.ERROR)


class GridWithDefault(GridSampler):
    """Optuna's grid sampler, which would stop the study at trials that have no place on the grid (the default).

    `BruteForceSampler` raises an error in a study with such a trial, or with one that was cut off.
    """

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Nothing: whether the grid is visited is looked up before each trial."""


def seeded_by_number(kind: type[RandomSampler] | type[TPESampler], seed: int) -> BaseSampler:
    """A sampler that each trial seeds anew by its number, those that were cut off not counted.

    A study that was interrupted and one that several processes share draw what one process would have drawn;
    with one seed for all, each process would draw the same.
    """

    class Seeded(kind):  # type: ignore[misc, valid-type]
        def before_trial(self, study: Study, trial: FrozenTrial) -> None:
            earlier = study.get_trials(deepcopy=False)[: trial.number]
            number = sum(counts(each) or not each.state.is_finished() for each in earlier)
            kind.__init__(self, seed=int(np.random.SeedSequence([seed, number]).generate_state(1)[0]))
            super().before_trial(study, trial)

    return cast("BaseSampler", Seeded(seed=seed))


def find_space(method: str, name: str = OWN) -> Space:
    """The search space of this name; of the paper's grids, the axes whose parameters the method has.

    Raises:
        StrokebenchError: no such space, or the method has no parameter of it.
    """
    known = find_method(method)
    if name not in SPACES:
        raise unknown_name("search space", name, SPACES)
    if name == OWN:
        return known.search_space
    parameters, grids = known().get_params().keys(), GRIDS if name == PAPER else {name: GRIDS[name]}
    axes = {
        axis: values
        for grid in grids.values()
        for axis, values in grid.items()
        if apart(axis, values[0]).keys() <= parameters
    }
    if not axes:
        raise StrokebenchError(f"{method} has no hyper-parameter of the search space {name}.", "Leave --space out.")

    def draw(trial: Trial) -> dict[str, Any]:
        drawn = {axis: trial.suggest_categorical(axis, values) for axis, values in axes.items()}
        return {name: value for axis, joint in drawn.items() for name, value in apart(axis, joint).items()}

    return draw


def named(method: str, space: str) -> str:
    """What files and sections of a search are called: the method, and the space where it is not the method's own."""
    return method if space == OWN else f"{method}_{space}"


def make_sampler(kind: str, method: str, seed: int = 0, space: str = OWN) -> BaseSampler:
    """The sampler of this name.

    Raises:
        StrokebenchError: no such sampler or space, nothing to tune, or a grid over a continuous parameter.
    """
    if kind not in SAMPLERS:
        raise unknown_name("sampler", kind, SAMPLERS)
    draws = _draws(method, space)
    if kind == "grid":
        return GridWithDefault(_discrete(method, draws), seed=seed)
    return seeded_by_number(RandomSampler if kind == "random" else TPESampler, seed)


def search_distributions(method: str, space: str = OWN) -> dict[str, BaseDistribution]:
    """The distributions that a search space asks a trial for, by parameter.

    Raises:
        StrokebenchError: it asks for none.
    """
    return {name: each for draw in _draws(method, space) for name, each in draw.items()}


def _draws(method: str, space: str) -> list[dict[str, BaseDistribution]]:
    """What each of several random trials is asked for: a parameter may be wanted for some values of another alone."""
    study, draw = optuna.create_study(sampler=RandomSampler(seed=0)), find_space(method, space)
    trials = [study.ask() for _ in range(_LOOKS)]
    for trial in trials:
        draw(trial)
    if not any(trial.distributions for trial in trials):
        raise StrokebenchError(f"{method} has nothing to tune: its search space is empty.")
    return [trial.distributions for trial in trials]


def draw_settings(method: str, count: int) -> list[dict[str, Any]]:
    """Different settings of a method's search space that it takes, drawn at random and the same in every call.

    Returns:
        `count` of them; fewer where the space has fewer, none where it is empty.

    Raises:
        StrokebenchError: it takes none of those that were drawn.
    """
    study, known = optuna.create_study(sampler=RandomSampler(seed=0)), find_method(method)
    found: list[dict[str, Any]] = []
    refused = ""
    for _ in range(_LOOKS * count):
        if len(found) == count:
            break
        params = known.search_space(study.ask())
        if not params or params in found:
            continue
        try:
            known(**params)
        except Exception as error:
            # Two values that do not go together, say.
            refused = f"{type(error).__name__}: {error}"
        else:
            found.append(params)
    if refused and not found:
        raise StrokebenchError(f"{method} takes no setting of its own search space: {refused}")
    return found


def _discrete(method: str, draws: Sequence[Mapping[str, BaseDistribution]]) -> dict[str, list[Any]]:
    """The values of each parameter, refusing what has none to list."""
    space = {name: each for draw in draws for name, each in draw.items()}
    grid = {name: values for name, each in space.items() if (values := grid_values(each)) is not None}
    if continuous := [name for name in space if name not in grid]:
        raise StrokebenchError(
            f"{method}: {continuous[0]} is continuous in its search space, so it has no grid.",
            "Use --sampler tpe or random, or give the parameter a step or choices.",
        )
    if any(draw.keys() != space.keys() for draw in draws):
        raise StrokebenchError(
            f"{method}: which parameters its search space asks for depends on their values, so it has no grid.",
            "Use --sampler tpe or random.",
        )
    return grid


def grid_values(distribution: BaseDistribution) -> list[Any] | None:
    """Every value of a discrete distribution; None for a continuous one."""
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    if isinstance(distribution, IntDistribution) and not distribution.log:
        return list(range(distribution.low, distribution.high + 1, distribution.step))
    if isinstance(distribution, FloatDistribution) and distribution.step is not None:
        count = round((distribution.high - distribution.low) / distribution.step) + 1
        return [round(distribution.low + i * distribution.step, 10) for i in range(count)]
    return None


def default_trial(method: str, name: str = OWN) -> dict[str, Any] | None:
    """The values that make the search space of this name give the method's defaults; None where it cannot."""
    draw, space = find_space(method, name), search_distributions(method, name)
    defaults = find_method(method)().get_params()
    choices = [[defaults[name]] if name in defaults else grid_values(each) or [] for name, each in space.items()]
    if prod(map(len, choices)) > _MOST_DEFAULTS:
        return None
    for values in product(*choices):
        drawn = dict(zip(space, values, strict=True))
        try:
            create_trial(value=0.0, params=drawn, distributions=space)
        except ValueError:
            # A default lies outside the space.
            return None
        # Whatever a trial is asked for, a fixed one answers.
        params = draw(cast("Trial", FixedTrial(drawn)))
        if all(defaults.get(name) == value for name, value in params.items()):
            return drawn
    return None


def open_storage(place: str) -> BaseStorage:
    """Where a study is kept: a database's URL, or a file that Optuna's journal is written to.

    Raises:
        StrokebenchError: the database cannot be opened.
    """
    if "://" not in place:
        path = Path(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        return _open(lambda: JournalStorage(JournalFileBackend(str(path))))
    if place.startswith("sqlite:///"):
        path = Path(place.removeprefix("sqlite:///"))
        path.parent.mkdir(parents=True, exist_ok=True)
        # Two processes that start together must not both make the tables.
        with file_lock(path.with_name(f"{path.name}.lock")):
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
        raise StrokebenchError(
            f"The storage cannot be opened: {_first_line(error)}",
            "Write sqlite:///studies.db, postgresql://user@host/name (with psycopg), or a file such as study.journal.",
        ) from None


def _first_line(error: BaseException) -> str:
    # A URL may hold a password.
    return without_user(str(error).strip().partition("\n")[0])[:200]


def behind(error: BaseException) -> BaseException:
    """What ended a study: a storage that was lost, or a full disk, upon which Optuna comes with an error of its own."""
    from sqlalchemy.exc import SQLAlchemyError

    found, each = error, error.__cause__ or error.__context__
    while each:
        # The deepest says why.
        found = each if isinstance(each, (OSError, SQLAlchemyError)) else found
        each = each.__cause__ or each.__context__
    if not isinstance(found, (SQLAlchemyError, StorageInternalError)):
        return found
    hint = "What was finished is kept; the same command goes on."
    return StrokebenchError(f"The storage was lost: {_first_line(found)}.", hint)


def objective_of(context: Context) -> str:
    """What a study makes as large as it can, as files and pages of studies call it."""
    return f"mean validation {context.endpoint.ranked_by}"


def study_name(method: str, context: Context, space: str = OWN) -> str:
    """Method, cohort, outcome, protocol and space; and a hash of whatever else makes values comparable."""
    identity = context.identity(first_run(method, context))
    rest = {name: value for name, value in identity.items() if name not in ("fold", "params")}
    parts = [method, context.cohort.name, context.endpoint.expression, context.settings.protocol]
    parts += [space] if space != OWN else []
    return "/".join([*parts, digest([rest, context.settings.quick, context.split.sha256])[:8]])


def first_run(method: str, context: Context) -> Run:
    """The method with its defaults on the first fold."""
    fold = context.split.folds[0]
    return Run(method, fold.seed, fold.fold, context.settings.protocol, balance=context.settings.balance)


def default_storage() -> str:
    """Where studies are kept if nothing else is said."""
    return f"sqlite:///{home('tuning', 'studies.db')}"


def open_study(
    method: str, context: Context, place: str | None, sampler: BaseSampler, space: str = OWN
) -> optuna.Study:
    """The study of this method, with the trials of earlier calls.

    Optuna lets the choices of a parameter never change within a study. Where they did, the study goes on as
    `NAME/2` and so on, which takes over the trials that lie in the present space; the old one stays as it is.

    Args:
        place: of the storage; None: SQLite below `home("tuning")`.
        space: a name of `SPACES`.

    Raises:
        StrokebenchError: the storage cannot be opened.
    """
    storage, name = open_storage(place or default_storage()), study_name(method, context, space)
    asked, earlier = search_distributions(method, space), list[FrozenTrial]()
    home("tuning").mkdir(parents=True, exist_ok=True)
    with file_lock(home("tuning", "opening.lock")):
        for number in count(1):
            study = optuna.create_study(
                storage=storage,
                sampler=sampler,
                pruner=MedianOfFold(len(context.split.folds)),
                study_name=name if number == 1 else f"{name}/{number}",
                direction="maximize",
                load_if_exists=True,
            )
            trials = study.get_trials(deepcopy=False)
            if not trials:
                with warnings.catch_warnings(action="ignore", category=ExperimentalWarning):
                    study.set_metric_names([objective_of(context)])
                for about, value in _about(context).items():
                    study.set_user_attr(about, value)
                study.add_trials(_within(asked, earlier))
            if all(_compatible(trial.distributions, asked) for trial in trials):
                return study
            earlier = trials
    raise AssertionError("numbers do not end")


def _about(context: Context) -> dict[str, Any]:
    """What whoever meets a study in its storage should know of it."""
    return {
        "cohort": patients_title(context.title, context.cohort.synthetic),
        "outcome": context.endpoint.expression,
        "protocol": context.settings.protocol,
        "folds": len(context.split.folds),
        "patients": "test parts are out of reach",
    }


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
