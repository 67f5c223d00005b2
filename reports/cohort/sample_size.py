"""How many patients a prediction model of a binary outcome needs at the least (Riley et al., BMJ 2020;368:m441).

Of its four criteria three are those of Riley et al. 2019 (Statistics in Medicine 38:1276), which pmsampsize computes;
that of the probabilities' error is van Smeden's (2019, Statistical Methods in Medical Research 28:2455).
"""

import math
from dataclasses import dataclass

import numpy as np

SHRINKAGE, OPTIMISM, MARGIN, ERROR = 0.9, 0.05, 0.05, 0.05
"""Least expected shrinkage, most optimism of Nagelkerke's R2, margin of the overall risk and mean absolute error of
probabilities: the paper's values."""

MOST = 30
"""Parameters up to which the last has a formula; of more the need is at least that of so many."""

ANTICIPATED_AUC = 0.78
"""What a model on clinical columns is expected to reach (our choice: what stroke models on a table report)."""


@dataclass(frozen=True)
class SampleSize:
    """Patients needed by each criterion.

    Args:
        shrinkage: so that predictors are overfitted by a tenth at most. optimism: so that apparent R2 is little better
            than true. risk: so that the overall risk is known to 5 points. error: so that probabilities lie 5 points
            from the true ones on average.
    """

    shrinkage: int
    optimism: int
    risk: int
    error: int

    @property
    def patients(self) -> int:
        """What all criteria together ask for."""
        return max(self.shrinkage, self.optimism, self.risk, self.error)


def sample_size(parameters: int, prevalence: float, r2: float, shrinkage: float = SHRINKAGE) -> SampleSize:
    """The criteria of Riley et al. for so many parameters, an outcome of this prevalence and this R2 of Cox and Snell.

    Args:
        parameters: candidate columns, a category counted once for each value but one.
        prevalence, r2: expected, both between 0 and 1.
    """
    largest = 1 - (prevalence**prevalence * (1 - prevalence) ** (1 - prevalence)) ** 2
    needed = r2 / (r2 + OPTIMISM * largest)

    def by(aim: float) -> int:
        return math.ceil(parameters / ((aim - 1) * math.log(1 - r2 / aim)))

    risk = math.ceil((1.96 / MARGIN) ** 2 * prevalence * (1 - prevalence))
    rarer = min(prevalence, 1 - prevalence)
    power = -0.508 + 0.259 * math.log(rarer) + 0.504 * math.log(min(parameters, MOST)) - math.log(ERROR)
    return SampleSize(by(shrinkage), by(needed), risk, math.ceil(math.exp(power / 0.544)))


def r2_of_auc(auc: float, prevalence: float) -> float:
    """Cox and Snell's R2 of a model whose linear predictor is normal with one variance in those with and without the
    outcome, integrated where the R package pmsampsize simulates.

    Args:
        auc: above one half. prevalence: between 0 and 1.
    """
    from scipy.special import log_expit, logit
    from scipy.stats import norm

    apart = math.sqrt(2) * norm.ppf(auc)
    at = np.linspace(-8, 8 + apart, 4001)
    log_odds = logit(prevalence) + apart * at - apart**2 / 2
    gained = prevalence * norm.pdf(at, apart) * log_expit(log_odds)
    gained += (1 - prevalence) * norm.pdf(at) * log_expit(-log_odds)
    alone = prevalence * math.log(prevalence) + (1 - prevalence) * math.log(1 - prevalence)
    return float(1 - math.exp(2 * (alone - np.trapezoid(gained, at))))


def sample_size_in_words(parameters: int, events: int, patients: int) -> str:
    """Whether so many patients, of whom so many have the outcome, are enough for a model of so many parameters."""
    prevalence = events / patients
    r2 = r2_of_auc(ANTICIPATED_AUC, prevalence)
    needed = sample_size(parameters, prevalence, r2)
    fits = max(
        (few for few in range(1, parameters + 1) if sample_size(few, prevalence, r2).patients <= patients), default=0
    )
    ends = f", of {MOST} columns, where its formula ends" if parameters > MOST else ""
    words = (
        f"At a prevalence of {100 * prevalence:.1f} % and an AUC of {ANTICIPATED_AUC:g} (our guess), a model of all"
        f" {parameters} columns, categories counted by value, needs {needed.patients:,} patients for a shrinkage of"
        f" {SHRINKAGE:g} ({needed.shrinkage:,}), an optimism of R² of {OPTIMISM:g} ({needed.optimism:,}), an overall"
        f" risk known to {100 * MARGIN:g} points ({needed.risk:,}) and probabilities {100 * ERROR:g} points from the"
        f" true ones on average ({needed.error:,}{ends}), the criteria of Riley et al. 2020; here are {patients:,}"
    )
    return f"{words}." if fits == parameters else f"{words}, enough for {fits or 'none'}."
