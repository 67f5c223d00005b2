"""What was fitted on a training part, kept without its patients, for patients of any cohort."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.datasets.cohort import Cohort, Kind
from strokebench.datasets.embeddings import Embeddings
from strokebench.datasets.roles import ROLES
from strokebench.errors import StrokebenchError
from strokebench.files import atomic_path, read_json, write_json
from strokebench.tasks.inputs import BY_ROLE, Inputs, all_modalities, modality_of, units_of
from strokebench.tasks.preparing.arrays import ArrayPreprocessor, Known
from strokebench.tasks.preparing.sources import ClinicalTable, Features, RoleValues, assembled
from strokebench.tasks.preparing.table import TablePreprocessor

STATE_FILE, ARRAYS_FILE = "preprocessing.json", "preprocessing.safetensors"


@dataclass(frozen=True)
class Preprocessing:
    """All that `strokebench.tasks.preparing.prepare.prepare` fits on a training part.

    Args:
        arrays: names of the schema, in the order in which methods get them.
        columns: of the clinical table that are inputs.
        features: by array that is none of the table's.
        rows: shape of a patient's row of each of these.
        table: of the columns.
        roles: stands where a role is unknown, scaled, (roles,).
        sequences: of the image, where there are several.
    """

    arrays: tuple[str, ...]
    columns: tuple[str, ...]
    features: Mapping[str, ArrayPreprocessor]
    rows: Mapping[str, tuple[int, ...]]
    table: TablePreprocessor
    roles: NDArray[np.float32]
    sequences: tuple[str, ...] = ()

    @classmethod
    def fit(
        cls, cohort: Cohort, embeddings: Embeddings, banned: Collection[str], roles: pd.DataFrame, train: pd.Index
    ) -> Preprocessing:
        """Learn from the training part what `prepare` learns from it; for the arguments see there."""
        modalities = all_modalities()
        sources = {
            name: Features(embeddings, name, modality, train)
            for modality in modalities.values()
            for name in modality.arrays
            if not modality.tabular
        }
        # Of a patient of whom nothing is known.
        nobody = pd.Index([""])
        usual, _ = RoleValues(roles.reindex(train.append(nobody)), train).of(nobody)
        return cls(
            arrays=tuple(name for modality in modalities.values() for name in modality.arrays),
            columns=tuple(map(str, cohort.table.columns.difference(list(banned), sort=False))),
            features={name: source.fitted for name, source in sources.items()},
            rows={name: source.array.shape[1:] for name, source in sources.items()},
            table=ClinicalTable(cohort, banned, train, train).fitted,
            roles=usual[0],
            sequences=embeddings.sequences,
        )

    def inputs(
        self,
        table: pd.DataFrame,
        embeddings: Embeddings,
        roles: pd.DataFrame,
        ids: pd.Index,
        reads: Collection[str] | None = None,
    ) -> Inputs:
        """These patients as the method was given its own.

        Args:
            table: holds `columns`, by patient id, where it is read. roles: what is known by role, likewise.
            embeddings: an array that is not there is one that no patient has.
            reads: arrays that the method reads; others are filled, and their modalities not looked for. None: all.
        """
        known: dict[str, Known] = {}
        for name in self.arrays:
            if name == BY_ROLE:
                known[name] = self._roles(roles, ids)
            elif reads is not None and name not in reads:
                shape = len(ids), *(1 for _ in self.rows.get(name, ("columns",)))
                known[name] = np.zeros(shape, np.float32), np.zeros(len(ids), bool)
            elif name in self.features:
                known[name] = self._features(name, embeddings, ids)
            else:
                own = table.loc[ids, list(self.columns)]
                known[name] = self.table.transform(own), own.notna().any(axis=1).to_numpy()
        return assembled(known, self.sequences)

    def _roles(self, roles: pd.DataFrame, ids: pd.Index) -> Known:
        known = roles.reindex(index=ids, columns=list(ROLES))
        scaled, present = RoleValues(known, ids[:0]).of(ids)
        return np.where(known.notna(), scaled, self.roles), present

    def _features(self, name: str, embeddings: Embeddings, ids: pd.Index) -> Known:
        fitted, row, array = self.features[name], self.rows[name], embeddings.arrays.get(name)
        pieces = len(units_of([modality_of(name)], self.sequences))
        if array is None:
            return fitted.transform(np.full((len(ids), *row), np.nan, np.float32), np.arange(len(ids)), pieces)
        if array.shape[1:] != row:
            raise StrokebenchError(
                f"{name} has rows of shape {array.shape[1:]}, and the model was fitted on {row}.",
                "Encode with the encoders that the model names.",
            )
        return fitted.transform(array, embeddings.rows(ids), pieces)

    def save(self, folder: Path) -> None:
        """Write it below `folder`: a table that can be read by people, and arrays as safetensors."""
        from safetensors.numpy import save_file

        table = self.table
        write_json(
            folder / STATE_FILE,
            {
                "arrays": self.arrays,
                "columns": self.columns,
                "sequences": self.sequences,
                "rows": self.rows,
                "filled_with": {name: fitted.filled_with for name, fitted in self.features.items()},
                "alternatives": [name for name, fitted in self.features.items() if fitted.alternatives],
                "roles": dict(zip(ROLES, self.roles.tolist(), strict=True)),
                "kinds": {name: str(kind) for name, kind in table.kinds.items() if name in self.columns},
                "modes": table.modes_,
                "categories": table.categories_,
                "encoded": table.names_,
                "mean": dict(zip(table.names_, table.mean_[0].tolist(), strict=True)),
                "deviation": dict(zip(table.names_, table.deviation_[0].tolist(), strict=True)),
            },
        )
        arrays = {f"{name}|{part}": values for name, fitted in self.features.items() for part, values in _parts(fitted)}
        with atomic_path(folder / ARRAYS_FILE) as path:
            save_file(arrays, path)

    @classmethod
    def load(cls, folder: Path) -> Preprocessing:
        """Read what `save` wrote.

        Raises:
            StrokebenchError: a file is missing, damaged or of another form.
        """
        from safetensors.numpy import load_file

        state = read_json(folder / STATE_FILE)
        try:
            arrays = load_file(folder / ARRAYS_FILE)
            table = TablePreprocessor({})
            table.kinds = {name: Kind(kind) for name, kind in state["kinds"].items()}
            # In the order of the columns, for JSON's keys are sorted.
            table.modes_ = {name: state["modes"][name] for name in state["columns"] if name in state["modes"]}
            table.categories_, table.names_ = state["categories"], tuple(state["encoded"])
            table.mean_, table.deviation_ = (
                np.array([[state[part][name] for name in table.names_]]) for part in ("mean", "deviation")
            )
            features = {name: _restored(name, state, arrays) for name in state["rows"]}
            return cls(
                tuple(state["arrays"]),
                tuple(state["columns"]),
                features,
                {name: tuple(row) for name, row in state["rows"].items()},
                table,
                np.array([state["roles"][role] for role in ROLES], np.float32),
                tuple(state.get("sequences", ())),
            )
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise StrokebenchError(f"{folder / STATE_FILE} cannot be read: {error!r}") from None


def _parts(fitted: ArrayPreprocessor) -> list[tuple[str, NDArray]]:
    return [("mean", np.ascontiguousarray(fitted.mean_)), ("deviation", np.ascontiguousarray(fitted.deviation_))]


def _restored(name: str, state: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> ArrayPreprocessor:
    # The axes count where moments are taken, which is over.
    # What was saved before this was kept had zeros for a missing answer when it was fitted.
    fitted = ArrayPreprocessor(0, state["filled_with"][name], name in state.get("alternatives", ()))
    fitted.mean_, fitted.deviation_ = arrays[f"{name}|mean"], arrays[f"{name}|deviation"]
    return fitted
