"""From a rule to an endpoint: every class marked `@register_endpoint` in this folder, or registered by others."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache

import pandas as pd

import strokebench.tasks.endpoints
from strokebench.datasets.problems import Problem
from strokebench.errors import StrokebenchError, named
from strokebench.files import natural_order
from strokebench.tasks.endpoint import KINDS, Endpoint
from strokebench.tasks.endpoints.binary import Binary
from strokebench.tasks.protocols import FOLDS

FEWEST = 5
"""Patients outside its commonest class, and half of all, that a hospital needs to be in any number (our choice)."""
TOO_FEW = f"fewer than {2 * FEWEST} patients or fewer than {FEWEST} outside their commonest class"


def too_few(counts: pd.Series) -> bool:
    """Whether patients of these classes (class -> patients, one hospital's) tell little of a method."""
    # Of two classes the latter says the former; of grades nine patients may have five outside theirs.
    return bool(counts.sum() < 2 * FEWEST or counts.sum() - counts.max() < FEWEST)


@cache
def _discover() -> None:
    for module in pkgutil.iter_modules(strokebench.tasks.endpoints.__path__):
        importlib.import_module(f"{strokebench.tasks.endpoints.__name__}.{module.name}")


def parse_endpoint(expression: str, keep_scale_sentences: bool = False, called: str = "") -> Endpoint:
    """Read `nihss < 7`, `status in [dead, moved]`, `mrs90 0 to 6`, the name of a column of 0 and 1, or another rule.

    Args:
        called: the cohort's own name for it.

    Raises:
        StrokebenchError: it is none of these, or has more grades than labels can be.
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
        "Write COLUMN < NUMBER, COLUMN == TEXT, COLUMN in [TEXT, TEXT], COLUMN 0 to 6, or COLUMN.",
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
        found = list(endpoint.problems(given))
        yield from (replace(problem, where=rule) for problem in found)
        if not found and len(set(labels := endpoint.read(given.dropna()))) > 1:
            counts = endpoint.strata(labels).value_counts()
            if counts.min() < 2 * FOLDS:
                what = f"only {counts.min()} of {len(labels)} patients have label {counts.idxmin()}"
                yield Problem("outcome_few", f"{what}; a split needs {2 * FOLDS} of each label", where=rule)


def hospital_notes(table: pd.DataFrame, rule: str, site: pd.Series) -> Iterator[str]:
    """Which hospitals cannot be judged under an outcome when each is left out in turn.

    Args:
        table, site: by patient id; an outcome that cannot be read there is left to `outcome_problems`.
    """
    try:
        endpoint = parse_endpoint(rule)
        labels = endpoint.read(table[endpoint.column].dropna())
    except (StrokebenchError, KeyError):
        return
    counts = pd.crosstab(site.loc[labels.index].astype(str), labels)
    small = sorted(counts.index[counts.apply(too_few, axis=1)], key=natural_order)
    if len(counts) < 2:
        yield "one hospital only: leave one hospital out (loho) cannot be run"
    elif len(small):
        which = named([f"{one} ({', '.join(map(str, counts.loc[one]))})" for one in small], 6)
        labels_named = ", ".join(map(str, counts.columns))
        yield (
            f"{len(small)} of {len(counts)} hospitals have {TOO_FEW}, too few to be judged alone by loho"
            f" (patients of label {labels_named}): {which}"
        )
