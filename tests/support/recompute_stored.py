"""Stored predictions read by pandas, and metrics of them by scikit-learn alone: what `recompute` is made of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import (
    accuracy_score,
    cohen_kappa_score,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

METRICS = ("AUC", "ACC", "F1", "Recall", "Precision", "Specificity")
OF_GRADES = ("c", "Kappa", "MAE")
RUN = ["method", "variant", "condition", "seed", "fold"]
HALF = 0.5 * 10**-2 + 1e-9
"""A number printed with two decimals is at most so far from the true one."""

FEWEST = 5
"""A hospital of fewer patients is in no number."""


@dataclass
class Check:
    """What was compared in one CSV file; `wrong` has a line for each number that is another."""

    file: Path
    compared: int = 0
    wrong: list[str] = field(default_factory=list)

    def number(self, where: str, printed: object, true: float, half: float = HALF) -> None:
        """Compare a printed number, empty for an undefined one, with the recomputed one.

        Args:
            half: by how much rounding may have moved the printed one.
        """
        shown = float("nan") if pd.isna(printed) or printed == "" else float(printed)
        self.compared += 1
        if not (np.isnan(shown) and np.isnan(true)) and not abs(shown - true) <= half:
            self.wrong.append(f"{self.file}: {where} is printed as {printed}, recomputed as {true:.4f}")


class Stored:
    """An experiment's stored predictions, and the metrics of each run: six in percent, or of grades three.

    Args:
        above: of grades, the binary outcome of a grade above this one.
    """

    def __init__(self, folder: Path, above: int | None = None) -> None:
        self.folder = folder
        self.predictions = predictions = pd.read_parquet(folder / "predictions.parquet")
        grades = [name for name in predictions if re.fullmatch(r"p\d+", name)]
        self.planned = pd.read_parquet(folder / "runs.parquet")
        if above is not None:
            predictions["p"] = self.undone_grades[grades[above + 1 :]].sum(axis=1)
            predictions["y"] = (predictions["y"] > above).astype(int)
        self.metrics = METRICS if "p" in predictions else OF_GRADES
        self.facts = json.loads((folder / "results.json").read_text())
        told = folder / "patient_facts.parquet"
        self.patients = pd.read_parquet(told) if told.is_file() else pd.DataFrame(columns=["method", "variant"])
        self.runs = pd.DataFrame(
            [
                (*key, *(scores(part["y"], part["p"]) if "p" in part else grade_scores(part["y"], part[grades])))
                for key, part in predictions.groupby(RUN)
            ],
            columns=[*RUN, *self.metrics],
        )

    @cached_property
    def undone_grades(self) -> pd.DataFrame:
        """Probabilities of grades; where training had equally many of each, weighed by shares outside the test."""
        balanced = self.planned[self.planned["balance"].isin(["smote", "duplicate"])].set_index(RUN).index
        levels = self.predictions.filter(regex=r"^p\d+$")
        everyone = self.predictions.drop_duplicates("patient_id")["y"].value_counts()
        found = [levels.iloc[:0]]
        for run, part in self.predictions.groupby(RUN):
            others = everyone.sub(part["y"].value_counts(), fill_value=0).reindex(range(levels.shape[1]), fill_value=0)
            weighed = levels.loc[part.index] * (others.to_numpy() if run in balanced else 1)
            found.append(weighed.div(weighed.sum(axis=1), axis=0))
        return pd.concat(found)

    def of(self, **wanted: object) -> pd.DataFrame:
        """The runs of a setting."""
        chosen = self.runs
        for name, value in wanted.items():
            chosen = chosen[chosen[name] == value]
        return chosen

    def oracle(self) -> pd.DataFrame:
        """What the true probabilities score on each test part."""
        true = pd.DataFrame(self.facts["oracle"]).set_index("patient_id")["p"]
        parts = self.predictions.drop_duplicates(["seed", "fold", "patient_id"]).groupby(["seed", "fold"])
        return pd.DataFrame([scores(part["y"], true[part["patient_id"]]) for _, part in parts], columns=list(METRICS))

    def patients_of(self, fold: int) -> tuple[int, int]:
        """How many were tested at a hospital, and how many of them have label 1."""
        part = self.predictions[self.predictions["fold"] == fold].drop_duplicates("patient_id")
        return len(part), int((part["y"] == 1).sum())

    def judged(self, fold: int) -> bool:
        """Whether a hospital has patients enough of both classes to be in any number."""
        n, events = self.patients_of(fold)
        return min(events, n - events) >= FEWEST

    def tested_at(self, fold: int, method: str) -> pd.DataFrame:
        """A method's runs at a hospital that is judged; none of another."""
        return self.of(method=method, fold=fold if self.judged(fold) else None)

    def named(self, key: str) -> pd.DataFrame:
        """The runs of `method`, or of `method/variant/condition`."""
        return self.of(**dict(zip(RUN, key.split("/"), strict=False)))

    def error(self, first: pd.DataFrame, second: pd.DataFrame) -> float:
        """Of the mean difference of two settings' AUCs: the root of the mean of both variances, under cv5."""
        differences = (by_run(first) - by_run(second)).dropna() / 100
        delong = self._delong(first, second)
        if self.facts["provenance"]["protocol"] != "cv5":
            return delong
        return np.sqrt((delong**2 + corrected_error(differences, self.test_share()) ** 2) / 2)

    def _delong(self, first: pd.DataFrame, second: pd.DataFrame) -> float:
        """DeLong's, pair of patients by pair of patients, a patient's shares averaged over the common runs."""
        one, other = (runs.set_index(["seed", "fold"]) for runs in (first, second))
        gaps = []
        for run in one.index.intersection(other.index):
            keys = [(*runs.loc[run, RUN[:3]], *run) for runs in (one, other)]
            gaps.append(self.shares[keys[0]] - self.shares[keys[1]])
        return np.sqrt((pd.concat(gaps, axis=1).fillna(0).mean(axis=1) ** 2).sum())

    @cached_property
    def by_run(self) -> dict[tuple[object, ...], pd.DataFrame]:
        """The predictions of each run."""
        return dict(iter(self.predictions.groupby(RUN)))

    def undone(self, run: tuple[object, ...]) -> pd.Series:
        """A run's probabilities of an event at the prevalence of the patients it did not test, if training hid it."""
        part = self.by_run[run]
        [balance] = self.planned.set_index(RUN).loc[[run], "balance"]
        if balance not in ("smote", "duplicate"):
            return part["p"]
        facts = self.facts["provenance"]
        events = facts.get("n_positive", self.predictions.drop_duplicates("patient_id")["y"].sum())
        others = (events - part["y"].sum()) / (facts["n_patients"] - len(part))
        p = part["p"]
        return p * others / (p * others + (1 - p) * (1 - others))

    @cached_property
    def shares(self) -> dict[tuple[object, ...], pd.Series]:
        """What each patient adds to the variance of a run's AUC, as a root, by run."""
        found = {}
        for key, part in self.by_run.items():
            if "p" not in part:
                found[key] = _shares_of_grades(part.set_index("patient_id"))
                continue
            p, y = part.set_index("patient_id")["p"], (part["y"] == 1).to_numpy()
            above = np.subtract.outer(p[y].to_numpy(), p[~y].to_numpy())
            wins, share = (above > 0) + (above == 0) / 2, pd.Series(0.0, p.index)
            for members, values in ((y, wins.mean(axis=1)), (~y, wins.mean(axis=0))):
                share[members] = (values - wins.mean()) / np.sqrt(members.sum() * (members.sum() - 1))
            found[key] = share
        return found

    def limits(self, runs: pd.DataFrame) -> tuple[float, float] | None:
        """Where the mean AUC of a setting may lie, in percent; None where another rule than that of two seeds holds."""
        if self.facts["provenance"]["protocol"] != "cv5" or runs["seed"].nunique() < 2:
            return None
        keys = [tuple(key) for key in runs[RUN].to_numpy()]
        variance = (pd.concat([self.shares[key] for key in keys], axis=1).fillna(0).mean(axis=1) ** 2).sum()
        error = 1.96 * np.sqrt(variance * (1 + 5 * self._discordance(keys)))
        middle = by_run(runs).mean() / 100
        odds = middle / (1 - middle) * np.exp([-error / (middle * (1 - middle)), error / (middle * (1 - middle))])
        return tuple(100 * odds / (1 + odds))

    def _discordance(self, keys: Iterable[tuple[object, ...]]) -> float:
        """How often models of two seeds order two patients of unequal outcome differently, whom both test."""
        ranked, outcome = {}, self.predictions.drop_duplicates("patient_id").set_index("patient_id")["y"]
        for key in keys:
            part = self.by_run[key].set_index("patient_id")
            ranked[key] = part["p"] if "p" in part else _expected(part)
        changed = []
        for one, other in combinations(ranked, 2):
            if one[3] != other[3]:
                both = pd.concat([ranked[one], ranked[other], outcome], axis=1, join="inner").to_numpy(float)
                first, second, y = (np.sign(np.subtract.outer(values, values)) for values in both.T)
                changed.append((np.abs(first - second) / 2)[y > 0])
        return np.concatenate(changed).mean()

    def test_share(self) -> float:
        """Test patients by training and validation patients."""
        n_test = self.predictions.groupby(RUN).size().mean()
        return n_test / (self.facts["provenance"]["n_patients"] - n_test)


def _shares_of_grades(part: pd.DataFrame) -> pd.Series:
    """The same for c, a ratio of two sums over pairs of patients of unequal grades."""
    y, expected = part["y"].to_numpy(), _expected(part).to_numpy()
    order = np.sign(np.subtract.outer(y, y))
    wins = np.where(order != 0, (np.sign(np.subtract.outer(expected, expected)) * order + 1) / 2, 0)
    right, pairs = wins.sum(axis=1), np.abs(order).sum(axis=1)
    influence = 2 * (right - right.sum() / pairs.sum() * pairs) / pairs.sum()
    return pd.Series(influence * np.sqrt(len(y) / (len(y) - 1)), part.index)


def _expected(part: pd.DataFrame) -> pd.Series:
    """Predicted mean grades."""
    levels = part.filter(regex=r"^p\d+$")
    return (levels * np.arange(levels.shape[1])).sum(axis=1).round(9)


def ranked_by(table: Iterable[str]) -> str:
    """The metric of ranks among these columns: AUC, or c of grades."""
    return "AUC" if "AUC" in table else "c"


def by_run(runs: pd.DataFrame) -> pd.Series:
    """AUC, or c, by seed and fold, so that runs of two settings can be paired."""
    return runs.set_index(["seed", "fold"])[ranked_by(runs)]


def corrected_error(values: pd.Series, test_share: float) -> float:
    """Of a mean over runs that share training patients (Nadeau and Bengio 2003)."""
    return np.sqrt(values.var(ddof=1) * (1 / len(values) + test_share))


def auc_limits(auc: float, positives: int, negatives: int) -> tuple[float, float]:
    """95 % limits: the AUCs whose own error (Hanley and McNeil 1982) just reaches to the measured one, by halving."""
    if not 0 <= auc <= 1 or not positives or not negatives:
        return np.nan, np.nan

    def end(far: float) -> float:
        near = auc
        for _ in range(60):
            true = (near + far) / 2
            of_positive, of_negative = true / (2 - true) - true**2, 2 * true**2 / (1 + true) - true**2
            variance = true * (1 - true) + (positives - 1) * of_positive + (negatives - 1) * of_negative
            within = abs(true - auc) <= stats.norm.ppf(0.975) * np.sqrt(variance / (positives * negatives))
            near, far = (true, far) if within else (near, true)
        return near

    return end(0.0), end(1.0)


def scores(y: pd.Series, p: pd.Series) -> list[float]:
    """The six metrics in percent, label 1 called from 0.5 on."""
    y, called = np.asarray(y), np.asarray(p) >= 0.5
    both = len(set(y)) == 2
    return [
        100 * roc_auc_score(y, p) if both else np.nan,
        100 * accuracy_score(y, called),
        100 * f1_score(y, called, zero_division=0),
        100 * recall_score(y, called, zero_division=np.nan),
        100 * precision_score(y, called, zero_division=0),
        100 * recall_score(1 - y, ~called, zero_division=np.nan),
    ]


def grade_scores(y: pd.Series, p: pd.DataFrame) -> list[float]:
    """c of the mean grade in percent, quadratic kappa and absolute error of the median."""
    levels, grades = np.asarray(p), np.asarray(y)
    expected = (levels * np.arange(levels.shape[1])).sum(axis=1).round(9)
    called = (levels.cumsum(axis=1) < 0.5 - 1e-9).sum(axis=1)
    right = np.sign(np.subtract.outer(expected, expected))[np.greater.outer(grades, grades)]
    kappa = cohen_kappa_score(grades, called, weights="quadratic", labels=range(levels.shape[1]))
    return [100 * np.mean((right + 1) / 2), kappa, np.mean(np.abs(grades - called))]


def first(text: object) -> str:
    """The value of `75.2 [72.3, 78.0]`; of a dash, nothing."""
    return str(text).split(" ")[0].replace("\N{EN DASH}", "")


def mean(values: pd.Series) -> float:
    """Undefined without a run, and where it is undefined in one."""
    return float(np.mean(values.to_numpy(float))) if len(values) else np.nan


def deviation(values: pd.Series) -> float:
    """Population deviation; a single run has none."""
    return float(np.std(values.to_numpy(float))) if len(values) > 1 else np.nan
