"""What is predicted: a rule on one column, and the inputs that the rule forbids."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from strokebench.datasets.cohort import Cohort
from strokebench.datasets.problems import Problem
from strokebench.datasets.texts.filter import filter_text
from strokebench.datasets.texts.filter_lists import OUTCOME_PATTERNS
from strokebench.errors import StrokebenchError

COMPARISONS = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_RULE = re.compile(r"\s*(?P<column>[^<>=!]+?)\s*(?:(?P<sign>[<>]=?|==|!=)\s*(?P<value>-?\d+(?:\.\d+)?)\s*)?$")

COLUMN_NAMES = {"nihss": r"nihss|nih[\W_]*stroke", "mrs": r"(?<![a-z])mrs|rankin"}
"""How table columns that hold an outcome's scale are named; `OUTCOME_PATTERNS` says so for texts."""


@dataclass(frozen=True)
class Outcome:
    """A binary outcome: label 1 where `column sign value` holds, or where a binary column is 1.

    Label 1 is the positive class. The paper's rule, `nihss < 7`, makes the good outcome the positive one
    (section 4.1); write `nihss >= 7` for the other direction.

    Args:
        column, sign, value: the rule; without sign and value the column must hold 0 and 1.
        keep_scale_sentences: leave sentences that state the outcome's own scale in the text (off: a language
            model that is asked for an NIHSS range would hand the outcome to the method).
    """

    column: str
    sign: str | None = None
    value: float | None = None
    keep_scale_sentences: bool = False

    @property
    def expression(self) -> str:
        """The rule as text, e.g. `nihss < 7`."""
        return self.column if self.sign is None else f"{self.column} {self.sign} {self.value:g}"

    @property
    def name(self) -> str:
        """The rule as a file name, e.g. `nihss_lt_7`."""
        words = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}
        text = self.column if self.sign is None else f"{self.column}_{words[self.sign]}_{self.value:g}"
        return re.sub(r"[^A-Za-z0-9.-]+", "_", text)

    def labels(self, cohort: Cohort) -> pd.Series:
        """Labels 0 and 1 (int8) of the patients that have the outcome; the others are left out.

        Raises:
            StrokebenchError: no such column, a value that is no number or (without a rule) not 0 or 1, or
                only one class.
        """
        if self.column not in cohort.table:
            raise StrokebenchError(
                f"The outcome {self.expression!r} needs a column {self.column!r} in {cohort.title}.",
                f"Its columns: {', '.join(map(str, cohort.table.columns))}.",
            )
        given = cohort.table[self.column].dropna()
        values = pd.to_numeric(given, errors="coerce")
        if values.isna().any():
            patient = values.index[values.isna()][0]
            raise StrokebenchError(f"Patient {patient}: outcome {self.column} = {given[patient]!r}, no number.")
        if self.sign is None or self.value is None:
            if not values.isin([0, 1]).all():
                patient = values.index[~values.isin([0, 1])][0]
                raise StrokebenchError(
                    f"Patient {patient}: outcome {self.column} = {given[patient]!r} is neither 0 nor 1.",
                    f"Give a rule, e.g. '{self.column} > 2'.",
                )
            labels = values == 1
        else:
            labels = COMPARISONS[self.sign](values, self.value)
        if labels.nunique() < 2:
            raise StrokebenchError(f"The outcome {self.expression!r} is the same for all {len(labels)} patients.")
        return labels.astype("int8").rename("y")

    def banned_columns(self, cohort: Cohort) -> list[str]:
        """Columns that may not be an input.

        The outcome's own, any that is named after it or its scale, and those that the cohort ignores.
        """
        names = [re.escape(self.column), *([COLUMN_NAMES[self._scale]] if self._scale else [])]
        pattern = re.compile("|".join(names), re.IGNORECASE)
        return [c for c in cohort.table.columns if pattern.search(str(c)) or c in cohort.ignored]

    def keep_text(self, text: str) -> str:
        """A diagnostic text as a method may see it: through the filter, without the outcome's own scale."""
        return filter_text(text, self.banned_sentences).kept

    @property
    def banned_sentences(self) -> tuple[re.Pattern[str], ...]:
        """Patterns of the sentences that state the outcome's own scale; none where they may stay."""
        return OUTCOME_PATTERNS[self._scale] if self._scale and not self.keep_scale_sentences else ()

    @property
    def _scale(self) -> str | None:
        """The scale that the outcome's column holds, where it is a known one."""
        return next((k for k, p in COLUMN_NAMES.items() if re.search(p, self.column, re.IGNORECASE)), None)


def parse_outcome(expression: str, keep_scale_sentences: bool = False) -> Outcome:
    """Read `nihss < 7`, `mrs > 2`, or the name of a column that holds 0 and 1.

    Raises:
        StrokebenchError: it is neither.
    """
    match = _RULE.match(expression)
    if not match:
        raise StrokebenchError(
            f"The outcome {expression!r} cannot be read.",
            "Write COLUMN < NUMBER, COLUMN > NUMBER, or COLUMN.",
        )
    value = match["value"]
    return Outcome(match["column"], match["sign"], None if value is None else float(value), keep_scale_sentences)


def outcome_problems(table: pd.DataFrame, outcomes: Mapping[str, str]) -> Iterator[Problem]:
    """Outcomes that cannot be read, are not binary, are missing, or are the same for everyone.

    Args:
        table: by patient id; a column that is not there is left to the check of the table.
        outcomes: short name -> rule.
    """
    for rule in outcomes.values():
        try:
            outcome = parse_outcome(rule)
        except StrokebenchError as error:
            yield Problem("outcome_unreadable", error.message.rstrip("."), where=rule)
            continue
        if outcome.column not in table:
            continue
        given = table[outcome.column]
        for id in given.index[given.isna()]:
            yield Problem("outcome_missing", f"has no {outcome.column!r} for {rule!r}", str(id), rule)
        values = pd.to_numeric(given.dropna(), errors="coerce")
        if outcome.sign is None or outcome.value is None:
            wrong = values.index[~values.isin([0, 1])]
            for id in wrong:
                what = f"the outcome {outcome.column!r} is {given[id]!r}, neither 0 nor 1"
                yield Problem("outcome_not_binary", what, str(id), rule)
            positive = values.drop(wrong) == 1
        else:
            positive = COMPARISONS[outcome.sign](values.dropna(), outcome.value)
        if len(positive) and positive.nunique() < 2:
            what = f"{rule!r} is {'true' if positive.iloc[0] else 'false'} for all {len(positive)} patients"
            yield Problem("outcome_one_class", what, where=rule)
