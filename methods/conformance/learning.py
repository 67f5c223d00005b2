"""What is learned, and from whom: each modality paired with its own patient, labels of the training part alone."""

import numpy as np
from numpy.typing import NDArray

from strokebench.methods.conformance.subject import MadeUp, Subject, add_sign, fit, probability, read_only, require
from strokebench.tasks.endpoints.binary import BINARY
from strokebench.tasks.inputs import Inputs
from strokebench.tasks.metrics.selection import auc

LEARNED = 0.75
"""AUC that a strong signal must give; 96 patients to learn it from, 80 to test on."""


def id_alignment(subject: Subject) -> None:
    """It learns from each modality that it reads when that alone tells the outcome: rows stay with their patient."""
    for modality in sorted(subject.method.uses):
        train, validation, test = (MadeUp(n, seed, [modality]) for n, seed in ((96, 21), (40, 22), (80, 23)))
        score = auc(test.y, probability(subject.fit(train, validation, **subject.able), test.x))
        require(score >= LEARNED, f"Where only the {modality} tells the outcome, it scores an AUC of {score:.2f}.")


def training_order(subject: Subject) -> None:
    """The order of the training patients, whose modalities and labels move together, does not matter to what it learns.

    Sorted by label is the order that hurts most: a method that takes the last rows for itself would see one class.
    """
    train, validation, test = MadeUp(96, 24), MadeUp(40, 25), MadeUp(80, 26)
    order = np.argsort(train.y, kind="stable")
    fitted = fit(subject.make(**subject.able), train.x[order], train.y[order], validation.x, validation.y)
    score = auc(test.y, probability(fitted, test.x))
    require(score >= LEARNED, f"Trained on patients sorted by label, it scores an AUC of {score:.2f}.")


def validation_labels(subject: Subject) -> None:
    """Validation labels choose among states of the model and never fit it.

    Some channels are silent in the training part and spell the label in the validation part. Whoever learns what they
    mean has fitted on it, and learns the reverse when the validation labels are reversed. Selection cannot: it may
    prefer one epoch to another, but no epoch has seen these channels vary.
    """
    train = MadeUp(60, 27)
    silent = spelled(train.x, None)
    validation, test = MadeUp(120, 28, signal=()), MadeUp(40, 29, signal=())
    spelled_validation, spelled_test = spelled(validation.x, validation.y), spelled(test.x, test.y)
    gaps = []
    for labels in (validation.y, 1 - validation.y):
        fitted = fit(subject.make(**subject.able), silent, train.y, spelled_validation, labels)
        p = probability(fitted, spelled_test)
        gaps.append(float(p[BINARY.events(test.y)].mean() - p[~BINARY.events(test.y)].mean()))
    fitted_on = gaps[0] > 0.15 and gaps[1] < -0.15
    require(not fitted_on, f"It has learned what only validation labels tell (by {gaps[0]:.2f} and {gaps[1]:.2f}).")


def spelled(x: Inputs, labels: NDArray | None) -> Inputs:
    """`x` with channels that spell these labels (n,): the last quarter of every array, zeros without labels."""
    arrays = {name: array.copy() for name, array in x.arrays.items()}
    for array in arrays.values():
        array[..., -max(1, array.shape[-1] // 4) :] = 0
        if labels is not None:
            add_sign(array[..., ::-1], labels)
    return read_only(Inputs(arrays, x.present, x.source))


CHECKS = (id_alignment, training_order, validation_labels)
