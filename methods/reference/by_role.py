"""What methods share that read a few named clinical facts."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from strokebench.datasets.roles import ROLES
from strokebench.methods.base import Family
from strokebench.methods.parts.estimators import EstimatorMethod
from strokebench.tasks.inputs import BY_ROLE, Inputs

Facts = dict[str, NDArray[np.float64]]
"""By role what patients have, in its own unit, each (n,)."""


@dataclass(kw_only=True, eq=False, repr=False)
class ByRole(EstimatorMethod):
    """A method on columns that are made of what it `needs`."""

    reads: ClassVar[tuple[str, ...]] = (BY_ROLE,)
    family: ClassVar[Family] = Family.REFERENCE
    takes_grades: ClassVar[bool] = True

    def columns(self, facts: Facts) -> list[NDArray[np.float64]]:
        """The columns that the estimator reads, each (n,)."""
        raise NotImplementedError

    def features(self, x: Inputs, fit: bool = False) -> NDArray[np.float64]:
        return np.column_stack(self.columns(facts_of(x)))


def facts_of(x: Inputs) -> Facts:
    """By role, in its own unit; yes and no as 1 and 0."""
    facts = {}
    for (name, role), scaled in zip(ROLES.items(), x.arrays[BY_ROLE].T.astype(np.float64), strict=True):
        # Rounded, since 60 years must not become 59.999996.
        value = np.round(scaled * role.spread + role.usual, 3)
        facts[name] = (value >= 0.5).astype(float) if role.flag else value
    return facts
