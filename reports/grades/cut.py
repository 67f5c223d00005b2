"""One fit of grades, judged as a prediction of any yes or no between two of them."""

from dataclasses import replace

import numpy as np

from strokebench.datasets.naming import scale_of
from strokebench.reports.results import Provenance, Results
from strokebench.reports.statistics.prior import BALANCED, UNDONE, undo_balance

USUAL = {"mrs": 2}
"""Scale -> the grade at which trials divide it: above mRS 2 a patient depends on others."""


def main_cut(results: Results) -> int:
    """Which of `endpoint.dichotomies` is asked of first: the scale's usual one, else the one that divides most evenly.

    Args:
        results: of an endpoint with `dichotomies`.
    """
    endpoint = results.endpoint
    cuts = [cut.expression for cut in endpoint.dichotomies]
    usual = f"{endpoint.column} > {USUAL.get(scale_of(endpoint.column) or '')}"
    if usual in cuts:
        return cuts.index(usual)
    y = results.predictions.drop_duplicates("patient_id")["y"]
    return int(np.argmin([abs((y > label).mean() - 0.5) for label in range(len(cuts))]))


def at_cut(results: Results, label: int) -> Results:
    """The results of `endpoint.dichotomies[label]`, whose probability is that of all grades above `label`.

    Nothing is fitted again. The balance of training is undone first: as many patients of each grade are not as many on
    both sides of a cut.

    Args:
        results: of an endpoint with `dichotomies`.
    """
    endpoint = results.endpoint
    cut = endpoint.dichotomies[label]
    above = endpoint.probabilities(undo_balance(results))[:, label + 1 :].sum(axis=1)
    y = (results.predictions["y"] > label).astype("int8")
    kept = results.predictions.drop(columns=list(endpoint.prediction_columns))
    predictions = kept.assign(outcome=cut.expression, y=y, p=np.clip(above, 0, 1))
    provenance: Provenance = {**results.provenance, "outcome": cut.expression, "outcome_title": cut.expression}
    balance = results.runs["balance"]
    runs = results.runs.assign(balance=balance.mask(balance.isin(BALANCED), UNDONE))
    return replace(results, predictions=predictions, runs=runs, provenance=provenance, oracle=None)
