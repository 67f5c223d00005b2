"""Which hospital is worst, who leads where, and how much of it is chance."""

from __future__ import annotations

import math

import pandas as pd

from strokebench.reports.hospitals.table import Hospital, hospital_aucs, hospitals, summaries
from strokebench.reports.results import Results


def worst_hospital(results: Results) -> Hospital | None:
    """The hospital with the lowest mean AUC over the methods that are finished at every hospital.

    None where fewer than two hospitals can be compared.
    """
    means = _means(results)
    if len(means) < 2:
        return None
    return next(hospital for hospital in hospitals(results) if hospital.fold == means.idxmin())


def hospital_lead(results: Results) -> str:
    """The worst hospital against the best with the standard error to expect, and who leads where."""
    if not len(results.runs):
        return "Nothing was planned: no wanted method can be run on this cohort."
    worst = worst_hospital(results)
    if worst is None:
        return "No hospitals can be compared yet: no method is finished at two of them with both classes."
    means = _means(results)
    best = next(hospital for hospital in hospitals(results) if hospital.fold == means.idxmax())
    low, high = means.min(), means.max()
    error = math.hypot(worst.standard_error(low), best.standard_error(high))
    verdict = "more than two of them" if high - low > 2 * error else "within two of them, so chance may be all of it"
    many = f", and the extremes of {len(means)} hospitals always lie apart" if len(means) > 2 else ""
    over = len(_compared(results).index)
    return (
        f"Worst hospital: {worst.name} ({worst.facts}), mean AUC {100 * low:.2f} over {over} "
        f"{'method' if over == 1 else 'methods'}; best: {best.name} ({best.facts}), {100 * high:.2f}. The difference "
        f"of {100 * (high - low):.2f} points stands against a standard error of about {100 * error:.2f} from the "
        f"patients alone: {verdict}{many}. {_leader(results)}"
    ).strip()


def _leader(results: Results) -> str:
    """Who has the highest mean AUC at most hospitals, and where that is more than the spread over seeds."""
    wins: dict[str, list[bool]] = {}
    compared = 0
    for hospital, rows in summaries(results):
        known = sorted((row for row in rows if not math.isnan(row["AUC"])), key=lambda row: -row["AUC"])
        if not hospital.rarer or len(known) < 2:
            continue
        compared += 1
        first, second = known[:2]
        clear = first["AUC"] - second["AUC"] > max(first["AUC_std"], second["AUC_std"])
        wins.setdefault(first["method"], []).append(clear)
    if not wins:
        return ""
    leader = max(wins, key=lambda name: len(wins[name]))
    sentence = f"{results.method(leader).label} has the highest mean AUC at {len(wins[leader])} of {compared} hospitals"
    if results.runs["seed"].nunique() < 2:
        return f"{sentence}; one seed alone does not tell by how much training moves it."
    return f"{sentence}, at {sum(wins[leader])} of them by more than the deviation over seeds."


def _compared(results: Results) -> pd.DataFrame:
    """AUCs of the methods that are finished at every hospital where one is, by fold."""
    aucs = hospital_aucs(results).dropna(axis="columns", how="all")
    return aucs.dropna(axis="index", how="any")


def _means(results: Results) -> pd.Series:
    return _compared(results).mean().dropna()
