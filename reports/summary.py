"""From predictions to means over runs."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypedDict, TypeVar

import numpy as np
import pandas as pd

from strokebench.errors import StrokebenchError
from strokebench.reports.results import RUN, SETTING, STATUSES, Results
from strokebench.reports.tables.table import Cell
from strokebench.tasks.metrics.evaluate import evaluate, mean_std

Asked = ParamSpec("Asked")
Made = TypeVar("Made")
COSTS: tuple[str, ...] = ("parameters", "fit_seconds", "predict_seconds", "peak_mb")


def once(make: Callable[Concatenate[Results, Asked], Made]) -> Callable[Concatenate[Results, Asked], Made]:
    """Decorator: what is made of results is kept with them, for the parts of a report ask for it again and again."""
    name = f"{make.__module__}.{make.__qualname__}"

    @wraps(make)
    def kept(results: Results, *args: Asked.args, **kwargs: Asked.kwargs) -> Made:
        known, asked = vars(results), f"{name} {args} {kwargs}"
        if asked not in known:
            known[asked] = make(results, *args, **kwargs)
        made: Made = known[asked]
        return made

    return kept


def summarise(results: Results, fold: int | None = None) -> pd.DataFrame:
    """Mean and population standard deviation over the finished runs of each setting.

    F1 is the mean of the runs' F1, not the F1 of mean recall and precision. Nothing is hidden by the mean:
    `done`, `failed`, `missing` and `planned` stand beside it, and a metric that is undefined in one run is
    NaN in the mean.

    Args:
        fold: only its runs count, a hospital's under `loho`; default: those of all folds.

    Returns:
        One row a setting: `SETTING`, `planned`, one count a status, each metric and `{metric}_std`
        (NaN without a finished run), and the mean of each of `COSTS`.
    """
    scored, planned = (part if fold is None else part[part["fold"] == fold] for part in (results.metrics, results.runs))
    finished = dict(iter(scored.groupby(list(SETTING), dropna=False)))
    rows = []
    for key, runs in planned.groupby(list(SETTING), dropna=False, sort=False):
        row: dict[str, object] = {**dict(zip(SETTING, key, strict=True)), "planned": len(runs)}
        row |= {status: int((runs["status"] == status).sum()) for status in STATUSES}
        row |= _means(results, finished.get(key))
        done = runs[runs["status"] == "done"]
        row |= {name: pd.to_numeric(done[name]).mean() for name in COSTS}
        rows.append(row)
    return pd.DataFrame(rows)


def judged_runs(results: Results) -> pd.DataFrame:
    """The planned runs of the folds that are in the numbers, see `Results.too_small`."""
    return results.runs[~results.runs["fold"].isin(results.too_small)]


def cell_of(values: Sequence[float]) -> Cell:
    """Mean and population standard deviation of the runs' values.

    A single run has no deviation: a printed 0.00 would be read as certainty.
    """
    if not values:
        return Cell()
    mean, std = mean_std(values)
    return Cell(mean, std if len(values) > 1 else None)


class RunCounts(TypedDict):
    """What a table's row says of its runs."""

    done: int
    planned: int
    failed: int


def run_counts(runs: pd.DataFrame) -> RunCounts:
    """`done`, `planned` and `failed` of these runs, as a table's row wants them."""
    return {
        "done": int((runs["status"] == "done").sum()),
        "planned": len(runs),
        "failed": int((runs["status"] == "failed").sum()),
    }


@once
def rows_by_setting(results: Results, fold: int | None = None) -> dict[tuple[str, ...], dict[str, Any]]:
    """The rows of `summarise` by the values of `SETTING`, in its order."""
    records = [{str(name): value for name, value in row.items()} for row in summarise(results, fold).to_dict("records")]
    return {tuple(str(row[name]) for name in SETTING): row for row in records}


def summarise_oracle(results: Results) -> dict[str, float] | None:
    """What the true probabilities would score on the very test parts that the methods were scored on.

    Returns:
        `done` and `planned` test parts, each metric and `{metric}_std`; None without an oracle.

    Raises:
        StrokebenchError: two runs of one seed and fold were tested on different patients or labels, or a
            test patient has no true probability.
    """
    if results.oracle is None:
        return None
    true = results.oracle.set_index(results.oracle["patient_id"].astype(str))["p"]
    scores = []
    for (_, seed, fold), labels in labels_by_part(results).items():
        if len(unknown := labels.index.difference(true.index)):
            raise StrokebenchError(f"Patient {unknown[0]} (seed {seed}, fold {fold}) has no true probability.")
        scores.append(evaluate(results.endpoint, labels, true.loc[labels.index]))
    judged = judged_runs(results)
    planned = len(judged[["seed", "fold"]].drop_duplicates())
    return {"done": len(scores), "planned": planned, **_means(results, pd.DataFrame(scores) if scores else None)}


def labels_by_part(results: Results) -> dict[tuple[str, int, int], pd.Series]:
    """The labels of each test part that is judged: (split, seed, fold) -> labels by patient id, sorted by id.

    Raises:
        StrokebenchError: two runs of one seed and fold were tested on different patients or labels.
    """
    parts: dict[Any, pd.Series] = {}
    by_run = results.judged.groupby(["split", *RUN], sort=True, dropna=False)
    for (split, method, _, _, seed, fold), part in by_run:
        labels = pd.Series(part["y"].to_numpy(), index=part["patient_id"].astype(str)).sort_index()
        first = parts.setdefault((split, seed, fold), labels)
        if not labels.index.equals(first.index) or not np.array_equal(labels, first):
            raise StrokebenchError(
                f"{method} was tested on other patients or labels than the rest in seed {seed}, fold {fold}.",
                "Results of two cohorts seem to be mixed; run the experiment again.",
            )
    return parts


def _means(results: Results, runs: pd.DataFrame | None) -> dict[str, float]:
    means: dict[str, float] = {}
    for metric in results.judged_by:
        mean, std = (np.nan, np.nan) if runs is None else mean_std(runs[metric].tolist())
        means |= {metric: mean, f"{metric}_std": std}
    return means
