"""From a cohort and its embeddings to what a method sees; everything is fitted on the training part alone."""

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
from strokebench.tasks.inputs import BY_ROLE, Inputs, all_modalities
from strokebench.tasks.preparing.balancing import BALANCERS
from strokebench.tasks.preparing.sources import ClinicalTable, Features, RoleValues, assembled

Labels = NDArray[np.int8]


@dataclass(frozen=True)
class Parts:
    """One fold, ready for a method. Row i of `test` is the i-th id of the fold's `test`."""

    train: Inputs
    y_train: Labels
    validation: Inputs
    y_validation: Labels
    test: Inputs
    columns: tuple[str, ...]
    """Names of the clinical table's columns after encoding."""
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
    roles: pd.DataFrame | None = None,
) -> Parts:
    """One fold's three parts, joined by id, preprocessed and balanced.

    Only the training part is balanced, after standardisation; modalities are zeroed last, so that the same
    patients are replicated under every condition.

    Args:
        labels: 0 or 1 by patient id.
        banned_columns: table columns that define the outcome or are no input.
        balance: a key of `strokebench.tasks.preparing.balancing.BALANCERS`.
        roles: what is known by role, in each role's own unit, one row a patient; None: nothing.

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
    everyone = ids["train"].append([ids["validation"], ids["test"]])
    sources: dict[str, Features | ClinicalTable | RoleValues] = {}
    for modality in all_modalities().values():
        for name in modality.arrays:
            if name == BY_ROLE:
                known = pd.DataFrame(index=everyone) if roles is None else roles
                sources[name] = RoleValues(known, ids["train"])
            elif modality.tabular:
                sources[name] = ClinicalTable(cohort, banned_columns, ids["train"], everyone)
            else:
                sources[name] = Features(embeddings, name, modality, ids["train"])
    tables = {name: source.fitted for name, source in sources.items() if isinstance(source, ClinicalTable)}
    parts = {
        part: assembled({name: source.of(index) for name, source in sources.items()}, embeddings.sequences)
        for part, index in ids.items()
    }
    y = {part: labels.loc[index].to_numpy(np.int8) for part, index in ids.items() if part != "test"}
    seed = int(np.random.SeedSequence([fold.seed, fold.fold]).generate_state(1)[0])
    # Taken out, so that the unbalanced one need not be kept beside the balanced one.
    train, y_train = BALANCERS[balance](parts.pop("train"), y["train"], tables, seed)
    zeros = {name: source.zeros() for name, source in sources.items()}
    return Parts(
        train=condition.apply(train, "train", seed, zeros),
        y_train=y_train,
        validation=condition.apply(parts["validation"], "validation", seed, zeros),
        y_validation=y["validation"],
        test=condition.apply(parts["test"], "test", seed, zeros),
        columns=tuple(name for table in tables.values() for name in table.names_),
        seed=seed,
        zeros=zeros,
    )
