"""One fit of one method on one fold, and what all fits of a call are given."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from strokebench.datasets.cohort import Cohort
from strokebench.datasets.embeddings import Embeddings
from strokebench.tasks.conditions import COMPLETE, Condition
from strokebench.tasks.endpoint import Endpoint
from strokebench.tasks.preparing.imputing import MODE
from strokebench.tasks.preparing.scaling import COLUMN


@dataclass(frozen=True)
class Run:
    """One fit of one method on one fold. Runs belong to no experiment: several may share one.

    Args:
        method: registry name.
        seed, fold: which fold of the context's split.
        params: hyper-parameters that differ from the method's defaults.
        variant: id of the setting that a plan wants, see `strokebench.reports.results.variant_id`; decides nothing.
        label: what people call it; default: the id.
        condition: modalities that the method may see.
        balance: how the training part is balanced, a key of `strokebench.tasks.preparing.balancing.BALANCERS`.
        encoders: a pair of `Context.others` that made its arrays; empty: the context's own.
        share: of the fold's training patients (`strokebench.tasks.protocols.of_fewer`).
        on_validation: the validation part is tested, and the test part is out of reach.
        imputation: how gaps of the table are filled, `mode` or a key of `imputing.IMPUTERS`.
        scaling: of the features, `column` or a key of `scaling.SCALINGS`.
    """

    method: str
    seed: int
    fold: int
    protocol: str
    params: Mapping[str, Any] = field(default_factory=dict)
    variant: str = ""
    label: str = ""
    condition: Condition = COMPLETE
    balance: str = "smote"
    encoders: str = ""
    share: float = 1.0
    on_validation: bool = False
    imputation: str = MODE
    scaling: str = COLUMN

    def names(self) -> dict[str, Any]:
        """What names this run in predictions and runs: method, variant, condition, seed and fold."""
        return {
            "method": self.method,
            "variant": self.variant,
            "condition": self.condition.id,
            "seed": self.seed,
            "fold": self.fold,
        }

    def columns(self) -> dict[str, Any]:
        """`names`, and what they stand for, as columns of the table of runs."""
        condition = self.condition
        return {
            **self.names(),
            "variant_label": self.label or self.variant,
            "condition_label": condition.name,
            "keep": "all" if condition.keep is None else "+".join(sorted(condition.keep)),
            "when": condition.when,
            "rate": condition.rate,
            "fill": condition.fill,
            "balance": self.balance,
            "params": json.dumps(dict(self.params), sort_keys=True),
        }


# A notebook keeps what a cell shows: no patients.
@dataclass(frozen=True, repr=False)
class Material:
    """What all runs of a call share; workers get it once, its arrays by memory map.

    Args:
        cohort: only its table is used.
        labels: of `endpoint`, by patient id.
        banned_columns: table columns that are no input.
        roles: what is known of patients by role (`Context.roles`).
    """

    cohort: Cohort
    embeddings: Embeddings
    labels: pd.Series
    banned_columns: tuple[str, ...]
    endpoint: Endpoint
    roles: pd.DataFrame | None = None
