"""One patient's prediction taken apart, with how far the fits of the model agree on it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.benchmarks.explanations.columns import column_effects
from strokebench.benchmarks.explanations.image import image_effects
from strokebench.benchmarks.explanations.patient import Patient
from strokebench.benchmarks.explanations.text import text_effects
from strokebench.benchmarks.models.description import Description
from strokebench.benchmarks.models.model import Mapped, Model, load_model
from strokebench.benchmarks.running.task import quietly
from strokebench.datasets.catalogue import load_cohort
from strokebench.datasets.cohort import Cohort
from strokebench.datasets.embeddings import Embeddings
from strokebench.errors import unknown_name
from strokebench.reports.explanation.effects import Breakdown, Effect, Explanation
from strokebench.reports.statistics.shapley import shapley
from strokebench.tasks.conditions import Condition
from strokebench.tasks.inputs import BY_ROLE, PRESENT, Inputs, all_modalities, in_order, modalities_of, modality_of


def explain(
    model: Model | Path | str,
    patient: str,
    dataset: Path | str | Cohort = "virtual",
    *,
    columns: Mapped | None = None,
    embeddings: Embeddings | None = None,
    weights: Path | None = None,
) -> Explanation:
    """Why a model says what it says of one patient, as `strokebench explain` does; on the CPU.

    Args:
        model: as `strokebench.fit` or `load_model` gives it, or its folder. Of several fits it is also known whether
            they agree.
        patient: an id of the cohort.
        dataset: as `Settings.dataset`, or a cohort that is loaded.
        columns: what the cohort calls otherwise than the model, or the YAML file that says so.
        embeddings: of a cohort that is loaded, where they are there already.
        weights: folder with downloaded weights, for encoders that need them.

    Returns:
        `explanation["table"].effects` and its like; `explanation.to_dict()` is what JSON can hold.

    Raises:
        StrokebenchError: no such patient, with the nearest id; all in which the cohort does not fit the model; a model
            of trees where `shap` is not installed.
    """
    model = model if isinstance(model, Model) else load_model(model)
    cohort = dataset if isinstance(dataset, Cohort) else load_cohort(dataset)
    if patient not in cohort.ids:
        raise unknown_name(
            "patient", patient, cohort.ids, f"{cohort.title} has {len(cohort)}; ids match letter by letter."
        )
    examined = model.examine(cohort, columns, embeddings)
    examined.refuse(model.description)
    ids = pd.Index([patient])
    # Alone from here on: nobody else is encoded.
    examined = replace(
        examined,
        cohort=examined.cohort.subset(ids),
        roles=examined.roles.loc[ids],
        content=examined.content.loc[ids],
    )
    known = embeddings or model.encode(examined.cohort, 1, weights, "cpu")
    one = Patient(model, patient, examined, known)
    with quietly():
        whole, *members = one.values(one.inputs())[:, 0].tolist()
        parts = modality_effects(one), column_effects(one), image_effects(one, weights), text_effects(one, weights)
    said, endpoint = model.description, model.endpoint
    return Explanation(
        patient=patient,
        cohort=cohort.title,
        synthetic=cohort.synthetic,
        model=said.label,
        made_of=f"{said.origin.patients} patients of {said.origin.title}, {len(members)} fit{'s' * (len(members) > 1)}",
        outcome=endpoint.title,
        predicts=f"Probability of {endpoint.expression}" if endpoint.binary else f"Mean grade of {endpoint.expression}",
        prediction=whole,
        members=tuple(members),
        unit=one.unit,
        seen=str(model.seen.among(examined.content, known).iloc[0]),
        parts=tuple(part for part in parts if part is not None),
    )


def modality_effects(patient: Patient) -> Breakdown:
    """What each modality adds to the prediction without any, exactly, for the model and each of its fits."""
    said = patient.model.description
    names = in_order(modalities_of(said.reads))
    inputs = patient.inputs()

    def worth(there: NDArray[np.bool_]) -> NDArray[np.float64]:
        kept = [Condition(frozenset(np.array(names)[row]), "test_only") for row in there]
        return np.stack([patient.values(_taken_away(patient, inputs, one))[:, 0] for one in kept])

    label = {name: modality.label for name, modality in all_modalities().items()}
    x = inputs[0]
    present = {modality_of(unit) for unit, there in zip(x.units, x.present[0], strict=True) if there}
    # Whether facts are known is not said by what is present.
    if patient.examined.roles.loc[patient.id, list(said.roles)].notna().any():
        present.add(modality_of(BY_ROLE))
    return Breakdown(
        "modalities",
        "What each modality is worth",
        patient.unit,
        how=(
            f"Shapley values over all {2 ** len(names)} subsets of {', '.join(names)}, exactly: they add up from"
            f" the prediction for nobody in particular to this patient's. {_filled(said)}"
        ),
        effects=tuple(
            Effect(
                label[name],
                float(all_[0]),
                tuple(map(float, all_[1:])),
                "not known of this patient" * (name not in present),
            )
            for name, all_ in zip(names, shapley(worth, len(names)), strict=True)
        ),
        reference=float(worth(np.zeros((1, len(names)), bool))[0, 0]),
    )


def _taken_away(patient: Patient, inputs: Sequence[Inputs], condition: Condition) -> list[Inputs]:
    """By member, the patient's inputs without what a condition takes away."""
    found = [condition.apply(x, "test") for x in inputs]
    if BY_ROLE not in patient.model.description.reads or modality_of(BY_ROLE) in (condition.keep or ()):
        return found
    # A fact that is not known is the training part's median, where a condition knows but what is usual anywhere.
    medians = [fitted.roles[None] for _, fitted in patient.model.fits]
    return [replace(x, arrays={**x.arrays, BY_ROLE: usual}) for x, usual in zip(found, medians, strict=True)]


def _filled(said: Description) -> str:
    """What stands where a modality is taken away, and whether the model knows of it."""
    if PRESENT in said.reads:
        return "Of a modality that is taken away the model is told so, as of one that a patient lacks."
    if BY_ROLE in said.reads:
        return "Facts that are taken away are the training part's median, as the suite fills those that are not known."
    return (
        "A modality that is taken away is filled with the mean of the training part, as the suite fills a missing one;"
        " the model was not trained without it."
    )
