"""One patient before a fitted model, and what it would say if something of the patient were otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.benchmarks.models.columns import Examined
from strokebench.benchmarks.models.model import Model
from strokebench.datasets.embeddings import Embeddings
from strokebench.reports.explanation.effects import Unit
from strokebench.tasks.inputs import Inputs


@dataclass(frozen=True)
class Patient:
    """One patient before a fitted model.

    Args:
        examined: the cohort, in the model's own names and units.
        embeddings: hold the patient.
    """

    model: Model
    id: str
    examined: Examined
    embeddings: Embeddings

    @cached_property
    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """The patient's features by name, (1, *row) each."""
        rows = self.embeddings.rows(pd.Index([self.id]))
        return {name: np.asarray(array[rows]) for name, array in self.embeddings.arrays.items()}

    def inputs(self, **otherwise: NDArray[np.float32]) -> list[Inputs]:
        """By member, what its method is given of so many copies of the patient.

        Args:
            otherwise: features by name that differ between the copies, (n, *row); default: one copy as it is.
        """
        n = len(next(iter(otherwise.values()), [self.id]))
        arrays = {name: otherwise.get(name, np.repeat(own, n, axis=0)) for name, own in self.arrays.items()}
        table, roles = (
            frame.loc[[self.id] * n].set_axis([str(i) for i in range(n)])
            for frame in (self.examined.cohort.table, self.examined.roles)
        )
        copies = replace(self.embeddings, ids=table.index, arrays=arrays)
        return [fitted.inputs(table, copies, roles, table.index, self.model.given) for _, fitted in self.model.fits]

    def values(self, inputs: Sequence[Inputs]) -> NDArray[np.float64]:
        """What is predicted of inputs by member, (1 + members, n): first the model, then each fit.

        The probability of the event at the prevalence of the model's patients, or the mean grade.
        """
        p = np.stack([method.predict_proba(x) for (method, _), x in zip(self.model.fits, inputs, strict=True)])
        p = np.concatenate([p.mean(axis=0, keepdims=True), p])
        return np.stack([self.mean_level(self.model.undo_balance(one)) for one in p])

    def mean_level(self, p: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mean label (n,) by probabilities (n, levels): of an event its probability, of grades the mean grade."""
        return p @ (np.arange(p.shape[1]) + getattr(self.model.endpoint, "low", 0))

    @property
    def unit(self) -> Unit:
        """What predictions are counted in."""
        return Unit.PROBABILITY if self.model.endpoint.binary else Unit.GRADES
