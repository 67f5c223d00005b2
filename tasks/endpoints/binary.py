"""An event that a patient has or has not: a rule on one column."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.datasets.outcome_rule import Rule, read_rule
from strokebench.datasets.problems import Problem
from strokebench.errors import StrokebenchError
from strokebench.tasks.endpoint import Endpoint, register_endpoint
from strokebench.tasks.metrics.selection import auc, youden_threshold

if TYPE_CHECKING:
    from torch import Tensor

COMPARISONS = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_WORDS = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne", "in": "in"}


@register_endpoint
@dataclass(frozen=True)
class Binary(Endpoint):
    """Label 1, the event, where `column sign value` holds, or where a binary column is 1.

    `==`, `!=` and `in` compare texts too: `discharged == home`, `status in [dead, hospice]`.

    Label 1 is the positive class. The paper's rule, `nihss < 7`, makes the good outcome the positive one
    (section 4.1); write `nihss >= 7` for the other direction.

    Args:
        column, sign, values: the rule, see `strokebench.datasets.outcome_rule.Rule`; without a sign the column must
            hold 0 and 1.
    """

    kind = "binary"
    binary = True
    ranked_by = "AUC"
    levels = 2
    outputs = 1
    prediction_columns = ("p",)

    sign: str = ""
    values: tuple[float | str, ...] = ()

    @classmethod
    def parse(cls, rule: str) -> Self | None:
        read = read_rule(rule)
        return cls(read.column, read.sign, read.values) if read and (not read.sign or read.sign in _WORDS) else None

    @property
    def of_texts(self) -> bool:
        return Rule(self.column, self.sign, self.values).of_texts

    @property
    def expression(self) -> str:
        values = ", ".join(_written(value) for value in self.values)
        return f"{self.column} {self.sign} {f'[{values}]' if self.sign == 'in' else values}".strip()

    @property
    def rule_name(self) -> str:
        return self.expression.replace(f" {self.sign} ", f" {_WORDS[self.sign]} ", 1) if self.sign else self.column

    def from_values(self, values: pd.Series) -> pd.Series:
        if not self.sign:
            if not values.isin([0, 1]).all():
                patient = values.index[~values.isin([0, 1])][0]
                raise StrokebenchError(
                    f"Patient {patient}: outcome {self.column} = {values[patient]!r} is neither 0 nor 1.",
                    f"Give a rule, e.g. '{self.column} > 2', or its grades: '{self.column} 0 to 6'.",
                )
            return values == 1
        if self.sign == "in":
            return values.isin(self.values)
        return COMPARISONS[self.sign](values, self.values[0])

    def problems(self, given: pd.Series) -> Iterator[Problem]:
        """Values that are neither 0 nor 1 where there is no rule, and a rule that is the same for everyone."""
        rule = self.expression
        values = given.dropna()
        values = values if self.of_texts else pd.to_numeric(values, errors="coerce")
        if not self.sign:
            wrong = values.index[~values.isin([0, 1])]
            for id in wrong:
                shown = given[id] if isinstance(given[id], str) else f"{given[id]:g}"
                what = f"the outcome {self.column!r} is {shown!r}, neither 0 nor 1"
                remedy = f"Correct it to 0 or 1, or say which is label 1, e.g. `outcome: {self.column} == {shown}`."
                yield Problem("outcome_not_binary", what, str(id), rule, remedy)
            if len(wrong):
                return
        events = self.from_values(values.dropna())
        if len(events) and events.nunique() < 2:
            what = f"{rule!r} is {'true' if events.iloc[0] else 'false'} for all {len(events)} patients"
            held = ", ".join(map(str, values.value_counts().index[:5]))
            yield Problem("outcome_one_class", f"{what}; the column holds {held}", where=rule)
        elif self.of_texts:
            for lacking in [value for value in self.values if value not in set(values)]:
                what = f"{lacking!r} of {rule!r} is no value of the column; it holds {', '.join(values.unique()[:5])}"
                yield Problem("outcome_value", what, where=rule)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Binary cross-entropy of logits (b,)."""
        from torch.nn import functional

        return functional.binary_cross_entropy_with_logits(logits, targets)

    def link(self, logits: NDArray) -> NDArray[np.float64]:
        """The logistic function of logits (n,)."""
        from scipy.special import expit

        p = expit(np.asarray(logits, dtype=np.float64))
        return np.column_stack([1 - p, p])

    def columns(self, p: NDArray) -> dict[str, NDArray[np.float64]]:
        """`p` (n,), the probability of the event, which leaves nothing to say of label 0."""
        return {"p": np.asarray(p, dtype=np.float64)[:, 1]}

    def score(self, y: NDArray, p: NDArray) -> float:
        """Area under the ROC curve of labels (n,) and probabilities (n, 2); NaN on one class."""
        return auc(self.events(y), p[:, 1])

    def threshold(self, y: NDArray, p: NDArray) -> float:
        """Youden's threshold on labels (n,) and probabilities (n, 2); 0.5 on one class."""
        return youden_threshold(self.events(y), p[:, 1])

    def describe(self, label: int) -> str:
        return f"{self.expression} (label 1)" if label else "otherwise (label 0)"

    def shares(self, y: Any) -> str:
        """`31.8 % positive`."""
        return f"{100 * self.events(y).mean():.1f} % positive"

    def how_called(self, threshold: float) -> str:
        return f"Label 1 is the positive class, called from a probability of {threshold:g} on."

    def events(self, y: Any) -> NDArray[np.bool_]:
        return np.asarray(y) == 1


def _written(value: float | str) -> str:
    """A value as a rule writes it, in quotes where its comma would part it."""
    if not isinstance(value, str):
        return f"{value:g}"
    return value if "," not in value else f"'{value}'" if '"' in value else f'"{value}"'


BINARY = Binary("y")
"""A binary endpoint of whatever column: what methods assume until they are told of another."""
