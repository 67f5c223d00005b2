"""Made-up predictions of a method that adds three independent modalities; what is missing adds nothing."""

import numpy as np
import pandas as pd

from strokebench.reports.missing.table import missing_conditions
from strokebench.reports.results import PATIENT_COLUMNS, RUN_COLUMNS, MethodInfo, Results

WEIGHTS = {"image": 0.5, "text": 0.5, "table": 1.5}


def make_missing_results(n=300, seeds=(39, 40), folds=5, weights=WEIGHTS, finished=lambda run: True) -> Results:
    """Image and text are worth the same, the table more, unless `weights` says otherwise."""
    rng = np.random.default_rng(0)
    seen = {modality: rng.normal(0, 1, n) for modality in WEIGHTS}
    y = (rng.random(n) < 1 / (1 + np.exp(0.7 - sum(weights[m] * seen[m] for m in WEIGHTS)))).astype(np.int8)
    predictions, runs = [], []
    for condition in missing_conditions():
        for seed in seeds:
            parts = np.random.default_rng(seed).permutation(n) % folds
            for fold in range(folds):
                run = {"method": "vdafm", "variant": "", "condition": condition.id, "seed": seed, "fold": fold}
                done = finished(run)
                known = {"condition_label": condition.name, "status": "done" if done else "missing"}
                runs.append({**dict.fromkeys(RUN_COLUMNS), **run, **known})
                if not done:
                    continue
                test = np.flatnonzero(parts == fold)
                logit = np.zeros(len(test))
                for number, modality in enumerate(WEIGHTS):
                    there = np.ones(len(test), bool)
                    if condition.keep is not None and modality not in condition.keep:
                        there = np.random.default_rng([seed, fold, number]).random(len(test)) >= condition.rate
                    logit += weights[modality] * np.where(there, seen[modality][test], 0)
                part = pd.DataFrame({"patient_id": [f"P{i:03d}" for i in test], "y": y[test]})
                part["p"] = 1 / (1 + np.exp(-logit))
                predictions.append(part.assign(**run, protocol="cv5", split="s", dataset="made-up", site=None))
    frame = pd.concat(predictions) if predictions else pd.DataFrame()
    return Results(
        frame.reindex(columns=[*PATIENT_COLUMNS, "p"]),
        pd.DataFrame(runs, columns=list(RUN_COLUMNS)),
        [MethodInfo("vdafm", "VDAFM", "Proposed", ("image", "text", "table"))],
        {"dataset": "made-up", "title": "made-up cohort", "synthetic": True, "outcome": "nihss < 7", "protocol": "cv5"},
    )
