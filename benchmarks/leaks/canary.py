"""Label-shuffle canary: with the labels permuted among patients, no honest pipeline beats chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.benchmarks.keys.described import described
from strokebench.benchmarks.leaks.association import chance_deviation
from strokebench.benchmarks.leaks.finding import Finding
from strokebench.benchmarks.running.backends.choose import choose
from strokebench.benchmarks.running.build import shuffled
from strokebench.benchmarks.running.context import Context
from strokebench.benchmarks.running.plans import fits
from strokebench.benchmarks.running.run import Run
from strokebench.benchmarks.running.store import Store
from strokebench.errors import StrokebenchError
from strokebench.reports.tables.results_table import error_line
from strokebench.tasks.endpoint import Endpoint
from strokebench.tasks.metrics.selection import auc
from strokebench.tasks.protocols import make_split

METHODS: Mapping[str, Mapping[str, Any]] = {
    "xgboost": {},
    "svm": {"inputs": "all"},
    "concat": {"max_epochs": 6, "warmup_epochs": 2},
}
"""Fast methods that between them read everything, with their parameters."""

PERMUTATIONS = 2
FALSE_ALARM = 1e-3
"""Share of clean audits in which chance alone raises this alarm, all methods together."""


@dataclass(frozen=True)
class PermutedResult:
    """A method's mean AUC over all folds of permuted labels, and the bound that chance stays below."""

    method: str
    auc: float
    bound: float
    folds: int


def shuffled_labels(
    context: Context, methods: Mapping[str, Mapping[str, Any]] = METHODS, permutations: int = PERMUTATIONS
) -> list[Finding]:
    """Permute, split again, fit and test; alarm where the mean AUC leaves what chance allows."""
    findings = []
    for result in permuted_results(context, methods, permutations):
        above = result.auc > 0.5
        if abs(result.auc - 0.5) > result.bound - 0.5:
            limit = f"below {100 * result.bound:.1f}" if above else f"above {100 * (1 - result.bound):.1f}"
            findings.append(
                Finding(
                    "shuffled_labels",
                    "alarm" if above else "warning",
                    f"With permuted labels {described(result.method).label} has a mean AUC of {100 * result.auc:.1f}"
                    f" over {result.folds} folds; chance stays {limit}.",
                    "The labels of test patients reach the fit: look for anything computed before the split.",
                )
            )
    return findings


def permuted_results(
    context: Context, methods: Mapping[str, Mapping[str, Any]], permutations: int
) -> list[PermutedResult]:
    """What each of these methods that the cohort allows reaches.

    The bound follows from the test parts: under the null the AUC of a fold has variance
    (n1 + n0 + 1) / (12 n1 n0) (Mann and Whitney 1947); folds of a permutation and permutations are taken as
    independent; the bound is the normal quantile of `FALSE_ALARM`, shared by the methods.

    Raises:
        StrokebenchError: a method failed.
    """
    usable = {name: params for name, params in methods.items() if not described(name).uses - context.modalities}
    predictions = [_predictions(context, usable, seed) for seed in range(permutations)]
    parts = {name: [part for of_seed in predictions for part in of_seed.get(name, ())] for name in usable}
    return [_against_chance(name, tested, context.endpoint, len(usable)) for name, tested in parts.items()]


def _predictions(
    context: Context, methods: Mapping[str, Mapping[str, Any]], seed: int
) -> dict[str, list[pd.DataFrame]]:
    """Predictions of each test part under labels permuted with this seed, by method.

    They are computed anew by every audit and kept nowhere.
    """
    protocol, labels = context.settings.protocol, shuffled(context.labels, seed)
    cohort, seeds = context.cohort, [context.split.folds[0].seed if protocol == "own" else seed]
    split = make_split(protocol, context.endpoint.strata(labels), cohort.site, seeds, cohort.group, cohort.folds)
    permuted = replace(context, labels=labels, split=split)
    runs = [
        Run(method, fold.seed, fold.fold, protocol, params=params, balance=context.settings.balance)
        for method, params in methods.items()
        for fold in permuted.split.folds
    ]
    tested: dict[str, list[pd.DataFrame]] = {}
    with TemporaryDirectory() as folder:
        store = Store(Path(folder))
        tasks = fits({permuted.key(run): (run, permuted) for run in runs})
        for task, ended in choose(context.settings).compute(tasks, permuted.material, store):
            if ended.status == "failed":
                error = error_line(store.failure(task.key)["error"])
                raise StrokebenchError(f"{task.first.method} failed on permuted labels: {error}")
            tested.setdefault(task.first.method, []).append(store.read(task.key)[0])
    return tested


def _against_chance(method: str, parts: Sequence[pd.DataFrame], endpoint: Endpoint, methods: int) -> PermutedResult:
    from scipy.stats import norm

    aucs, variances = [], []
    for tested in parts:
        events = _events(endpoint, tested["y"].to_numpy())
        if 0 < (n := int(events.sum())) < len(tested):
            aucs.append(auc(events, endpoint.ranking(tested)))
            variances.append(chance_deviation(len(tested) - n, n) ** 2)
    deviation = np.sqrt(np.sum(variances)) / max(len(aucs), 1)
    bound = 0.5 + norm.isf(FALSE_ALARM / methods / 2) * deviation
    return PermutedResult(method, float(np.mean(aucs)) if aucs else 0.5, float(bound), len(aucs))


def _events(endpoint: Endpoint, y: NDArray) -> NDArray[np.bool_]:
    """Who of patients with labels y (n,) has the event; of grades, who lies above the cut that halves them best."""
    if not endpoint.dichotomies:
        return endpoint.events(y)
    above = y > np.arange(len(endpoint.dichotomies))[:, None]
    return above[np.abs(above.mean(axis=1) - 0.5).argmin()]
