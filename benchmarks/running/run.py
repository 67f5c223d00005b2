"""One fit of one method on one fold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from strokebench.tasks.conditions import COMPLETE, Condition

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Run:
    """One fit of one method on one fold. Runs belong to no experiment: several may share one.

    Args:
        method: registry name.
        seed, fold: which fold of the context's split.
        params: hyper-parameters that differ from the method's defaults.
        variant: what a table calls these parameters; decides nothing.
        condition: modalities that the method may see.
        balance: how the training part is balanced, a key of `strokebench.tasks.preparing.balancing.BALANCERS`.
    """

    method: str
    seed: int
    fold: int
    protocol: str
    params: Mapping[str, Any] = field(default_factory=dict)
    variant: str = ""
    condition: Condition = COMPLETE
    balance: str = "smote"

    def names(self) -> dict[str, Any]:
        """What tables and MLflow call this run: method, variant, condition, seed and fold."""
        return {
            "method": self.method,
            "variant": self.variant,
            "condition": self.condition.name,
            "seed": self.seed,
            "fold": self.fold,
        }
