"""From a rule to an endpoint: every class marked `@register_endpoint` in this folder, or registered by others."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache

import pandas as pd

import strokebench.tasks.endpoints
from strokebench.datasets.problems import Problem
from strokebench.errors import StrokebenchError
from strokebench.tasks.endpoint import KINDS, Endpoint
from strokebench.tasks.endpoints.binary import Binary


@cache
def _discover() -> None:
    for module in pkgutil.iter_modules(strokebench.tasks.endpoints.__path__):
        importlib.import_module(f"{strokebench.tasks.endpoints.__name__}.{module.name}")


def parse_endpoint(expression: str, keep_scale_sentences: bool = False, called: str = "") -> Endpoint:
    """Read `nihss < 7`, `status in [dead, moved]`, the name of a column of 0 and 1, or a rule of another kind.

    Args:
        called: the cohort's own name for it.

    Raises:
        StrokebenchError: it is none of these.
    """
    _discover()
    # Binary last: it takes the mere name of a column too.
    for kind in sorted(KINDS.values(), key=lambda kind: kind is Binary):
        if found := kind.parse(expression):
            return replace(
                found,
                keep_scale_sentences=keep_scale_sentences,
                called="" if called in (found.column, found.expression) else called,
            )
    raise StrokebenchError(
        f"The outcome {expression!r} cannot be read.",
        "Write COLUMN < NUMBER, COLUMN == TEXT, COLUMN in [TEXT, TEXT], or COLUMN.",
    )


def outcome_problems(table: pd.DataFrame, outcomes: Mapping[str, str]) -> Iterator[Problem]:
    """Outcomes that cannot be read, have values without a label, are missing, or are the same for everyone.

    Args:
        table: by patient id; a column that is not there is left to the check of the table.
        outcomes: short name -> rule.
    """
    for rule in outcomes.values():
        try:
            endpoint = parse_endpoint(rule)
        except StrokebenchError as error:
            yield Problem("outcome_unreadable", error.message.rstrip("."), where=rule)
            continue
        if endpoint.column not in table:
            continue
        given = table[endpoint.column]
        for id in given.index[given.isna()]:
            yield Problem("outcome_missing", f"has no {endpoint.column!r} for {rule!r}", str(id), rule)
        for problem in endpoint.problems(given):
            yield replace(problem, where=rule)
