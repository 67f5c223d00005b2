"""Published scores: fixed rules, whose points are read as they are; a logistic map makes probabilities of them."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strokebench.methods.reference.by_role import ByRole, Facts
from strokebench.methods.reference.penalised import logistic
from strokebench.methods.registry import register


@dataclass(kw_only=True, eq=False, repr=False)
class Score(ByRole):
    """Points by a published rule; the training part decides only which probability they stand for."""

    @staticmethod
    @abstractmethod
    def points(facts: Facts) -> NDArray[np.float64]:
        """The score of each patient, (n,)."""

    def columns(self, facts: Facts) -> list[NDArray[np.float64]]:
        return [self.points(facts)]

    def fit_estimator(self, x: NDArray, y: NDArray, x_validation: NDArray, y_validation: NDArray) -> Any:
        return logistic(self.endpoint).fit(x, y)


@register
@dataclass(kw_only=True, eq=False, repr=False)
class Span100(Score):
    """Age in years plus NIHSS, positive from 100 on.

    Source: Saposnik et al., Neurology 2013;80:21-28.

    Kept: the score as published is a yes or no, and its AUC is that of one threshold.

    Ours: the logistic map from points to probabilities, with scikit-learn's usual penalty.
    """

    name = "span100"
    label = "SPAN-100"
    needs = ("age", "nihss")

    @staticmethod
    def points(facts: Facts) -> NDArray[np.float64]:
        return (facts["age"] + facts["nihss"] >= 100).astype(float)


@register
@dataclass(kw_only=True, eq=False, repr=False)
class Thrive(Score):
    """0 to 9 points of age, NIHSS and three chronic diseases.

    Source: Flint et al., Int J Stroke 2010;5:441-446, and Stroke 2013;44:3365-3369.

    Ours: the logistic map from points to probabilities, with scikit-learn's usual penalty.
    """

    name = "thrive"
    label = "THRIVE"
    needs = ("age", "nihss", "hypertension", "diabetes", "atrial_fibrillation")

    @staticmethod
    def points(facts: Facts) -> NDArray[np.float64]:
        age, nihss = facts["age"], facts["nihss"]
        severity = 2.0 * (nihss >= 11) + 2 * (nihss >= 21)
        return severity + (age >= 60) + (age >= 80) + sum(facts[name] for name in Thrive.needs[2:])


@register
@dataclass(kw_only=True, eq=False, repr=False)
class Astral(Score):
    """Points of age, severity, delay, visual field, glucose and consciousness.

    Source: Ntaios et al., Neurology 2012;78:1916-1922, for mRS above 2 at 90 days of patients independent before.

    Ours: whole fifths of the age; the logistic map from points to probabilities, with scikit-learn's usual penalty.
    """

    name = "astral"
    label = "ASTRAL"
    needs = ("age", "nihss", "onset_to_admission", "visual_field", "glucose", "consciousness")

    @staticmethod
    def points(facts: Facts) -> NDArray[np.float64]:
        glucose = facts["glucose"]
        delay = 2 * (facts["onset_to_admission"] > 3)
        sugar = (glucose > 7.3) | (glucose < 3.7)
        signs = 2 * facts["visual_field"] + 3 * facts["consciousness"]
        return facts["age"] // 5 + facts["nihss"] + delay + sugar + signs


@register
@dataclass(kw_only=True, eq=False, repr=False)
class Plan(Score):
    """Up to 25 points of comorbidity before admission, consciousness, age and focal deficit.

    Source: O'Donnell et al., Arch Intern Med 2012;172:1548-1556, for death and severe disability.

    Ours: the logistic map from points to probabilities, with scikit-learn's usual penalty.
    """

    name = "plan"
    label = "PLAN"
    needs = (
        *("age", "dependence", "cancer", "heart_failure", "atrial_fibrillation"),
        *("consciousness", "arm", "leg", "aphasia_or_neglect"),
    )

    @staticmethod
    def points(facts: Facts) -> NDArray[np.float64]:
        before = 1.5 * (facts["dependence"] + facts["cancer"]) + facts["heart_failure"] + facts["atrial_fibrillation"]
        deficit = 2 * (facts["arm"] + facts["leg"]) + facts["aphasia_or_neglect"]
        return before + 5 * facts["consciousness"] + np.minimum(facts["age"] // 10, 10) + deficit
