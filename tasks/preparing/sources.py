"""Where an array of a method's inputs comes from: fitted on the training part, asked for patients by id."""

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.datasets.cohort import Cohort
from strokebench.datasets.embeddings import Embeddings
from strokebench.datasets.roles import ROLES
from strokebench.errors import StrokebenchError
from strokebench.tasks.inputs import Inputs, Modality, modality_of, units_of
from strokebench.tasks.preparing.arrays import ArrayPreprocessor, Known
from strokebench.tasks.preparing.table import TablePreprocessor


def assembled(known: Mapping[str, Known], sequences: tuple[str, ...]) -> Inputs:
    """Patients' arrays side by side. A modality, or a sequence of the image, is present where an array has a value."""
    present: dict[str, NDArray[np.bool_]] = {}
    for name, (_, there) in known.items():
        modality = modality_of(name)
        columns = len(units_of([modality], sequences))
        before = present.setdefault(modality, np.zeros((len(there), columns), bool))
        present[modality] = before | (there if there.ndim == 2 else there[:, None])
    arrays = {name: values for name, (values, _) in known.items()}
    return Inputs(arrays, np.hstack(list(present.values())), sequences=sequences)


class Features:
    """An array of the embeddings; one number a patient, of whom nothing is known, where the cohort has it not.

    Args:
        name: of the array. modality: its schema.
        train: ids of the training part.

    Raises:
        StrokebenchError: it has not the shape of the schema, or a patient is not in the embeddings.
    """

    def __init__(self, embeddings: Embeddings, name: str, modality: Modality, train: pd.Index) -> None:
        self.embeddings, row = embeddings, modality.arrays[name]
        array = embeddings.arrays.get(name)
        if array is None:
            array = np.full((len(embeddings.ids), *(1 for _ in row.shape)), np.nan, np.float32)
        else:
            fits = len(row.shape) == array.ndim - 1
            fits = fits and all(size in (wanted, wanted if isinstance(wanted, int) else size)
                                for size, wanted in zip(array.shape[1:], row.shape, strict=True))  # fmt: skip
            if not fits:
                raise StrokebenchError(
                    f"{name} has rows of shape {array.shape[1:]}, not ({', '.join(map(str, row.shape))}).",
                    "Encode again, or give features of that shape.",
                )
        self.array = array
        # Axis 0 are the patients.
        axes = (0, *(1 + axis for axis in row.scaled_over))
        fitted = ArrayPreprocessor(axes, modality.filled_with, row.alternatives)
        self.fitted = fitted.fit(array, embeddings.rows(train))
        self.pieces = len(units_of([modality.name], embeddings.sequences)) if name in embeddings.arrays else 1

    def of(self, ids: pd.Index) -> Known:
        """Of these patients."""
        return self.fitted.transform(self.array, self.embeddings.rows(ids), self.pieces)

    def zeros(self) -> NDArray[np.float32]:
        """What a row of zeros becomes by standardisation, (*row)."""
        return self.fitted.transform(np.zeros_like(self.array[:1]), np.arange(1))[0][0]


class ClinicalTable:
    """The clinical table's columns that are inputs.

    Args:
        banned: columns that are none.
        train: ids of the training part. everyone: ids of all parts: a column's conversion costs the same for few
            patients and for many.
    """

    def __init__(self, cohort: Cohort, banned: Collection[str], train: pd.Index, everyone: pd.Index) -> None:
        table = cohort.table.drop(columns=list(banned)).loc[everyone]
        self.fitted = TablePreprocessor(cohort.columns).fit(table.loc[train])
        self.everyone, self.values = everyone, self.fitted.transform(table)
        self.present = table.notna().any(axis=1).to_numpy()

    def of(self, ids: pd.Index) -> Known:
        """Of these patients."""
        rows = self.everyone.get_indexer(ids)
        return self.values[rows], self.present[rows]

    def zeros(self) -> NDArray[np.float32]:
        """What a row of zeros becomes by standardisation, (columns,)."""
        return (-self.fitted.mean_ / self.fitted.deviation_).astype(np.float32)[0]


class RoleValues:
    """What the cohort knows by role, scaled by what is usual; the training part's median where a patient's is unknown.

    A role that the cohort or its training part lacks is as usual; methods that need one which the cohort lacks are left
    out of every plan.

    Args:
        known: in each role's own unit, one row a patient and one column a role.
        train: ids of the training part.
    """

    def __init__(self, known: pd.DataFrame, train: pd.Index) -> None:
        self.usual = np.array([role.usual for role in ROLES.values()])
        self.spread = np.array([role.spread for role in ROLES.values()])
        scaled = known.reindex(columns=list(ROLES)).sub(self.usual).div(self.spread)
        self.values = scaled.fillna(scaled.loc[train].median()).fillna(0).astype(np.float32)

    def of(self, ids: pd.Index) -> Known:
        """Of these patients; whether they have a table is not for this to say."""
        return self.values.loc[ids].to_numpy(), np.zeros(len(ids), bool)

    def zeros(self) -> NDArray[np.float32]:
        """What a row of zeros becomes by scaling, (roles,)."""
        return (-self.usual / self.spread).astype(np.float32)
