"""Can a cohort's outcomes be computed for every patient?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from strokebench.datasets.files import StrokebenchError
from strokebench.datasets.problems import Problem
from strokebench.tasks.outcomes import COMPARISONS, parse_outcome


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
