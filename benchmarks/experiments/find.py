"""Which experiments are there? Every file of this folder is looked through."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TypeVar

import strokebench.benchmarks.experiments
from strokebench.benchmarks.running.experiment import Experiment
from strokebench.errors import StrokebenchError

_registered: dict[str, type[Experiment]] = {}
ExperimentClass = TypeVar("ExperimentClass", bound=type[Experiment])


def experiment(cls: ExperimentClass) -> ExperimentClass:
    """Class decorator: the experiment can be run by its name."""
    _registered[cls.name] = cls
    return cls


@cache
def _discover() -> None:
    room = strokebench.benchmarks.experiments
    for module in pkgutil.iter_modules(room.__path__):
        importlib.import_module(f"{room.__name__}.{module.name}")


def all_experiments() -> dict[str, type[Experiment]]:
    """Every experiment by name."""
    _discover()
    return dict(sorted(_registered.items()))


def find_experiment(name: str) -> Experiment:
    """The experiment of this name.

    Raises:
        StrokebenchError: there is none; names those that exist.
    """
    experiments = all_experiments()
    if name not in experiments:
        raise StrokebenchError(f"No experiment is called {name!r}.", f"Choose from: {', '.join(experiments)}.")
    return experiments[name]()
