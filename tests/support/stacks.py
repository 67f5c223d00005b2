"""Small fits of every method that can be stacked, and what it means that two of them are the same."""

import numpy as np
import pytest

from strokebench.methods.conformance.subject import MadeUp
from strokebench.methods.registry import find_method
from strokebench.methods.stacking.fit import fit_stacked

SMALL = {"hidden": 16, "width": 8, "heads": 2, "align_width": 8}
SHORT = {"max_epochs": 4, "warmup_epochs": 2, "learning_rate": 3e-3, "batch_size": 16}
STACKED = ["concat", "vdafm", "cross_attention", "earthmind", "fusion", "sparsemm", "mlp", "modality_dropout"]
SIZES = (45, 48, 33)
"""Last batches of 13, 16 and, because a lone patient joins the batch before, 17; two or three batches."""


def made(name, **changes):
    known = find_method(name)().get_params()
    settings = {key: value for key, value in SMALL.items() if key in known}
    return find_method(name)(**{**settings, **SHORT, **changes})


def fold(n, seed):
    train, validation = MadeUp(n, seed), MadeUp(20 + seed, seed + 100)
    # The last eight are copies of the first, as oversampling makes them.
    rows = np.arange(n) % (n - 8)
    return train.x[rows], train.y[rows], validation.x, validation.y


FOLDS = [fold(n, seed) for seed, n in enumerate(SIZES)]
TEST = MadeUp(15, 9).x


def fit_both(alone, stacked, parts=FOLDS, device="cpu"):
    """Fit the first one by one on the CPU, the others as one stack."""
    for method, part in zip(alone, parts, strict=True):
        method.fit(*part)
    fit_stacked(stacked, parts, device)
    return alone, stacked


def both(name, own=({}, {}, {}), device="cpu", **changes):
    """The same fits, alone and stacked."""
    alone, stacked = (
        [made(name, random_state=seed + 5, **{**changes, **each}) for seed, each in enumerate(own)] for _ in range(2)
    )
    return fit_both(alone, stacked, device=device)


def assert_equal(alone, stacked, tolerance=1e-4):
    for one, other in zip(alone, stacked, strict=True):
        assert one.history_.keys() == other.history_.keys()
        for curve in one.history_:
            np.testing.assert_allclose(other.history_[curve], one.history_[curve], atol=tolerance, err_msg=curve)
        assert other.facts_.keys() == one.facts_.keys()
        assert other.facts_ == pytest.approx(one.facts_, abs=tolerance)
        np.testing.assert_allclose(other.predict_proba(TEST), one.predict_proba(TEST), atol=tolerance)
