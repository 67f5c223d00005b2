"""One fit of grades, judged as a prediction of any yes or no between two of them."""

from dataclasses import replace

import numpy as np

from strokebench.reports.results import Provenance, Results
from strokebench.reports.statistics.prior import undo_balance


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
    return replace(
        results, predictions=predictions, runs=results.runs.assign(balance="none"), provenance=provenance, oracle=None
    )
