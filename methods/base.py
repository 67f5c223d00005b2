"""The contract of a method: scikit-learn's, on `Inputs`."""

import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from strokebench.datasets.encoders.weights import Published
from strokebench.errors import StrokebenchError
from strokebench.files import damaged_file, read_json, write_json, write_manifest
from strokebench.tasks import paper_setup
from strokebench.tasks.endpoint import Endpoint
from strokebench.tasks.endpoints.binary import BINARY
from strokebench.tasks.endpoints.parse import parse_endpoint
from strokebench.tasks.inputs import Inputs, modalities_of


class Trial(Protocol):
    """What a search space draws from: `optuna.Trial`, as far as it is used."""

    def suggest_categorical(self, name: str, choices: Sequence[Any], /) -> Any: ...

    def suggest_int(self, name: str, low: int, high: int, /) -> int: ...

    def suggest_float(
        self, name: str, low: float, high: float, /, *, step: float | None = None, log: bool = False
    ) -> float: ...


class Family(StrEnum):
    """The paper's categories of Table 1, in its order, and below them what is not the paper's."""

    TRADITIONAL = "Traditional"
    DEEP = "Deep"
    MULTIMODAL = "Multimodal"
    PROPOSED = "Proposed"
    REFERENCE = paper_setup.REFERENCE


@dataclass(kw_only=True, eq=False, repr=False)
class Method(ClassifierMixin, BaseEstimator, ABC):
    """One way to make a prognosis. Subclasses are keyword-only dataclasses: a field is a hyper-parameter.

    The runner calls `fit` with the training and validation parts of one fold and `predict_proba` with the
    test part; it never passes ids, sites or test labels. `strokebench check NAME` holds a method to this.

    Class attributes:
        name: registry key, snake_case. label: as tables print it. family: category of Table 1.
        reads: arrays that its default settings read, by name of the schema (`strokebench.tasks.inputs`), and `present`
            if it asks which modalities a patient has.
        uses: the modalities that these belong to; follows from `reads`.
        paper_row: its row in the paper's Table 1, or None; tables keep that order.
        needs: roles (`strokebench.datasets.roles`) that a cohort must know for it; without one it is left out.
        library: of the extra `modern`, that it stands on; such a method joins where it is named, and never by default.
        published: files of weights that it reads, from the user's folder of weights or the hub.
        never_saved: why a fitted one may not leave the machine; empty where it may.

    Attributes:
        endpoint: what is predicted; set by the runner before `fit`.

    Attributes set by `fit`:
        history_: one list a training curve, one value an epoch.
        facts_: numbers worth a column (`parameters`, `best_epoch`, ...).

    Args:
        random_state: seed of everything random in `fit`.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    family: ClassVar[Family]
    reads: ClassVar[tuple[str, ...]]
    uses: ClassVar[frozenset[str]]
    paper_row: ClassVar[int | None] = None
    needs: ClassVar[tuple[str, ...]] = ()
    library: ClassVar[str] = ""
    published: ClassVar[tuple[Published, ...]] = ()
    never_saved: ClassVar[str] = ""

    random_state: int = 0
    endpoint: Endpoint = field(init=False, default=BINARY)
    history_: dict[str, list[float]] = field(init=False, default_factory=dict)
    facts_: dict[str, float] = field(init=False, default_factory=dict)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.uses = modalities_of(getattr(cls, "reads", ()))

    @abstractmethod
    def fit(self, train: Inputs, y: NDArray, validation: Inputs, y_validation: NDArray) -> Self:
        """Fit on the training part; the validation part is for early stopping and selection only.

        Args:
            train: n patients (after oversampling), `y` their labels, int8 (n,).
            validation: m patients, `y_validation` their labels; may hold one class only.
        """

    @abstractmethod
    def predict_proba(self, x: Inputs) -> NDArray[np.float64]:
        """Probabilities of the labels, (n, `endpoint.levels`); each row depends on that patient alone."""

    def refuse_unless(self, option: str, choices: Collection[str]) -> None:
        """Hold a parameter against its choices.

        Raises:
            StrokebenchError: it is none of them.
        """
        if (given := getattr(self, option)) not in choices:
            known = ", ".join(choices)
            raise StrokebenchError(f"{self.name}: {option}={given!r} is unknown.", f"Choose from: {known}.")

    def arrays(self) -> tuple[str, ...]:
        """The arrays that these settings read: `reads`, unless a method has settings that say otherwise."""
        return self.reads

    def patient_facts(self, x: Inputs) -> dict[str, NDArray[np.float64]]:
        """Numbers a patient beside the probability that are worth keeping, each (n,). Default: none."""
        return {}

    @staticmethod
    def search_space(trial: Trial) -> dict[str, Any]:
        """Hyper-parameters to try, drawn from `trial`. Default: nothing to tune."""
        return {}

    @classmethod
    def notes(cls) -> dict[str, str]:
        """The docstring's sections, in its order and one paragraph each, for the report."""
        parts = re.split(r"^(Source|Original|Kept|Ours|Lost):", inspect.cleandoc(cls.__doc__ or ""), flags=re.MULTILINE)
        return {
            key: " ".join(body.split("\n\n")[0].split()) for key, body in zip(parts[1::2], parts[2::2], strict=True)
        }

    def save(self, folder: Path) -> None:
        """Write the fitted method below `folder`, without pickles.

        Raises:
            StrokebenchError: it is one that is never saved.
        """
        if self.never_saved:
            raise StrokebenchError(f"{self.label} is never saved: {self.never_saved}.")
        folder.mkdir(parents=True, exist_ok=True)
        self._save_model(folder)
        state = {
            "name": self.name,
            "endpoint": self.endpoint.expression,
            "parameters": self.get_params(),
            "facts": self.facts_,
        }
        write_json(folder / "method.json", state)
        write_manifest(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            StrokebenchError: the folder holds another method, or its files are damaged.
        """
        if damaged := damaged_file(folder):
            raise StrokebenchError(f"{damaged} is damaged.", "Fit and save it again.")
        state = read_json(folder / "method.json")
        if state["name"] != cls.name:
            raise StrokebenchError(f"{folder} holds {state['name']}, not {cls.name}.")
        method = cls(**state["parameters"])
        method.endpoint = parse_endpoint(state["endpoint"])
        method.facts_ = state["facts"]
        method._load_model(folder)
        return method

    @abstractmethod
    def _save_model(self, folder: Path) -> None: ...

    @abstractmethod
    def _load_model(self, folder: Path) -> None: ...


def two_columns(p: NDArray) -> NDArray[np.float64]:
    """scikit-learn's (n, 2) from the probability of label 1, (n,)."""
    p = np.asarray(p, dtype=np.float64)
    return np.column_stack([1 - p, p])
