"""Made-up results of any runs: no model is trained, and who sees how much of the truth is chosen."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from strokebench.benchmarks.running.run import Run
from strokebench.reports.results import PATIENT_COLUMNS, RUN_COLUMNS, MethodInfo, Results

LABELS = {
    "vdafm": MethodInfo("vdafm", "VDAFM", "Proposed", ("image", "table", "text")),
    "sparsemm": MethodInfo("sparsemm", "SparseMM", "Multimodal", ("image", "table", "text"), adapted=True),
    "concat": MethodInfo("concat", "Concat", "Multimodal", ("image", "table", "text")),
    "random_forest": MethodInfo("random_forest", "Random Forest", "Traditional", ("table",)),
}


def plan(
    methods=("vdafm",),
    variants=("",),
    conditions=("complete",),
    seeds=(39, 40, 41, 42),
    folds: Iterable[int] = range(5),
) -> list[tuple[str, str, str, int, int]]:
    """Names of runs: method, variant, condition, seed, fold."""
    return [
        (m, v, c, seed, fold) for m in methods for v in variants for c in conditions for seed in seeds for fold in folds
    ]


def named(runs: Iterable[Run]) -> list[tuple[str, str, str, int, int]]:
    """The same of planned runs."""
    return [tuple(run.names().values()) for run in runs]


def made_up(
    runs: list[tuple[str, str, str, int, int]],
    signal: Mapping[str, float] | float = 1.0,
    lost: Mapping[tuple[str, str, str, int, int], str] | None = None,
    sites: Mapping[int, tuple[str, int, int]] | None = None,
    angles: Mapping[str, tuple[float, float]] | None = None,
    n: int = 200,
) -> Results:
    """Invented predictions: logit = signal x (label - 0.5) + N(0, 1).

    Args:
        signal: one for all, or by method, variant or condition (the first that is named).
        lost: run -> `failed` or `missing`.
        sites: fold -> hospital, its patients and positives, instead of five folds of `n`.
        angles: variant -> mean angle before and after.
    """
    lost = lost or {}
    predictions, rows, facts = [], [], []
    for method, variant, condition, seed, fold in runs:
        status = lost.get((method, variant, condition, seed, fold), "done")
        rows.append(
            {
                **dict.fromkeys(RUN_COLUMNS, np.nan),
                **{"variant_label": variant, "condition_label": condition},
                **{"method": method, "variant": variant, "condition": condition, "seed": seed, "fold": fold},
                **{"key": f"{method}{variant}{condition}{seed}{fold}", "status": status},
                "error": "ValueError: broken" if status == "failed" else None,
            }
        )
        if status != "done":
            continue
        if sites is None:
            ids = np.flatnonzero(np.random.default_rng(seed).permutation(n) % 5 == fold)
            site, y = None, (ids % 3 == 0).astype(int)
        else:
            site, size, positives = sites[fold]
            ids, y = 1000 * fold + np.arange(size), (np.arange(size) < positives).astype(int)
        names = [f"P{i:05d}" for i in ids]
        strength = signal
        if isinstance(signal, Mapping):
            strength = next((signal[name] for name in (condition, variant, method) if name in signal), 1.0)
        random = np.random.default_rng([seed, fold, *f"{method}{variant}{condition}".encode()])
        p = 1 / (1 + np.exp(-(strength * (y - 0.5) + random.normal(0, 1, len(y)))))
        run = {"method": method, "variant": variant, "condition": condition, "seed": seed, "fold": fold}
        columns = {"experiment": "made-up", "dataset": "made-up", "outcome": "nihss < 7", "protocol": "cv5", **run}
        predictions.append(
            pd.DataFrame({**columns, "split": "5" * 64, "patient_id": names, "site": site, "y": y, "p": p})
        )
        if angles and variant in angles:
            before, after = angles[variant]
            patient = np.random.default_rng(seed).normal(0, 3, n)[ids % n]
            told = {"angle_before": before + patient, "angle_after": after + patient + random.normal(0, 2, len(ids))}
            facts.append(pd.DataFrame({**run, "patient_id": names, **told}))
    return Results(
        predictions=pd.concat(predictions, ignore_index=True) if predictions else _nothing((*PATIENT_COLUMNS, "p")),
        runs=pd.DataFrame(rows, columns=list(RUN_COLUMNS)),
        methods=[LABELS[name] for name in dict.fromkeys(run[0] for run in runs)],
        provenance={
            "title": "made-up cohort",
            "synthetic": True,
            "outcome": "nihss < 7",
            "protocol": "cv5" if sites is None else "loho",
            "n_patients": n if sites is None else sum(size for _, size, _ in sites.values()),
        },
        patient_facts=pd.concat(facts, ignore_index=True) if facts else None,
    )


def _nothing(columns) -> pd.DataFrame:
    return pd.DataFrame(columns=list(columns))
