"""A model as MLflow loads it: rows of a frame become patients, and probabilities come back."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from strokebench.benchmarks.models.columns import role_column
from strokebench.benchmarks.models.description import Description
from strokebench.benchmarks.models.model import Model, load_model
from strokebench.datasets.cohort import ONLY, Cohort, Column, Kind
from strokebench.errors import StrokebenchError


def image_columns(model: Description) -> list[str]:
    """Columns of volumes' paths, on the machine that predicts; one a sequence that the model reads."""
    return list(model.sequences or (ONLY,)) if "image" in model.encodings else []


def served_columns(model: Description) -> dict[str, Column]:
    """What a row has to hold: the table's columns and roles in the model's names and units, texts, and the images.

    Raises:
        StrokebenchError: the model reads features that its cohort brought ready, which no row can hold.
    """
    if ready := [modality for modality, encoding in model.encodings.items() if not encoding.sha256]:
        raise StrokebenchError(
            f"The {model.label} model reads {ready[0]} features that were made elsewhere; no table holds them.",
            "Use `strokebench predict`.",
        )
    columns = {role: role_column(role) for role in model.roles}
    columns |= {name: Column(Kind(one.kind), one.unit, one.description) for name, one in model.table.items()}
    return columns | {name: Column(Kind.CATEGORICAL) for name in (*model.prompts, *image_columns(model))}


@dataclass(frozen=True)
class Served:
    """What `mlflow.pyfunc.load_model` wraps."""

    model: Model

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Probabilities, a row for each of (n, columns) of `served_columns`; columns as `strokebench predict` has.

        Raises:
            StrokebenchError: all in which the rows do not fit the model, at once.
        """
        said, rows = self.model.description, model_input.rename(index=str)
        columns = served_columns(said)
        if missing := [name for name in columns if name not in rows]:
            raise StrokebenchError(f"The rows lack {', '.join(missing)}.", "A value that is unknown is null.")
        facts = [name for name in columns if name in said.table or name in said.roles]
        cohort = Cohort(
            name="rows",
            title="the rows",
            table=rows[facts],
            columns={name: columns[name] for name in facts},
            images=rows[images] if (images := image_columns(said)) else None,
            texts=rows[list(said.prompts)] if said.prompts else None,
            roles={role: role for role in said.roles},
        )
        p = self.model.predict_proba(cohort, jobs=1)
        return pd.DataFrame(self.model.endpoint.columns(p), index=model_input.index)


def _load_pyfunc(path: str) -> Served:
    """Called by MLflow, by this name, with the model's folder."""
    return Served(load_model(Path(path)))
