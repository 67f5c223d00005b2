"""What each modality is worth for one patient: Shapley values over all subsets of those that the model reads."""

import numpy as np
from numpy.typing import NDArray

from strokebench.benchmarks.explanations.patient import Patient
from strokebench.benchmarks.explanations.shapley import shapley
from strokebench.reports.explanation.effects import Effect, Part
from strokebench.tasks.conditions import Condition
from strokebench.tasks.inputs import all_modalities, in_order, modalities_of, modality_of


def modality_effects(patient: Patient) -> Part:
    """What each modality adds to the prediction without any, exactly, for the model and each of its fits."""
    names = in_order(modalities_of(patient.model.description.reads))
    inputs = patient.inputs()

    def worth(there: NDArray[np.bool_]) -> NDArray[np.float64]:
        kept = [Condition(frozenset(np.array(names)[row]), "test_only") for row in there]
        return np.stack([patient.values([one.apply(x, "test") for x in inputs])[:, 0] for one in kept])

    label = {name: modality.label for name, modality in all_modalities().items()}
    x = inputs[0]
    present = {modality_of(unit) for unit, there in zip(x.units, x.present[0], strict=True) if there}
    return Part(
        "modalities",
        "What each modality is worth",
        patient.unit,
        how=(
            f"Shapley values over all {2 ** len(names)} subsets of {', '.join(names)}, exactly: they add up from"
            " the prediction for nobody in particular to this patient's. A modality that is taken away is filled with"
            " the mean of the training part, as the suite fills a missing one; the model was not trained without it."
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
