"""From a cohort and its embeddings to what a method sees; everything is fitted on the training part alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.datasets.cohort import Cohort
from strokebench.datasets.embeddings import Embeddings
from strokebench.errors import StrokebenchError, unknown_name
from strokebench.tasks.conditions import COMPLETE, Condition
from strokebench.tasks.fold import PARTS, Fold
from strokebench.tasks.inputs import TriModal
from strokebench.tasks.preparing.arrays import ArrayPreprocessor
from strokebench.tasks.preparing.balancing import BALANCERS
from strokebench.tasks.preparing.table import TablePreprocessor

Labels = NDArray[np.int8]


@dataclass(frozen=True)
class Parts:
    """One fold, ready for a method. Row i of `test` is the i-th id of the fold's `test`."""

    train: TriModal
    y_train: Labels
    validation: TriModal
    y_validation: Labels
    test: TriModal
    columns: tuple[str, ...]
    """Names of the columns of `table` after encoding."""
    seed: int
    """Decides which patients lack a modality, under conditions that take it from some."""
    zeros: Mapping[str, NDArray[np.float32]]
    """What zeros of each array became by standardisation."""


def prepare(
    cohort: Cohort,
    embeddings: Embeddings,
    labels: pd.Series,
    fold: Fold,
    banned_columns: Collection[str] = (),
    condition: Condition = COMPLETE,
    balance: str = "smote",
) -> Parts:
    """One fold's three parts, joined by id, preprocessed and balanced.

    Only the training part is balanced, after standardisation; modalities are zeroed last, so that the same
    patients are replicated under every condition.

    Args:
        labels: 0 or 1 by patient id.
        banned_columns: table columns that define the outcome or are no input.
        balance: a key of `strokebench.tasks.preparing.balancing.BALANCERS`.

    Raises:
        StrokebenchError: unknown `balance`, a patient in two parts, or one without embeddings.
    """
    if balance not in BALANCERS:
        raise unknown_name("way of balancing", balance, BALANCERS)
    ids = {part: pd.Index(getattr(fold, part)) for part in PARTS}
    shared = ids["train"].intersection(ids["test"]).union(ids["validation"].intersection(ids["test"]))
    shared = shared.union(ids["train"].intersection(ids["validation"]))
    if len(shared):
        raise StrokebenchError(f"Patient {shared[0]} is in two parts of {fold.name}.", "Make the split again.")
    table = cohort.table.drop(columns=list(banned_columns))
    tabular = TablePreprocessor(cohort.columns).fit(table.loc[ids["train"]])
    arrays = _arrays(embeddings)
    rows = {part: embeddings.rows(index) for part, index in ids.items()}
    fitted = {name: ArrayPreprocessor(axis).fit(x, rows["train"]) for name, (x, axis) in arrays.items()}
    # All parts in one go: a column's conversion costs the same for few patients and for many.
    tables = tabular.transform(table.loc[np.concatenate(list(ids.values()))])
    ends = np.cumsum([len(index) for index in ids.values()])
    parts = {
        part: TriModal(
            table=own,
            **{name: fitted[name].transform(x, rows[part]) for name, (x, _) in arrays.items()},
        )
        for part, own in zip(ids, np.split(tables, ends[:-1]), strict=True)
    }
    y = {part: labels.loc[index].to_numpy(np.int8) for part, index in ids.items() if part != "test"}
    seed = int(np.random.SeedSequence([fold.seed, fold.fold]).generate_state(1)[0])
    # Taken out, so that the unbalanced one need not be kept beside the balanced one.
    train, y_train = BALANCERS[balance](parts.pop("train"), y["train"], tabular.categorical_, seed)
    zeros = {name: fitted[name].transform(np.zeros_like(x[:1]), np.arange(1))[0] for name, (x, _) in arrays.items()}
    zeros["table"] = (-tabular.mean_ / tabular.deviation_).astype(np.float32)[0]
    return Parts(
        train=condition.apply(train, "train", seed, zeros),
        y_train=y_train,
        validation=condition.apply(parts["validation"], "validation", seed, zeros),
        y_validation=y["validation"],
        test=condition.apply(parts["test"], "test", seed, zeros),
        columns=tabular.names_,
        seed=seed,
        zeros=zeros,
    )


def _arrays(embeddings: Embeddings) -> dict[str, tuple[NDArray[np.float32], int | tuple[int, ...]]]:
    """Each array with the axes of its statistics. A modality that the cohort lacks is one column of NaN.

    Tokens share one scale over the grid; each prompt and layer of the text has its own (our choice: the
    prompts ask different questions, and a patient's answer is to be compared with others' to the same one).
    """
    n = len(embeddings.ids)
    nothing = np.full((n, 1), np.nan, dtype=np.float32)
    image = nothing if embeddings.image is None else embeddings.image
    tokens = nothing[:, None] if embeddings.image_tokens is None else embeddings.image_tokens
    text = nothing[:, None, None] if embeddings.text is None else embeddings.text
    return {"image": (image, 0), "image_tokens": (tokens, (0, 1)), "text": (text, 0)}
