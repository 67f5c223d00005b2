"""Probabilities at the prevalence that patients have, of models that were trained on balanced classes."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.reports.results import RUN, Provenance, Results

BALANCED = ("smote", "duplicate")
"""Ways of balancing after which a training part has as many patients of each label."""

UNDONE = "undone"
"""What stands for these ways once probabilities at the patients' prevalence were made of such runs."""

CLIP = 1e-6
"""Probabilities are kept this far from 0 and 1 before their log odds are taken (our choice)."""


def log_odds(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log odds of probabilities, of any shape, kept `CLIP` away from 0 and 1."""
    from scipy.special import logit

    return logit(np.clip(p, CLIP, 1 - CLIP))


def at_prevalence(p: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities (n, levels) learnt from equally many patients of each label, where labels have these shares.

    Odds are multiplied by those of the prevalence (Elkan 2001, theorem 2; of several labels Saerens et al. 2002). Where
    only labels were thought possible that nobody has, there is nothing to weigh by.

    Args:
        shares: of the labels, (levels,) or a row a patient, in any unit.

    >>> at_prevalence(np.array([[0.5, 0.5]]), np.array([0.8, 0.2]))
    array([[0.8, 0.2]])
    """
    weighed = p * shares
    sums = weighed.sum(axis=1, keepdims=True)
    return np.where(sums > 0, weighed / np.where(sums > 0, sums, 1), p)


def undo_balance(results: Results) -> pd.DataFrame:
    """The predictions, their probabilities shifted to the prevalence that training hid, of a binary endpoint or grades.

    Odds that were learnt from as many patients of each label are not those of patients (Elkan 2001, theorem 2; Saerens
    et al. 2002): each label is weighed by its share among the patients whom the run does not test; where it tests all
    that are known, by theirs. Runs that were not balanced stay as they are, and so do ranks of a binary endpoint within
    a run.
    """
    predictions, endpoint = results.predictions, results.endpoint
    grades = bool(endpoint.dichotomies)
    labels = predictions["y"].to_numpy(int) if grades else endpoint.events(predictions["y"]).astype(int)
    seen = pd.DataFrame(np.eye(endpoint.levels)[labels], predictions.index)
    tested = seen.groupby([predictions[name] for name in RUN], dropna=False).transform("sum").to_numpy()
    everyone = _known(results.provenance)
    if everyone is None:
        everyone = seen[~predictions["patient_id"].duplicated()].sum().to_numpy()
    others = everyone - tested
    p = endpoint.probabilities(predictions)
    p = p if grades else np.column_stack([1 - p, p])
    undone = at_prevalence(p, np.where(others.sum(axis=1, keepdims=True) > 0, others, tested))
    return predictions.assign(**endpoint.columns(np.where(_was_balanced(results)[:, None], undone, p)))


def _known(facts: Provenance) -> NDArray[np.float64] | None:
    """Patients of each label whose outcome is known, tested or not, where it is told."""
    if "n_of_labels" in facts:
        return np.array(facts["n_of_labels"], dtype=float)
    if "n_patients" in facts and "n_positive" in facts:
        return np.array([facts["n_patients"] - facts["n_positive"], facts["n_positive"]], dtype=float)
    return None


def _was_balanced(results: Results) -> NDArray[np.bool_]:
    """Whether the run of each prediction (n,) was trained on balanced classes."""
    keys = list(RUN)
    balanced = pd.MultiIndex.from_frame(results.runs.loc[results.runs["balance"].isin(BALANCED), keys])
    return np.asarray(pd.MultiIndex.from_frame(results.predictions[keys]).isin(balanced))
