"""Numbers of the experiments that the paper does not have, recomputed: `missing`, `comparison` and `added_value`.

Of `added_value` the gains in Brier score and net benefit are recomputed without their intervals; of `comparison` means,
differences, the test of the headline and effect sizes, and no intervals by bootstrap.
"""

from __future__ import annotations

import re
from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
from recompute_stored import Check, Stored, by_run, deviation, first, mean, ranked_by
from scipy import special, stats

MODALITIES = ("image", "text", "table")
WAYS = {"tested without": "{}@test", "tested without, raw zeros": "{}@test,fill=zero", "trained without": "{}"}
EXACT = 1e-9


def named(kept: set[str], way: str) -> str:
    """The condition in which these modalities are there and the others taken away in that way."""
    subset = "+".join(name for name in MODALITIES if name in kept)
    return "complete" if len(kept) == len(MODALITIES) else WAYS[way].format(subset)


def missing(check: Check, table: pd.DataFrame, stored: Stored) -> None:
    """Means and deviations by subset or by rate, and Shapley values."""
    if check.file.stem == "shapley":
        return worth(check, table, stored)
    by_subset = check.file.stem == "missing_subsets"
    for _, row in table.iterrows():
        method, label = row["key"].split("/")
        columns = WAYS if by_subset else [name for name in table if name.startswith("rate_") and name.count("_") == 1]
        for column in columns:
            kept = set(label.lower().split(" + "))
            condition = named(kept, column) if by_subset else _rate(label, int(column.removeprefix("rate_")))
            values = by_run(stored.of(method=method, condition=condition))
            check.number(f"{row['key']} {column}", row[column], mean(values))
            check.number(f"{row['key']} {column}_std", row[f"{column}_std"], deviation(values))


def _rate(label: str, rate: int) -> str:
    if label == "Any, trained so too":
        return f"none,rate={rate / 100!r}"
    others = set() if label == "Any" else set(MODALITIES) - {label.lower()}
    if rate == 0:
        return "complete"
    if rate == 100:
        return named(others, "tested without") if others else "no such condition"
    return f"{'+'.join(name for name in MODALITIES if name in others) or 'none'}@test,rate={rate / 100!r}"


def worth(check: Check, table: pd.DataFrame, stored: Stored) -> None:
    """Shapley values of each run, by the sum over subsets; nothing known has AUC 50."""
    for _, row in table.iterrows():
        method, way, part = row["key"].split("/")
        auc = {
            frozenset(kept): by_run(stored.of(method=method, condition=named(set(kept), way)))
            for size in (1, 2, 3)
            for kept in combinations(MODALITIES, size)
        }
        whole = auc[frozenset(MODALITIES)] - 50
        auc[frozenset()] = whole * 0 + 50
        value = whole if part == "sum" else _shapley(auc, part)
        check.number(f"{row['key']} value", first(row["value"]), value.mean(), 0.05 + EXACT)
        check.number(f"{row['key']} spread", row["spread"], deviation(value), 0.05 + EXACT)
        if part != "sum":
            share = 100 * value.mean() / whole.mean() if whole.mean() > 0 else np.nan
            check.number(f"{row['key']} share", str(row["share"]).removesuffix(" %"), share, 0.5 + EXACT)


def _shapley(auc: dict[frozenset[str], pd.Series], part: str) -> pd.Series:
    n = len(MODALITIES)
    return sum(
        factorial(len(kept)) * factorial(n - len(kept) - 1) / factorial(n) * (auc[kept | {part}] - auc[kept])
        for kept in auc
        if part not in kept
    )


def comparison(check: Check, table: pd.DataFrame, stored: Stored) -> None:
    """Of each pair the difference and what follows from its runs; of each method its mean."""
    if check.file.stem == "comparison_pairs":
        for _, row in table.iterrows():
            pair(check, row, stored)
    else:
        for _, row in table.iterrows():
            runs = stored.named(row["key"])
            printed = row[ranked_by(runs).lower()]
            check.number(f"{row['key']} {ranked_by(runs)}", first(printed), mean(by_run(runs)))
            if limits := stored.limits(runs):
                ends = re.findall(r"[\d.]+", str(printed).partition("[")[2])
                for name, end, limit in zip(("low", "high"), ends, limits, strict=True):
                    check.number(f"{row['key']} {name}", end, limit, 0.05 + EXACT)


def headline(stored: Stored, one: pd.DataFrame, other: pd.DataFrame) -> tuple[pd.Series, float, float]:
    """Differences of paired runs as shares, half the interval of their mean, and its p."""
    # Equal AUCs may differ in the last digit.
    runs, error = ((by_run(one) - by_run(other)) / 100).dropna().round(12), stored.error(one, other)
    law = stats.t(len(runs) - 1) if stored.facts["provenance"]["protocol"] == "cv5" else stats.norm()
    # Of equal settings 1, however small the error; undefined where the law is.
    return runs, law.ppf(0.975) * error, 2 * law.sf(abs(runs.mean()) / error if runs.mean() else 0.0)


def pair(check: Check, row: pd.Series, stored: Stored) -> None:
    """The test of the headline, Hedges' g, and the share of runs in which the first is better."""
    one, other = (stored.named(row[name]) for name in ("first", "second"))
    runs, half, p = headline(stored, one, other)
    n, where = len(runs), f"{row['first']} - {row['second']}"
    correction = np.exp(special.gammaln((n - 1) / 2) - special.gammaln((n - 2) / 2)) / np.sqrt((n - 1) / 2)
    true = {
        "difference": runs.mean(),
        "low": runs.mean() - half,
        "high": runs.mean() + half,
        "p": p,
        "hedges_g": correction * runs.mean() / runs.std(ddof=1) if n > 2 else np.nan,
        "superiority": np.mean((runs > 0) + (runs == 0) / 2),
    }
    for name, value in true.items():
        check.number(f"{where} {name}", row[name], value, 1e-6)


def added_value(check: Check, table: pd.DataFrame, stored: Stored) -> None:
    """The table alone and with an addition: AUC, gain with interval and p by Holm, Brier score and net benefit."""
    if check.file.stem == "added_value_use":
        for _, row in table.iterrows():
            worth_of_probabilities(check, row, stored)
        return
    for _, group in table.groupby("category"):
        found = {row["key"]: step(check, row, stored) for _, row in group.iterrows()}
        order = sorted(found, key=lambda key: found[key])
        adjusted = 0.0
        for place, key in enumerate(order):
            adjusted = max(adjusted, min(1.0, (len(order) - place) * found[key]))
            printed = str(group.set_index("key").loc[key, "p"])
            decimals = len(printed.partition(".")[2])
            if printed.startswith("<"):
                check.number(f"{key} p at most", float(adjusted < float(printed[1:])), 1.0, 0)
            else:
                check.number(f"{key} p", printed, adjusted, 0.5 * 10**-decimals + EXACT)


def sides(stored: Stored, key: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The runs on the table alone, and those with what the row adds."""
    method, added = key.split("/")
    kept = {"table", *added.split(" and ")}
    return tuple(stored.of(method=method, condition=named(what, "trained without")) for what in ({"table"}, kept))


def step(check: Check, row: pd.Series, stored: Stored) -> float:
    """Both AUCs and the gain with its interval; returns its p."""
    before, after = sides(stored, row["key"])
    both = pd.concat([by_run(before), by_run(after)], axis=1).dropna()
    both.columns = ["before", "after"]
    for name in both:
        check.number(f"{row['key']} {name}", row[name], both[name].mean())
    gains, half, p = headline(stored, after, before)
    for printed, true in zip(numbers(row["gain"]), gains.mean() + half * np.array([0, -1, 1]), strict=True):
        check.number(f"{row['key']} gain", printed, 100 * true, 0.05 + EXACT)
    return p


def numbers(text: str | float) -> list[str]:
    """Those of `+2.8 [+1.2, +4.4]`, or of a number alone, as which pandas reads a column without any interval."""
    return re.findall(r"[-+][\d.]+", f"{text:+}" if isinstance(text, float) else text.replace("\N{MINUS SIGN}", "-"))


def worth_of_probabilities(check: Check, row: pd.Series, stored: Stored) -> None:
    """How far the Brier score, of grades its mean over the cuts, falls and net benefit per 100 patients rises."""
    of_run = _worth_of_run if "p" in stored.predictions else _score_of_grades
    found = {"before": [], "after": []}
    before, after = (runs.set_index(["seed", "fold"]) for runs in sides(stored, row["key"]))
    for run in before.index.intersection(after.index):
        for name, runs in (("before", before), ("after", after)):
            found[name].append(of_run(stored, (*runs.loc[run, ["method", "variant", "condition"]], *run)))
    gains = (np.array(found["after"]) - np.array(found["before"])).mean(axis=0)
    names = ["brier", *(name for name in row.index if name.startswith("net_"))]
    for name, true in zip(names, gains, strict=True):
        scale, half = (-1, 5e-4) if name == "brier" else (100, 0.05)
        check.number(f"{row['key']} {name}", numbers(row[name])[0], scale * true, half + EXACT)


def _worth_of_run(stored: Stored, run: tuple[object, ...]) -> list[float]:
    """Brier score and net benefit of a run, its probabilities at the prevalence of the patients it did not test."""
    y, p = stored.by_run[run]["y"].to_numpy(), stored.undone(run).to_numpy()
    worth = [np.mean((p - y) ** 2)]
    for at in (0.2, 0.3, 0.5):
        worth.append(np.mean((p >= at) & (y == 1)) - np.mean((p >= at) & (y == 0)) * at / (1 - at))
    return worth


def _score_of_grades(stored: Stored, run: tuple[object, ...]) -> list[float]:
    """Mean squared error of the probabilities of a grade above each cut."""
    part = stored.by_run[run]
    p = stored.undone_grades.loc[part.index].to_numpy()
    cuts = range(p.shape[1] - 1)
    return [np.mean([(p[:, cut + 1 :].sum(axis=1) - (part["y"] > cut)) ** 2 for cut in cuts])]
