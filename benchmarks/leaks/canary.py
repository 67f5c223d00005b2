"""Label-shuffle canary: with the labels permuted among patients, no honest pipeline beats chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from strokebench.benchmarks.keys.described import described
from strokebench.benchmarks.leaks.finding import Finding
from strokebench.benchmarks.leaks.telling import chance_deviation
from strokebench.benchmarks.running.build import shuffled
from strokebench.benchmarks.running.context import Context
from strokebench.tasks.conditions import COMPLETE
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
"""Share of clean audits in which the canary may fall silent of chance, all methods together."""


@dataclass(frozen=True)
class Sung:
    """What one method made of permuted labels: mean AUC over all folds, and the bound that chance stays below."""

    method: str
    auc: float
    bound: float
    folds: int


def shuffled_labels(
    context: Context,
    methods: Mapping[str, Mapping[str, Any]] = METHODS,
    permutations: int = PERMUTATIONS,
    told: Callable[[Sung], None] | None = None,
) -> list[Finding]:
    """Permute, split again, fit and test; alarm where the mean AUC leaves what chance allows.

    The bound follows from the test parts: under the null the AUC of a fold has variance
    (n1 + n0 + 1) / (12 n1 n0) (Mann and Whitney 1947); folds of a permutation and permutations are taken as
    independent; the bound is the normal quantile of `FALSE_ALARM`, shared by the methods.

    Args:
        told: called with each method's figures.
    """
    usable = {name: params for name, params in methods.items() if not described(name).uses - context.modalities}
    findings = []
    for name, params in usable.items():
        sung = _sing(context, name, params, range(permutations), len(usable))
        if told:
            told(sung)
        if abs(sung.auc - 0.5) > sung.bound - 0.5:
            above = sung.auc > 0.5
            findings.append(
                Finding(
                    "shuffled_labels",
                    "alarm" if above else "warning",
                    f"With permuted labels {described(name).label} has a mean AUC of {100 * sung.auc:.1f} over"
                    f" {sung.folds} folds; chance stays {'below' if above else 'above'}"
                    f" {100 * (sung.bound if above else 1 - sung.bound):.1f}.",
                    "The labels of test patients reach the fit: look for anything computed before the split.",
                )
            )
    return findings


def _sing(context: Context, method: str, params: Mapping[str, Any], seeds: Sequence[int], methods: int) -> Sung:
    from scipy.stats import norm

    from strokebench.benchmarks.running import fit

    aucs, variances = [], []
    for seed in seeds:
        labels: pd.Series = shuffled(context.labels, seed)
        material = replace(context.material, labels=labels)
        split = make_split(context.settings.protocol, context.endpoint.strata(labels), context.cohort.site, [seed])
        for fold in split.folds:
            ready = fit.make_ready(method, params, fold, material, [COMPLETE], context.settings.balance)
            result = fit.fit_and_predict(ready)
            [tested] = result.predictions
            positive = int(tested["y"].sum())
            if 0 < positive < len(tested):
                aucs.append(auc(tested["y"], tested["p"]))
                variances.append(chance_deviation(len(tested) - positive, positive) ** 2)
    deviation = np.sqrt(np.sum(variances)) / max(len(aucs), 1)
    bound = 0.5 + norm.isf(FALSE_ALARM / methods / 2) * deviation
    return Sung(method, float(np.mean(aucs)) if aucs else 0.5, float(bound), len(aucs))
