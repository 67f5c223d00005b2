"""Numbers of `clinical`, of an event, recomputed: every value, and no interval nor what simulated outcomes would give.

Out-of-fold predictions of a seed are ranked together, each value is the mean over the seeds that have all folds.
"""

from __future__ import annotations

import re
from functools import partial

import numpy as np
import pandas as pd
import statsmodels.api as sm
from recompute_stored import METRICS, RUN, Check, Stored, deviation, first, mean, scores
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score


def clinical(check: Check, table: pd.DataFrame, stored: Stored) -> None:
    """Each table by what it holds."""
    pooled = Pooled(stored)
    for _, row in table.iterrows():
        READERS[check.file.stem](check, row, pooled)


class Pooled:
    """The predictions of each setting and seed, a row a patient: `y`, `raw`, and `p` with the balance undone."""

    def __init__(self, stored: Stored) -> None:
        self.stored, self.seeds = stored, {}
        folds = stored.planned.groupby(RUN[:4])["fold"].nunique()
        for key, planned in folds.items():
            runs = [run for run in stored.by_run if run[:4] == key]
            if len(runs) == planned:
                parts = [stored.by_run[run].assign(raw=stored.by_run[run]["p"], p=stored.undone(run)) for run in runs]
                self.seeds.setdefault(self.name(key), []).append(pd.concat(parts).set_index("patient_id"))
        groups = pd.read_parquet(stored.folder / "groups.parquet").set_index("patient_id").astype(str)
        self.groups = groups.assign(
            hospital=stored.predictions.drop_duplicates("patient_id").set_index("patient_id")["site"]
        )

    def name(self, key: tuple[object, ...]) -> str:
        """`xgboost`, or `vdafm//complete` where the method has other settings too."""
        settings = self.stored.planned[self.stored.planned["method"] == key[0]][RUN[:3]].drop_duplicates()
        return str(key[0]) if len(settings) == 1 else "/".join(map(str, key[:3]))

    def inside(self, group: str, seed: pd.DataFrame) -> pd.DataFrame:
        """Those of a seed who are in `age/under 60`."""
        grouping, _, name = group.partition("/")
        return seed[(self.groups[grouping].reindex(seed.index).fillna("unknown") == name).to_numpy()]

    def mean(self, name: str, function, group: str = "") -> float:
        """Of a function of each seed's predictions."""
        return float(np.mean([function(self.inside(group, seed) if group else seed) for seed in self.seeds[name]]))


def auc(seed: pd.DataFrame) -> float:
    """In percent."""
    return 100 * roc_auc_score(seed["y"], seed["p"])


def probabilities(check: Check, row: pd.Series, pooled: Pooled) -> None:
    """AUC, average precision, Brier score, and its distance to that of the prevalence."""

    def scaled(seed: pd.DataFrame) -> float:
        share = seed["y"].mean()
        return 100 * (1 - brier_score_loss(seed["y"], seed["p"]) / (share * (1 - share)))

    functions = {
        "auc": (auc, 0.05),
        "auprc": (lambda seed: 100 * average_precision_score(seed["y"], seed["p"]), 0.05),
        "brier": (lambda seed: brier_score_loss(seed["y"], seed["p"]), 5e-4),
        "scaled": (scaled, 0.05),
    }
    for name, (function, half) in functions.items():
        check.number(f"{row['key']} {name}", first(row[name]), pooled.mean(row["key"], function), half + 1e-9)


def calibration(check: Check, row: pd.Series, pooled: Pooled) -> None:
    """Mean probability, logistic recalibration, and the error over equally filled bins."""

    def odds(seed: pd.DataFrame) -> pd.Series:
        return logit(seed["p"].clip(1e-6, 1 - 1e-6))

    def shift(seed: pd.DataFrame) -> float:
        return brentq(lambda by: seed["y"].sum() - expit(odds(seed) + by).sum(), -30, 30)

    def fitted(seed: pd.DataFrame) -> np.ndarray:
        return sm.Logit(seed["y"].to_numpy(), sm.add_constant(odds(seed).to_numpy())).fit(disp=0).params

    def error(seed: pd.DataFrame) -> float:
        edges = np.quantile(seed["p"], np.linspace(0, 1, max(2, min(10, len(seed) // 25)) + 1)[1:-1])
        gaps = (seed["y"] - seed["p"]).groupby(np.digitize(seed["p"], np.unique(edges))).sum()
        return 100 * gaps.abs().sum() / len(seed)

    functions = {
        "predicted": (lambda seed: 100 * seed["p"].mean(), 0.05),
        "in_the_large": (shift, 5e-3),
        "slope": (lambda seed: fitted(seed)[1], 5e-3),
        "intercept": (lambda seed: fitted(seed)[0], 5e-3),
        "ece": (error, 0.05),
    }
    for name, (function, half) in functions.items():
        check.number(f"{row['key']} {name}", first(row[name]), pooled.mean(row["key"], function), half + 1e-6)


def net_benefit(check: Check, row: pd.Series, pooled: Pooled) -> None:
    """Events called less others called at the odds of the threshold, per 100 patients."""
    for column in (name for name in row.index if name.startswith("at_")):
        at = int(column.removeprefix("at_")) / 100

        def worth(seed: pd.DataFrame, at: float = at) -> float:
            called = (seed["p"] >= at) if row["key"] != "everybody" else seed["p"] >= 0
            return 100 * (np.mean(called & (seed["y"] == 1)) - np.mean(called & (seed["y"] == 0)) * at / (1 - at))

        name = row["key"] if row["key"] != "everybody" else next(iter(pooled.seeds))
        check.number(f"{row['key']} {column}", first(row[column]), pooled.mean(name, worth), 0.05 + 1e-9)


def instability(check: Check, row: pd.Series, pooled: Pooled) -> None:
    """How far two seeds lie apart for a patient, over all pairs of seeds."""
    p = pd.concat([seed["p"] for seed in pooled.seeds[row["key"]]], axis=1, join="inner").to_numpy()
    pairs = [(one, other) for one in range(p.shape[1]) for other in range(one)]
    apart = np.mean([np.abs(p[:, one] - p[:, other]) for one, other in pairs], axis=0)
    changed = np.mean([(p[:, one] >= 0.5) != (p[:, other] >= 0.5) for one, other in pairs])
    for name, value in (("difference", apart.mean()), ("unsteadiest", np.quantile(apart, 0.95)), ("changed", changed)):
        check.number(f"{row['key']} {name}", first(row[name]), 100 * value, 0.05 + 1e-9)


def subgroups(check: Check, row: pd.Series, pooled: Pooled) -> None:
    """Patients, events and AUC of each method in a group."""
    anybody = pooled.inside(row["key"], next(iter(pooled.seeds.values()))[0])
    check.number(f"{row['key']} n", row["n"], len(anybody), 0)
    check.number(f"{row['key']} events", row["events"], anybody["y"].sum(), 0)
    for column in (name for name in row.index if name.startswith("auc_")):
        if anybody["y"].nunique() == 2:
            value = pooled.mean(column.removeprefix("auc_"), auc, row["key"])
            check.number(f"{row['key']} {column}", first(row[column]), value, 0.05 + 1e-9)


def worst_hospital(check: Check, row: pd.Series, pooled: Pooled) -> None:
    """No other hospital that is large enough has a lower AUC."""
    found = {}
    for hospital in pooled.groups["hospital"].unique():
        part = pooled.inside(f"hospital/{hospital}", pooled.seeds[row["key"]][0])
        if len(part) >= 30 and 10 <= part["y"].sum() <= len(part) - 10:
            found[hospital] = pooled.mean(row["key"], auc, f"hospital/{hospital}")
    check.number(f"{row['key']} {row['hospital']}", min(found.values()), found[row["hospital"]], 0)
    whole = pooled.mean(row["key"], auc)
    true = {"auc": found[row["hospital"]], "whole": whole, "gap": found[row["hospital"]] - whole}
    for name, value in true.items():
        check.number(f"{row['key']} {name}", first(row[name]), value, 0.05 + 1e-9)


def fairness(check: Check, row: pd.Series, pooled: Pooled, alone: bool = False) -> None:
    """A group less all others, or alone: AUC, sensitivity, specificity as trained, observed less predicted undone."""
    name, grouping, group = re.fullmatch(r"(.+)/([^/]+)/([^/]+)", row["key"]).groups()
    member = pooled.groups[grouping].fillna("unknown") == group
    seeds = pooled.seeds[name]
    sides = [[seed[(member.reindex(seed.index) == side).to_numpy()] for seed in seeds] for side in (True, False)]
    check.number(f"{row['key']} n", row["n"], len(sides[0][0]), 0)

    def shares(side: list[pd.DataFrame], label: int) -> float:
        right = [(seed["raw"] >= 0.5)[seed["y"] == label] == label for seed in side]
        return 100 * pd.concat(right, axis=1).astype(float).mean(axis=1).mean()

    functions = {
        "auc": lambda side: 100 * np.mean([roc_auc_score(seed["y"], seed["raw"]) for seed in side]),
        "sensitivity": lambda side: shares(side, 1),
        "specificity": lambda side: shares(side, 0),
        "observed_less_predicted": lambda side: (
            100 * pd.concat([seed["y"] - seed["p"] for seed in side], axis=1).mean(axis=1).mean()
        ),
    }
    for column in functions.keys() & set(row.index):
        own, others = map(functions[column], sides)
        value = own if alone else own - others
        check.number(f"{row['key']} {column}", first(row[column]), value, 0.05 + 1e-9)


def thresholds(check: Check, row: pd.Series, pooled: Pooled) -> None:
    """Metrics of a run called from 0.5 on, or from where its validation part says."""
    name, _, rule = row["key"].rpartition("/")
    planned, found = pooled.stored.planned.set_index(RUN), []
    for run, part in pooled.stored.by_run.items():
        if pooled.name(run) == name:
            at = 0.5 if rule == "fixed" else planned.loc[[run], "threshold"].item()
            found.append(scores(part["y"], part["p"] - at + 0.5))
    for place, metric in enumerate(METRICS[1:], 1):
        values = pd.Series([run[place] for run in found])
        check.number(f"{row['key']} {metric}", row[metric], mean(values))
        check.number(f"{row['key']} {metric}_std", row[f"{metric}_std"], deviation(values))


READERS = {
    "by_group": partial(fairness, alone=True),
    "calibration": calibration,
    "clinical_scores": probabilities,
    "fairness": fairness,
    "instability": instability,
    "net_benefit": net_benefit,
    "subgroups": subgroups,
    "subgroups_all": subgroups,
    "thresholds": thresholds,
    "worst_hospital": worst_hospital,
}
