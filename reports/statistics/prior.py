"""Probabilities at the prevalence that patients have, of models that were trained on balanced classes."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.reports.results import RUN, Results

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

    Odds that were learnt from as many events as others are too high by the odds of the prevalence (Elkan 2001, theorem
    2; Saerens et al. 2002). The prevalence is that of the patients whom the run does not test; where it tests all that
    are known, theirs. Ranks within a run, and runs that were not balanced, stay as they are.
    """
    from scipy.special import expit

    predictions, facts = results.predictions, results.provenance
    if results.endpoint.dichotomies:
        return _undo_of_grades(results)
    events = pd.Series(results.endpoint.events(predictions["y"]), predictions.index, dtype=float)
    everyone = events[~predictions["patient_id"].duplicated()]
    n, positives = facts.get("n_patients", len(everyone)), facts.get("n_positive", everyone.sum())
    by_run = events.groupby([predictions[name] for name in RUN], dropna=False)
    tested, found = by_run.transform("size"), by_run.transform("sum")
    prevalence = ((positives - found) / (n - tested).where(tested < n)).fillna(found / tested)
    p = predictions["p"].to_numpy(float)
    undone = expit(log_odds(p) + log_odds(prevalence.to_numpy(float)))
    return predictions.assign(p=np.where(_was_balanced(results), undone, p))


def _was_balanced(results: Results) -> NDArray[np.bool_]:
    """Whether the run of each prediction (n,) was trained on balanced classes."""
    keys = list(RUN)
    balanced = pd.MultiIndex.from_frame(results.runs.loc[results.runs["balance"].isin(BALANCED), keys])
    return np.asarray(pd.MultiIndex.from_frame(results.predictions[keys]).isin(balanced))


def _undo_of_grades(results: Results) -> pd.DataFrame:
    """The same of several labels: each is weighed by its share among the patients whom the run does not test."""
    predictions, endpoint = results.predictions, results.endpoint
    seen = pd.DataFrame(np.eye(endpoint.levels)[predictions["y"].to_numpy(int)], predictions.index)
    everyone = seen[~predictions["patient_id"].duplicated()].sum().to_numpy()
    tested = seen.groupby([predictions[name] for name in RUN], dropna=False).transform("sum").to_numpy()
    others = everyone - tested
    p = endpoint.probabilities(predictions)
    undone = at_prevalence(p, np.where(others.sum(axis=1, keepdims=True) > 0, others, tested))
    return predictions.assign(**endpoint.columns(np.where(_was_balanced(results)[:, None], undone, p)))
