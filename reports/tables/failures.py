"""The failed runs of a table, gathered so that one broken method is one line."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from strokebench.reports.results import SETTING, Results
from strokebench.reports.tables.table import Failure

_NAMED = 4
"""Runs that are named before the rest is counted."""


def failures(results: Results, labels: Mapping[tuple[str, ...], str]) -> list[Failure]:
    """Failed runs, one entry a setting and error line.

    Args:
        labels: setting (`SETTING` values) -> the label of its row; settings without one are left out.
    """
    failed = results.runs[results.runs["status"] == "failed"]
    failed = failed.assign(line=failed["error"].map(error_line))
    found = []
    for (*setting, line), runs in failed.groupby([*SETTING, "line"], sort=False, dropna=False):
        label = labels.get(tuple(str(value) for value in setting))
        if label is not None:
            found.append(Failure(label, _named(runs), str(line)))
    return found


def error_line(error: object) -> str:
    """The one line of a traceback or message that says what went wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines or pd.isna(error):  # type: ignore[call-overload]
        return "no error was recorded"
    # Python's own line comes last after a traceback; a plain message begins with its point.
    return lines[-1] if lines[0].startswith("Traceback") else lines[0]


def _named(runs: pd.DataFrame) -> str:
    ordered = runs.sort_values(["seed", "fold"])
    names = [f"seed {seed} fold {fold}" for seed, fold in zip(ordered["seed"], ordered["fold"], strict=True)]
    more = f", and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{len(names)} {'run' if len(names) == 1 else 'runs'}: {', '.join(names[:_NAMED])}{more}"
