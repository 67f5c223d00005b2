"""Predictions arranged by patient, so that every interval and test can take patients as what is sampled."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.errors import StrokebenchError
from strokebench.reports.results import setting_names
from strokebench.tasks.endpoint import Endpoint
from strokebench.tasks.endpoints.binary import BINARY

Pooling = Literal["run", "seed"]


@dataclass(frozen=True)
class Scores:
    """Out-of-fold probabilities of several methods on the same patients; of grades, their predicted means.

    A *group* is a test part within which patients are ranked; a method's AUC, or c, is the mean over its groups.

    Args:
        names: one a method, unique.
        groups: (seed, fold) of each group; fold is -1 where the folds of a seed are pooled.
        patients: ids, unique, (n,). y: who has the event, or each patient's grade, (n,).
        p: (methods, groups, n); NaN where a group does not test the patient, or the method lacks the run.
    """

    names: tuple[str, ...]
    groups: tuple[tuple[int, int], ...]
    patients: NDArray[Any]
    y: NDArray[Any]
    p: NDArray[np.float64]

    @property
    def tested(self) -> NDArray[np.bool_]:
        """Whether the method has the group, (methods, groups)."""
        return np.asarray(~np.isnan(self.p).all(axis=2))


def arrange(
    predictions: pd.DataFrame,
    by: Pooling = "run",
    runs: pd.DataFrame | None = None,
    endpoint: Endpoint = BINARY,
    values: NDArray[np.float64] | None = None,
) -> Scores:
    """Bring the long table of predictions into the form of `Scores`, joined by patient id.

    By default probabilities are ranked within a run's test part and the AUC is averaged over runs. That is the AUC of
    Table 1, and probabilities of two differently trained models are never ranked against each other, which lowers a
    pooled AUC for a reason that has nothing to do with a model's use (Airola 2011; Forman and Scholz 2010).
    `by="seed"` pools the folds of a seed instead; a seed of which a method lacks a fold is left out for it.

    A test part with one class only has no AUC, nor c, and is left out for every method.

    Args:
        predictions: `patient_id`, `method`, `variant`, `condition`, `seed`, `fold`, `y`, `p`.
        by: within what probabilities are ranked.
        runs: planned runs, finished or not: a method with several settings there is named by its setting, and the
            folds of a seed are those that are planned there.
        endpoint: says who has the event, or how patients are ranked.
        values: what stands in `p` for each prediction, (rows,); default `Endpoint.ranking`.

    Raises:
        StrokebenchError: an endpoint without an order, no predictions, a patient with two labels or twice in a run,
            or two methods tested on different patients in one run.
    """
    if predictions.empty:
        raise StrokebenchError("There are no predictions to compare.", "Run the experiment first.")
    frame = predictions.assign(name=setting_names(predictions, runs), patient_id=predictions["patient_id"].astype(str))
    labels = frame.groupby("patient_id")["y"].agg(["min", "max"])
    if len(two := labels.index[labels["min"] != labels["max"]]):
        raise StrokebenchError(f"Patient {two[0]} has two labels.", "Results of two cohorts seem to be mixed.")
    if (twice := frame.duplicated(["name", "seed", "fold", "patient_id"])).any():
        raise StrokebenchError(f"Patient {frame.loc[twice, 'patient_id'].iloc[0]} is predicted twice in a run.")
    y = endpoint.ordered(labels["min"])
    names = tuple(dict.fromkeys(frame["name"]))
    parts = pd.MultiIndex.from_frame(frame[["seed", "fold"]].astype(int))
    test_parts = parts.unique().sort_values()
    groups = tuple((int(seed), int(fold)) for seed, fold in test_parts)
    p = np.full((len(names), len(groups), len(labels)), np.nan)
    rows = pd.Index(names).get_indexer(frame["name"])
    patients = labels.index.get_indexer(pd.Index(frame["patient_id"]))
    p[rows, test_parts.get_indexer(parts), patients] = endpoint.ranking(frame) if values is None else values
    _check_same_patients(p, names, groups, labels.index)
    if by == "seed":
        planned = frame if runs is None else runs
        p, groups = _pool(p, groups, planned.groupby("seed")["fold"].nunique())
    inside = ~np.isnan(p).all(axis=0)
    two_classes = np.array([len(np.unique(y[tested])) > 1 for tested in inside], dtype=bool)
    kept = tuple(group for group, keep in zip(groups, two_classes, strict=True) if keep)
    return Scores(names, kept, labels.index.to_numpy(), y, p[:, two_classes])


def _check_same_patients(p: NDArray[Any], names: Sequence[str], runs: Sequence[Any], ids: pd.Index) -> None:
    there = ~np.isnan(p)
    anybody = there.any(axis=0)
    for method, name in enumerate(names):
        lacking = there[method].any(axis=1)[:, None] & anybody & ~there[method]
        if lacking.any():
            run, patient = np.argwhere(lacking)[0]
            raise StrokebenchError(
                f"{name} did not predict patient {ids[patient]} in seed {runs[run][0]}, fold {runs[run][1]}.",
                "Results of two splits seem to be mixed; run the experiment again.",
            )


def _pool(
    p: NDArray[Any], runs: Sequence[tuple[int, int]], planned: pd.Series
) -> tuple[NDArray[Any], tuple[tuple[int, int], ...]]:
    """The folds of each seed as one group; `planned` are their numbers by seed."""
    seeds = sorted({seed for seed, _ in runs})
    pooled = np.full((len(p), len(seeds), p.shape[2]), np.nan)
    for number, seed in enumerate(seeds):
        part = p[:, [run[0] == seed for run in runs]]
        there = ~np.isnan(part)
        whole = there.any(axis=2).sum(axis=1) == planned[seed]
        filled = np.where(there, part, 0).sum(axis=1)
        filled[~there.any(axis=1)] = np.nan
        pooled[whole, number] = filled[whole]
    return pooled, tuple((seed, -1) for seed in seeds)
