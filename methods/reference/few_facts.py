"""Logistic regression on one or two facts that every stroke unit has."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from strokebench.methods.reference.by_role import ByRole, Facts
from strokebench.methods.reference.penalised import penalised_logistic
from strokebench.methods.registry import register


@register
@dataclass(kw_only=True, eq=False, repr=False)
class AgeNIHSS(ByRole):
    """Logistic regression on age and NIHSS on admission.

    Source: the two facts that most scores of stroke prognosis are built on.

    Ours: the penalty is chosen as that of the logistic regression on the whole table.
    """

    name = "age_nihss"
    label = "Logistic regression, age + NIHSS"
    needs: ClassVar[tuple[str, ...]] = ("age", "nihss")

    def columns(self, facts: Facts) -> list[NDArray[np.float64]]:
        return [facts["age"], facts["nihss"]]

    def fit_estimator(self, x: NDArray, y: NDArray, x_validation: NDArray, y_validation: NDArray) -> Any:
        return penalised_logistic(x, y, x_validation, y_validation, self.endpoint)


@register
@dataclass(kw_only=True, eq=False, repr=False)
class LesionVolume(AgeNIHSS):
    """Logistic regression on the logarithm of the lesion's volume.

    Source: the one number of the image that clinicians quote.

    Ours: log(1 + ml); the volume is that of the lesion mask, or a column's.
    """

    name = "lesion_volume"
    label = "Logistic regression, lesion volume"
    needs = ("lesion_volume",)

    def columns(self, facts: Facts) -> list[NDArray[np.float64]]:
        return [np.log1p(np.maximum(facts["lesion_volume"], 0))]
