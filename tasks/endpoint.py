"""What is predicted of a patient: labels, and all that follows from their kind."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.datasets.cohort import Cohort, Time
from strokebench.datasets.naming import scale_of
from strokebench.datasets.problems import Problem
from strokebench.datasets.texts.filter import filter_text
from strokebench.datasets.texts.filter_lists import OUTCOME_PATTERNS
from strokebench.errors import StrokebenchError

if TYPE_CHECKING:
    from torch import Tensor

KINDS: dict[str, type[Endpoint]] = {}
"""Every registered kind of endpoint, by name."""


def register_endpoint(kind: type[Endpoint]) -> type[Endpoint]:
    """Class decorator: rules that `kind.parse` reads become endpoints of this kind."""
    KINDS[kind.kind] = kind
    return kind


@dataclass(frozen=True)
class Endpoint(ABC):
    """What is predicted. A label is a whole number from 0 to `levels` - 1, and is read from one column of the table.

    Class attributes:
        kind: by which metrics say what they apply to.
        binary: whether a patient has an event or has not, so that `events` is defined.
        ranked_by: the metric that is a share of pairs of patients with different labels, those that `ranking` puts in
            the order of `ordered`; empty where there is none.
        mixes: whether MixUp may be used, which mixes the targets of two patients.

    Args:
        column: of the cohort's table.
        keep_scale_sentences: leave sentences that state the outcome's own scale in the text (off: a language
            model that is asked for an NIHSS range would hand the outcome to the method).
        called: the cohort's own name for the outcome, for folders and headings; empty where it has none.
    """

    kind: ClassVar[str]
    binary: ClassVar[bool] = False
    ranked_by: ClassVar[str] = ""
    mixes: ClassVar[bool] = True

    column: str
    keep_scale_sentences: bool = field(default=False, kw_only=True)
    called: str = field(default="", kw_only=True, compare=False)

    @classmethod
    @abstractmethod
    def parse(cls, rule: str) -> Self | None:
        """The endpoint that a rule describes; None where it is not of this kind."""

    @property
    @abstractmethod
    def expression(self) -> str:
        """The rule as text, e.g. `nihss < 7`; `parse` reads it."""

    @property
    @abstractmethod
    def rule_name(self) -> str:
        """The rule without signs, e.g. `nihss lt 7`."""

    @property
    def name(self) -> str:
        """A file name, e.g. `nihss_lt_7`, after the outcome's own name where it has one."""
        return re.sub(r"[^\w.-]+", "_", f"{self.called}-{self.rule_name}" if self.called else self.rule_name).strip("_")

    @property
    def title(self) -> str:
        """What headings call it: the rule, behind the outcome's own name where it has one."""
        return f"{self.called} ({self.expression})" if self.called else self.expression

    @property
    def of_texts(self) -> bool:
        """Whether the column's values are texts, not numbers."""
        return False

    @property
    @abstractmethod
    def levels(self) -> int:
        """How many different labels there are."""

    @property
    @abstractmethod
    def outputs(self) -> int:
        """How many logits a network gives for a patient: (b,) where it is one, else (b, outputs)."""

    @property
    @abstractmethod
    def prediction_columns(self) -> tuple[str, ...]:
        """The columns of the table of predictions that hold probabilities."""

    @abstractmethod
    def from_values(self, values: pd.Series) -> pd.Series:
        """Labels of these numbers, or texts where `of_texts`, both by patient id.

        Raises:
            StrokebenchError: a value that has no label; names the patient.
        """

    @abstractmethod
    def problems(self, given: pd.Series) -> Iterator[Problem]:
        """What is wrong with the values of the column, by patient id; missing ones are left to others."""

    def labels(self, cohort: Cohort) -> pd.Series:
        """Labels (int8) by patient id of the patients that have the outcome; the others are left out.

        Raises:
            StrokebenchError: no such column, a value that is no number or has no label, or the same label for all.
        """
        if self.column not in cohort.table:
            raise StrokebenchError(
                f"The outcome {self.expression!r} needs a column {self.column!r} in {cohort.title}.",
                f"Its columns: {', '.join(map(str, cohort.table.columns))}.",
            )
        labels = self.read(cohort.table[self.column].dropna())
        if labels.nunique() < 2:
            raise StrokebenchError(f"The outcome {self.expression!r} is the same for all {len(labels)} patients.")
        return labels

    def read(self, given: pd.Series) -> pd.Series:
        """Labels (int8) of known values of the column, both by patient id.

        Raises:
            StrokebenchError: a value that is no number or has no label; names the patient.
        """
        values = given if self.of_texts else pd.to_numeric(given, errors="coerce")
        if values.isna().any():
            patient = values.index[values.isna()][0]
            raise StrokebenchError(f"Patient {patient}: outcome {self.column} = {given[patient]!r}, no number.")
        return self.from_values(values).astype("int8").rename("y")

    def strata(self, labels: pd.Series) -> pd.Series:
        """What splits are stratified by, by patient id; every category must be frequent enough. Default: the labels."""
        return labels.astype(pd.CategoricalDtype(list(range(self.levels))))

    def targets(self, y: NDArray) -> NDArray[np.float32]:
        """What `loss` is given for labels (n,), one row a patient. Default: the labels."""
        return np.asarray(y, dtype=np.float32)

    @abstractmethod
    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """What a network minimises, of logits (b,) or (b, outputs) and what `targets` gives, or mixtures of it."""

    @abstractmethod
    def link(self, logits: NDArray) -> NDArray[np.float64]:
        """Probabilities of the labels (n, levels) from logits (n,) or (n, outputs)."""

    def columns(self, p: NDArray) -> dict[str, NDArray[np.float64]]:
        """`prediction_columns`, each (n,), from probabilities of the labels (n, levels)."""
        return dict(zip(self.prediction_columns, np.asarray(p, dtype=np.float64).T, strict=True))

    def probabilities(self, predictions: pd.DataFrame) -> NDArray[np.float64]:
        """What metrics are given, (n,) of one column of predictions and (n, columns) of more."""
        p = predictions[list(self.prediction_columns)].to_numpy(np.float64)
        return p[:, 0] if p.shape[1] == 1 else p

    @abstractmethod
    def score(self, y: NDArray, p: NDArray) -> float:
        """What a fit is selected by on its validation part: larger is better, NaN where it is undefined.

        Args:
            y: labels, (n,). p: probabilities of the labels, (n, levels).
        """

    @property
    def dichotomies(self) -> tuple[Endpoint, ...]:
        """Of ordered labels the binary outcomes between them: is the label above 0, above 1, ...? Default: none.

        A method of binary outcomes fits one model to each, and a prediction is judged at each.
        """
        return ()

    def from_cuts(self, above: NDArray) -> NDArray[np.float64]:
        """Probabilities of the labels (n, levels) from those of passing each cut (n, cuts).

        Sorted where they cross, which takes them no farther from the truth (Chernozhukov et al. 2010).
        """
        ends = np.ones((len(above), 1)), np.zeros((len(above), 1))
        # Not -np.diff, which gives -0.0.
        return 0.0 - np.diff(np.hstack([ends[0], -np.sort(-above, axis=1), ends[1]]), axis=1)

    def threshold(self, y: NDArray, p: NDArray) -> float:
        """Where a fit would call an event, by labels (n,) and probabilities (n, levels) of validation; else NaN."""
        return float("nan")

    def events(self, y: Any) -> NDArray[np.bool_]:
        """Whether each of these patients has the event, (n,), where the endpoint is `binary`.

        Raises:
            StrokebenchError: it is not.
        """
        raise StrokebenchError(f"The outcome {self.expression!r} has no events: it is {self.kind}.")

    def ordered(self, y: Any) -> NDArray[Any]:
        """These labels (n,) as patients are ranked by them. Default: `events`, with its error."""
        return self.events(y)

    def ranking(self, predictions: pd.DataFrame) -> NDArray[np.float64]:
        """What ranks patients, (n,): higher for higher labels. Default: the one column of probabilities."""
        return self.probabilities(predictions)

    def describe(self, label: int) -> str:
        """What a label is called in a description of the cohort."""
        return f"label {label}"

    def shares(self, y: Any) -> str:
        """How frequent the labels (n,) are, in words."""
        counts = np.bincount(np.asarray(y), minlength=self.levels)
        return ", ".join(f"{100 * n / counts.sum():.1f} % of label {label}" for label, n in enumerate(counts))

    def how_called(self, threshold: float) -> str:
        """A sentence on what labels mean to metrics, and from which probability on an event is called."""
        return ""

    def check(self, y: NDArray, p: NDArray) -> None:
        """Look at labels (n,) and probabilities as `probabilities` gives them.

        Raises:
            ValueError: a label that does not exist, or a probability outside [0, 1].
        """
        if not np.isin(y, range(self.levels)).all():
            raise ValueError(f"Labels must be from 0 to {self.levels - 1}.")
        if not ((p >= 0) & (p <= 1)).all():
            raise ValueError("Probabilities must be finite and within [0, 1].")

    def not_inputs(self, cohort: Cohort) -> dict[str, str]:
        """Columns of the table that may not be an input -> why; no name alone ever decides it."""
        own = cohort.table.get(self.column)
        reasons = {}
        for name in sorted(cohort.table.columns):
            if name == self.column:
                reasons[name] = "the outcome is read from it"
            elif name in cohort.banned:
                reasons[name] = "banned"
            elif cohort.columns[name].time is Time.AFTER:
                reasons[name] = "known only afterwards"
            elif own is not None and cohort.table[name].equals(own):
                reasons[name] = f"a copy of {self.column}"
        return reasons

    def keep_text(self, text: str) -> str:
        """A diagnostic text as a method may see it: through the filter, without the outcome's own scale."""
        return filter_text(text, self.banned_sentences).kept

    @property
    def banned_sentences(self) -> tuple[re.Pattern[str], ...]:
        """Patterns of the sentences that state the outcome's own scale; none where they may stay."""
        scale = scale_of(self.column)
        return OUTCOME_PATTERNS[scale] if scale and not self.keep_scale_sentences else ()
