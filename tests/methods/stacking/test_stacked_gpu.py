"""Stacks on a GPU: equal to each fit alone on the CPU, recorded where they can be."""

from dataclasses import dataclass

import pytest
import torch
from stacks import SHORT, STACKED, assert_equal, both, fit_both, made
from torch.nn import functional

from strokebench.methods.mlp import MLP
from strokebench.methods.stacking import stack
from strokebench.methods.stacking.replay import Replays

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")

TOLERANCE = 1e-3
"""Sums in another order, on another processor."""


@pytest.fixture
def replays(monkeypatch):
    """Those of the stacks that are trained."""
    made = []

    class Watched(Replays):
        def __init__(self, device):
            super().__init__(device)
            self.recorded = 0
            made.append(self)

        def _record(self, function):
            self.recorded += 1
            return super()._record(function)

    monkeypatch.setattr(stack, "Replays", Watched)
    return made


@pytest.mark.parametrize("name", STACKED)
def test_a_recorded_stack_equals_its_fits_alone(name, replays):
    assert_equal(*both(name, device="cuda", max_epochs=12), TOLERANCE)
    assert replays[0].on and replays[0].recorded >= 3


def test_runs_leave_a_recorded_stack(replays):
    own = [{"patience": 2}, {"patience": 4}, {"patience": 100}]
    alone, stacked = ([made("mlp", random_state=5, max_epochs=14, **each) for each in own] for _ in range(2))
    assert_equal(*fit_both(alone, stacked, device="cuda"), TOLERANCE)
    assert replays[0].on


@dataclass(kw_only=True, eq=False, repr=False)
class Branching(MLP):
    """Its loss is another from epoch 2 on."""

    name = "branching_for_a_test"

    def loss(self, logit, target, aux, epoch):
        total = functional.binary_cross_entropy_with_logits(logit, target)
        return total if epoch < 2 else 2 * total


def test_what_cannot_be_recorded_is_trained_all_the_same(replays):
    alone, stacked = ([Branching(random_state=seed, **SHORT) for seed in range(3)] for _ in range(2))
    assert_equal(*fit_both(alone, stacked, device="cuda"), TOLERANCE)
    assert not replays[0].on
