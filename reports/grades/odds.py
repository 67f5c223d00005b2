"""The common odds ratio: how much likelier is a worse grade, at whatever cut, where a method predicts a worse one?"""

import numpy as np

from strokebench.reports.statistics.intervals import UNDEFINED, Interval, z_value
from strokebench.reports.statistics.scores import Scores


def common_odds_ratio(scores: Scores, name: str) -> Interval:
    """Odds ratio of a worse grade for one standard deviation of the predicted mean grade, by proportional odds.

    One ratio for all cuts (McCullagh 1980), as trials report a shift of the mRS. The unit is a standard deviation
    within a seed, so that methods can be compared whatever the spread of their predictions. Seeds are fitted together
    by statsmodels' `OrderedModel`, with Wald's interval from the sandwich variance clustered by patient.

    Args:
        scores: grades and predicted mean grades, the folds of each seed together.

    Returns:
        NaN without predictions, where they are constant, and where they put all patients in the order of their grades.
    """
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    means = scores.p[scores.names.index(name)] if name in scores.names else scores.p[:0, 0]
    means = means[~np.isnan(means).all(axis=1)]
    spread = np.nanstd(means, axis=1, keepdims=True)
    if not len(means) or (spread < 1e-9).any():
        return UNDEFINED
    seeds, patients = np.nonzero(~np.isnan(means))
    standardised = ((means - np.nanmean(means, axis=1, keepdims=True)) / spread)[seeds, patients]
    grades = np.unique(scores.y[patients], return_inverse=True)[1]
    model = OrderedModel(grades, standardised[:, None], distr="logit")
    with np.errstate(all="ignore"):
        fitted = model.fit(method="bfgs", disp=False, skip_hessian=True)
        if not fitted.mle_retvals["converged"]:
            return UNDEFINED
        influence = -np.linalg.solve(model.hessian(fitted.params), model.score_obs(fitted.params).T)[0]
    half = z_value() * float(np.sqrt(np.square(np.bincount(patients, influence)).sum()))
    value = float(fitted.params[0])
    return Interval(*map(float, np.exp([value, value - half, value + half])))
