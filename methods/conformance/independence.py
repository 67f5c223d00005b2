"""What a prediction may depend on: the patient, the training part and the seed; nothing else."""

import random as python_random
import sys
from typing import Any

import numpy as np

from strokebench.methods.conformance.subject import Subject, changed, fit, probability, require, same
from strokebench.tasks.inputs import all_modalities


def batch_composition(subject: Subject) -> None:
    """A patient's prediction does not depend on who else is predicted with them."""
    x = subject.test.x
    for rows in (slice(0, 1), slice(5, 6), slice(0, 11), slice(11, None)):
        alone = probability(subject.fitted, x[rows])
        same(subject.predictions[rows], alone, f"Predicted {len(alone)} at a time instead of {len(x)}")


def row_order(subject: Subject) -> None:
    """Predicting the same patients in another order gives the same predictions in that order."""
    order = np.random.default_rng(0).permutation(len(subject.test))
    shuffled = probability(subject.fitted, subject.test.x[order])
    same(subject.predictions[order], shuffled, "In another order")


def same_seed(subject: Subject) -> None:
    """The same seed gives the same predictions, whatever the global random state, and also when fitted again."""
    set_global_states(12345)
    again = subject.fit(subject.train, subject.validation)
    message = "Same seed, other state of the global random generators"
    same(subject.predictions, probability(again, subject.test.x), message, tolerance=1e-6)
    train, validation = subject.train, subject.validation
    fit(again, train.x, train.y, validation.x, validation.y)
    same(subject.predictions, probability(again, subject.test.x), "The same object fitted again", tolerance=1e-6)


def global_random_state(subject: Subject) -> None:
    """It leaves the global random generators of Python, NumPy and torch as they are."""
    # Fitted before, so that a method that needs torch has loaded it.
    probability(subject.fitted, subject.test.x)
    set_global_states(54321)
    before = global_states()
    fitted = subject.fit(subject.train, subject.validation)
    probability(fitted, subject.test.x)
    for generator, state in global_states().items():
        require(state == before[generator], f"It changes the global random state of {generator}.")


def declared_modalities(subject: Subject) -> None:
    """Modalities of which it does not declare an array in `reads` do not touch its predictions."""
    for modality in sorted(all_modalities().keys() - subject.method.uses):
        x = changed(subject.test.x, [modality])
        same(subject.predictions, probability(subject.fitted, x), f"With another {modality}, which is not in reads")


def set_global_states(seed: int) -> None:
    """Seed every global generator that a method might lean on; torch's where anything has loaded it."""
    python_random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)


def global_states() -> dict[str, Any]:
    """State of each global generator, comparable with ==."""
    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    states = {"Python": python_random.getstate(), "NumPy": (name, np.asarray(keys).tobytes(), *rest)}
    if torch := sys.modules.get("torch"):
        states["torch"] = torch.get_rng_state().numpy().tobytes()
    return states


CHECKS = (batch_composition, row_order, same_seed, global_random_state, declared_modalities)
