"""What is an experiment? A plan of runs, and what is made of their results."""

from __future__ import annotations

import importlib
import importlib.util
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import strokebench.benchmarks
from strokebench.datasets.files import StrokebenchError
from strokebench.tasks.conditions import COMPLETE, Condition

if TYPE_CHECKING:
    from rich.console import RenderableType

    from strokebench.benchmarks.context import Context
    from strokebench.reports.results import Results


@dataclass(frozen=True)
class Run:
    """One fit of one method on one fold. Runs belong to no experiment: several may share one.

    Args:
        method: registry name.
        seed, fold: which fold of the context's split.
        params: hyper-parameters that differ from the method's defaults.
        variant: what a table calls these parameters; decides nothing.
        condition: modalities that the method may see.
        balance: how the training part is balanced, a key of `strokebench.tasks.balancing.BALANCERS`.
    """

    method: str
    seed: int
    fold: int
    protocol: str
    params: Mapping[str, Any] = field(default_factory=dict)
    variant: str = ""
    condition: Condition = COMPLETE
    balance: str = "smote"

    def names(self) -> dict[str, Any]:
        """What tables and MLflow call this run: method, variant, condition, seed and fold."""
        return {
            "method": self.method,
            "variant": self.variant,
            "condition": self.condition.name,
            "seed": self.seed,
            "fold": self.fold,
        }


@dataclass(frozen=True)
class Plan:
    """What an experiment wants computed, and what it leaves out.

    Args:
        runs: in the order of the tables.
        left_out: method -> why it cannot be run on this cohort.
    """

    runs: list[Run]
    left_out: Mapping[str, str] = field(default_factory=dict)


class Experiment(ABC):
    """One table or figure. One file in this folder each, marked `@experiment`.

    Class attributes:
        name: what `strokebench run` calls it. title: one line for lists.
        protocol: the only protocol that it makes sense under; None: the user's choice.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    protocol: ClassVar[str | None] = None

    @abstractmethod
    def plan(self, context: Context) -> Plan:
        """The runs that it needs."""

    @abstractmethod
    def report(self, results: Results, folder: Path) -> RenderableType:
        """Write its tables and figures into `folder`, finished or not; what the terminal shows."""


_registered: dict[str, type[Experiment]] = {}
ExperimentClass = TypeVar("ExperimentClass", bound=type[Experiment])


def experiment(cls: ExperimentClass) -> ExperimentClass:
    """Class decorator: the experiment can be run by its name."""
    _registered[cls.name] = cls
    return cls


@cache
def _discover() -> None:
    """Import the files that hold an experiment; others bring in what trains, for more than a second."""
    for folder in strokebench.benchmarks.__path__:
        for path in sorted(Path(folder).glob("*.py")):
            if re.search(r"^@(\w+\.)*experiment\b", path.read_text(encoding="utf-8"), re.MULTILINE):
                importlib.import_module(f"{strokebench.benchmarks.__name__}.{path.stem}")


def all_experiments() -> dict[str, type[Experiment]]:
    """Every experiment by name."""
    _discover()
    return dict(sorted(_registered.items()))


def find_experiment(name: str) -> Experiment:
    """The experiment of this name.

    Raises:
        StrokebenchError: there is none; names those that exist.
    """
    # An experiment lies in the file of its name: the others, and what they bring in, stay where they are.
    if name.isidentifier() and importlib.util.find_spec(f"{strokebench.benchmarks.__name__}.{name}"):
        importlib.import_module(f"{strokebench.benchmarks.__name__}.{name}")
    if name in _registered:
        return _registered[name]()
    experiments = all_experiments()
    if name not in experiments:
        raise StrokebenchError(f"No experiment is called {name!r}.", f"Choose from: {', '.join(experiments)}.")
    return experiments[name]()
