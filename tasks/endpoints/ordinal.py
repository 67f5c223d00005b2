"""Grades in an order, such as the modified Rankin Scale as it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.datasets.outcome_rule import read_rule
from strokebench.datasets.problems import Problem
from strokebench.errors import StrokebenchError
from strokebench.tasks.endpoint import Endpoint, register_endpoint
from strokebench.tasks.endpoints.binary import Binary
from strokebench.tasks.metrics.selection import generalised_c
from strokebench.tasks.protocols import FOLDS

if TYPE_CHECKING:
    from torch import Tensor

SCALES = {"mrs": (0, 6), "rankin": (0, 6)}
"""Names of columns whose grades are known without a rule: lowest and highest."""
MOST = 128
"""Grades of a scale; the labels of more would not fit into int8."""


@register_endpoint
@dataclass(frozen=True)
class Ordinal(Endpoint):
    """The grades `low` to `high` of a column: `mrs90 0 to 6`, or `mrs` alone. A label is the grade less the lowest.

    Networks give cumulative logits (McCullagh 1980): the first logit is that of a grade above the lowest, each further
    one says by how much the next cut is less likely to be passed, `softplus` of it. The probabilities of passing are so
    in order for every patient; the odds of the cuts are not bound to be proportional.

    Args:
        column, low, high: see above.
    """

    kind = "ordinal"
    ranked_by = "c"

    low: int = 0
    high: int = 6

    @classmethod
    def parse(cls, rule: str) -> Self | None:
        read = read_rule(rule)
        if read is None or read.sign not in ("", "to"):
            return None
        ends = [int(value) for value in read.values or SCALES.get(read.column.casefold(), ())]
        if not ends or ends[0] + 1 >= ends[1]:
            return None
        low, high = ends
        if high - low >= MOST:
            raise StrokebenchError(
                f"The outcome {rule!r} has {high - low + 1} grades, more than {MOST}.",
                f"Give a rule such as '{read.column} > {(low + high) // 2}'.",
            )
        return cls(read.column, low, high)

    @property
    def expression(self) -> str:
        return f"{self.column} {self.low} to {self.high}"

    @property
    def rule_name(self) -> str:
        return self.expression

    @property
    def levels(self) -> int:
        return self.high - self.low + 1

    @property
    def outputs(self) -> int:
        return self.levels - 1

    @property
    def prediction_columns(self) -> tuple[str, ...]:
        return tuple(f"p{label}" for label in range(self.levels))

    @property
    def dichotomies(self) -> tuple[Endpoint, ...]:
        keep = self.keep_scale_sentences
        return tuple(
            Binary(self.column, ">", (float(grade),), keep_scale_sentences=keep) for grade in range(self.low, self.high)
        )

    def from_values(self, values: pd.Series) -> pd.Series:
        if not (fits := values.isin(range(self.low, self.high + 1))).all():
            patient = values.index[~fits][0]
            raise StrokebenchError(
                f"Patient {patient}: outcome {self.column} = {values[patient]:g} is no whole grade from {self.low} to"
                f" {self.high}.",
                f"Correct it, or give other grades, e.g. '{self.column} 0 to 6'.",
            )
        return values - self.low

    def problems(self, given: pd.Series) -> Iterator[Problem]:
        """Values that are no grades, and fewer than three grades among them."""
        values = pd.to_numeric(given.dropna(), errors="coerce")
        wrong = values.index[~values.isin(range(self.low, self.high + 1))]
        for id in wrong:
            what = f"the outcome {self.column!r} is {given[id]}, no whole grade from {self.low} to {self.high}"
            yield Problem("outcome_no_grade", what, str(id), self.expression)
        held = sorted(values.drop(wrong).unique())
        if values.size and len(held) < 3:
            what = f"{self.expression!r} finds only {', '.join(f'{grade:g}' for grade in held) or 'no grade'}"
            yield Problem("outcome_few_grades", what, where=self.expression)

    def strata(self, labels: pd.Series) -> pd.Series:
        """Grades by name, a rare one together with the next worse ones, the worst with the next better."""
        counts = np.bincount(labels, minlength=self.levels)
        groups, group, held = [], 0, 0
        for label, count in enumerate(counts):
            groups.append(group)
            held += count
            if held >= 2 * FOLDS and counts[label + 1 :].sum() >= 2 * FOLDS:
                group, held = group + 1, 0
        names = []
        for group in range(groups[-1] + 1):
            first, last = groups.index(group), groups.index(group) + groups.count(group) - 1
            names.append(self.describe(first) + (f" to {self.low + last}" if last > first else ""))
        # In the order of the grades, which draws go by; names are for whoever reads what is wrong.
        return labels.map(lambda label: names[groups[label]]).astype(pd.CategoricalDtype(names))

    def targets(self, y: NDArray) -> NDArray[np.float32]:
        """1 at the label of each patient, (n, levels)."""
        return np.eye(self.levels, dtype=np.float32)[np.asarray(y)]

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean negative log-likelihood of logits (b, outputs), given targets (b, levels) or mixtures of them.

        The probability of a middle grade is the product of passing the cut below it, of not passing the one above, and
        of the logistic function of the logit between the two, so that nothing small is ever subtracted.
        """
        import torch
        from torch.nn import functional

        first, others = logits[:, :1], logits[:, 1:]
        above = torch.cat([first, first - functional.softplus(others).cumsum(1)], dim=1)
        passed, stopped = functional.logsigmoid(above), functional.logsigmoid(-above)
        middle = passed[:, :-1] + stopped[:, 1:] + functional.logsigmoid(others)
        return -(targets * torch.cat([stopped[:, :1], middle, passed[:, -1:]], dim=1)).sum(1).mean()

    def link(self, logits: NDArray) -> NDArray[np.float64]:
        """Probabilities of the labels (n, levels) by cumulative logits (n, outputs)."""
        from scipy.special import expit

        logits = np.asarray(logits, dtype=np.float64).reshape(-1, self.outputs)
        fall = np.logaddexp(0, logits[:, 1:]).cumsum(1)
        return self.from_cuts(expit(np.hstack([logits[:, :1], logits[:, :1] - fall])))

    def score(self, y: NDArray, p: NDArray) -> float:
        """Generalised c of labels (n,) and the mean grade by probabilities (n, levels); NaN on one label."""
        return generalised_c(y, mean_grade(p))

    def ordered(self, y: Any) -> NDArray[Any]:
        return np.asarray(y)

    def ranking(self, predictions: pd.DataFrame) -> NDArray[np.float64]:
        """The mean grade, (n,)."""
        return mean_grade(self.probabilities(predictions))

    def describe(self, label: int) -> str:
        return f"{self.column} {self.low + label}"

    def shares(self, y: Any) -> str:
        """`15 % at 0, 23 % at 1, ...`."""
        counts = np.bincount(np.asarray(y), minlength=self.levels)
        return ", ".join(f"{100 * n / counts.sum():.0f} % at {self.low + label}" for label, n in enumerate(counts))

    def how_called(self, threshold: float) -> str:
        return (
            "c and AUC rank patients by their mean grade and their probability of passing a cut; Kappa and MAE compare"
            " the observed grade with the median of the probabilities."
        )


def mean_grade(p: NDArray) -> NDArray[np.float64]:
    """The mean label (n,) by probabilities (n, levels), the same for patients with the same probabilities."""
    # A matrix product adds up some rows in another order than others: who is equal would be before or after another.
    return (p * np.arange(p.shape[1])).sum(axis=1)
