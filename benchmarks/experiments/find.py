"""Which experiments are there? Every file of this folder is looked through, and other packages' entry points."""

from typing import Any, TypeVar

from strokebench.benchmarks.running.experiment import Experiment
from strokebench.plugins import Registry

ExperimentClass = TypeVar("ExperimentClass", bound=type[Experiment])


def _is_experiment(name: str, thing: Any) -> bool:
    if not (isinstance(thing, type) and issubclass(thing, Experiment) and getattr(thing, "name", "") == name):
        return False
    # One that no list could name or order, or that cannot be made, would stop all of them.
    return name.isidentifier() and isinstance(thing().title, str) and isinstance(thing.order, int)


EXPERIMENTS: Registry[type[Experiment]] = Registry(
    "experiment", _is_experiment, folders=("strokebench.benchmarks.experiments",)
)


def experiment(cls: ExperimentClass) -> ExperimentClass:
    """Class decorator: the experiment can be run by its name.

    Raises:
        StrokebenchError: the name is taken by another class.
    """
    EXPERIMENTS.add(cls.name, cls)
    return cls


def all_experiments() -> dict[str, type[Experiment]]:
    """Every experiment that can be run, by name, in reading order."""
    return dict(sorted(EXPERIMENTS.all().items(), key=lambda item: (item[1].order, item[0])))


def find_experiment(name: str) -> Experiment:
    """The experiment of this name.

    Raises:
        StrokebenchError: there is none, or the package that brings it is broken.
    """
    return EXPERIMENTS.find(name)()
