"""Fits trained as one stack: equal to each fit alone, whatever their sizes, stops and neighbours."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from stacks import FOLDS, SHORT, STACKED, TEST, assert_equal, both, fit_both, made
from torch import nn

from strokebench.errors import StrokebenchError
from strokebench.methods.concat import Concat
from strokebench.methods.conformance.subject import MadeUp
from strokebench.methods.mlp import MLP
from strokebench.methods.registry import find_method
from strokebench.methods.stacking.dropout import Masks, make_masks
from strokebench.methods.stacking.fit import can_stack, fit_stacked
from strokebench.methods.stacking.inputs import compositions
from strokebench.methods.stacking.replay import Replays
from strokebench.methods.stacking.stack import Stack
from strokebench.methods.stacking.state import State
from strokebench.methods.training.optimiser import RAdam
from strokebench.methods.training.protocol import TrainingRun


@pytest.mark.parametrize("name", STACKED)
def test_a_stack_equals_its_fits_alone(name):
    """With noise, MixUp and dropout on: what is drawn is the same too.

    No operation is done run by run: PyTorch does so where it knows no way to do one for all runs at once.
    """
    torch.manual_seed(1)
    before = torch.get_rng_state()
    torch._C._functorch._set_vmap_fallback_enabled(False)
    try:
        alone, stacked = both(name)
    finally:
        torch._C._functorch._set_vmap_fallback_enabled(True)
    assert_equal(alone, stacked)
    assert torch.equal(torch.get_rng_state(), before)
    assert not stacked[0].module_.training
    assert {p.device.type for p in stacked[0].module_.parameters()} == {"cpu"}


def test_a_stack_decays_weights_as_its_fits_alone_do():
    assert_equal(*both("vdafm", weight_decay=0.1, output="relu"))


def test_another_draw_would_be_seen():
    """The tolerance is no blanket: another seed is far outside of it."""
    one, other = made("concat", random_state=1), made("concat", random_state=2)
    one.fit(*FOLDS[0])
    fit_stacked([other], FOLDS[:1])
    assert abs(one.predict_proba(TEST) - other.predict_proba(TEST)).max() > 0.01


def test_runs_stop_each_at_its_own_epoch(monkeypatch):
    left = []
    keep = State.keep

    def recorded(self, runs):
        keep(self, runs)
        left.append(len(self.steps))

    monkeypatch.setattr(State, "keep", recorded)
    own = ({"patience": 2}, {"patience": 4}, {"patience": 100})
    alone, stacked = both("mlp", own, max_epochs=8, learning_rate=1e-9)
    assert_equal(alone, stacked)
    assert [method.facts_["epochs"] for method in stacked] == [3, 5, 8]
    assert left == [2, 1]


def test_runs_may_differ_in_what_no_network_depends_on():
    own = ({"learning_rate": 1e-2, "clip_norm": 0.1}, {"noise": 0.5, "warmup_epochs": 1}, {"mixup_probability": 0.0})
    assert_equal(*both("concat", own))


def test_validation_without_patients_or_with_one_label():
    (x, y, held_out, labels), other = FOLDS[0], FOLDS[1]
    parts = [(x, y, held_out[:0], labels[:0]), (x, y, held_out, np.ones_like(labels)), other]
    alone, stacked = ([made("mlp", random_state=seed) for seed in range(3)] for _ in range(2))
    assert_equal(*fit_both(alone, stacked, parts))


@dataclass(kw_only=True, eq=False, repr=False)
class Counting(MLP):
    """Its hook changes a buffer and a parameter; its first epochs may not be selected."""

    name = "counting_for_a_test"

    def build(self, sizes):
        return CountingNetwork(*sizes["table"])

    def before_epoch(self, module, epoch, batches):
        module.seen += sum(batch["table"].mean() for batch in batches)
        module.late.fill_(epoch >= 2)
        if epoch == 3:
            with torch.no_grad():
                module.layer.bias += 1

    def may_select(self, epoch):
        return epoch >= 2


class CountingNetwork(nn.Module):
    def __init__(self, columns):
        super().__init__()
        self.layer = nn.Linear(columns, 1)
        self.register_buffer("seen", torch.zeros(()))
        self.register_buffer("late", torch.tensor(False))

    def forward(self, batch):
        # Branching on a flag is allowed as long as all runs agree on it.
        scale = 2 if bool(self.late) else 1
        return scale * self.layer(batch["table"]).squeeze(1) + self.seen, {}


def test_hooks_change_each_run_s_own_state():
    alone, stacked = ([Counting(random_state=seed, **SHORT) for seed in range(3)] for _ in range(2))
    assert_equal(*fit_both(alone, stacked))
    assert len({float(method.module_.seen) for method in stacked}) == 3
    assert all(bool(method.module_.late) for method in stacked)


@dataclass(kw_only=True, eq=False, repr=False)
class LateHead(Counting):
    """A part of it is trained from epoch 2 on."""

    name = "late_head_for_a_test"

    def build(self, sizes):
        return LateNetwork(*sizes["table"])


class LateNetwork(CountingNetwork):
    def __init__(self, columns):
        super().__init__(columns)
        self.second = nn.Linear(columns, 1)

    def forward(self, batch):
        logit, aux = super().forward(batch)
        return logit + self.second(batch["table"]).squeeze(1) if bool(self.late) else logit, aux


def test_a_weight_that_is_trained_late_is_not_stacked():
    """A stack counts the steps of a run, and alone each weight's own are counted."""
    alone, stacked = ([LateHead(random_state=seed, **SHORT) for seed in range(3)] for _ in range(2))
    with pytest.raises(ValueError, match=r"second\.bias has a gradient in some steps alone"):
        fit_both(alone, stacked)
    assert alone[0].history_ and not stacked[0].history_


def test_memory_that_is_kept_without_use_is_given_back_before_a_step_is_recorded(monkeypatch: pytest.MonkeyPatch):
    """While one is recorded, PyTorch cannot."""
    gpu = Mock()
    monkeypatch.setattr(torch, "cuda", gpu)
    Replays(torch.device("cuda"))._record(gpu.step)
    done = [name.removeprefix("CUDAGraph().") for name, _, _ in gpu.mock_calls]
    assert done[2:] == ["synchronize", "empty_cache", "capture_begin", "step", "capture_end"]


def test_what_cannot_be_stacked_says_why():
    assert can_stack([made("concat"), made("concat", random_state=3, learning_rate=1.0)]) is None
    assert "width" in can_stack([made("concat"), made("concat", width=16)])
    assert "different methods" in can_stack([made("concat"), made("mlp")])
    assert "no network" in can_stack([find_method("svm")()])
    assert "normalises batches" in can_stack([made("image_net")])

    class OwnFit(Concat):
        def fit(self, *parts):
            return super().fit(*parts)

    assert "own fit" in can_stack([OwnFit()])


@dataclass(kw_only=True, eq=False, repr=False)
class PlainDropout(MLP):
    """Built with PyTorch's own dropout."""

    name = "plain_dropout_for_a_test"

    def build(self, shapes):
        network = super().build(shapes)
        network.layers.append(nn.Dropout(0.5))
        return network


def test_pytorchs_own_dropout_is_refused_with_a_sentence():
    method = PlainDropout(**SHORT)
    assert "methods.parts.layers.Dropout" in can_stack([method])
    assert method.fit(*FOLDS[0]).history_


def test_patients_of_different_shapes_are_refused_and_nothing_is_fitted():
    other = MadeUp(30, 0, columns=3)
    methods = [made("mlp"), made("mlp")]
    with pytest.raises(StrokebenchError, match="shape"):
        fit_stacked(methods, [FOLDS[0], (other.x, other.y, other.x, other.y)])
    assert not methods[0].history_


def started(name):
    return [TrainingRun(made(name, random_state=seed), *part) for seed, part in enumerate(FOLDS)]


@pytest.mark.parametrize("name", STACKED)
def test_training_leaves_nothing_on_another_device(name):
    """On the meta device, which has no values: a tensor that stayed on the CPU does not mix with its tensors."""
    device = torch.device("meta")
    with ThreadPoolExecutor(1) as threads:
        stack = Stack(started(name), device, threads)
        for group, adaptive in stack._drawn(0):
            stack._step(group, adaptive, 0)
        stack._validate()
    assert stack.totals.device == stack.logits.device == device
    assert {value.device for value in stack.state_of_all.weights.values()} == {device}


def test_an_epoch_may_be_a_tensor():
    """As where steps are recorded; VDAFM's loss depends on it."""
    logit, target = torch.randn(5), torch.ones(5)
    method = made("vdafm")
    aux = {name: torch.randn(5, 8) for name in ("image", "text", "image_as_text", "joint_image", "joint_text_as_text")}
    aux["source"] = torch.arange(5)
    losses = [method.loss(logit, target, aux, epoch) for epoch in (7, torch.tensor(7), 8)]
    torch.testing.assert_close(losses[0], losses[1])
    assert abs(losses[0] - losses[2]) > 1e-3


def test_runs_step_together_whose_batches_are_as_large():
    assert compositions(started("mlp")) == [(16, (0, 1, 2)), (16, (0, 1)), (17, (2,)), (13, (0,)), (16, (1,))]


def networks(count):
    torch.manual_seed(0)
    return [nn.Sequential(nn.Linear(5, 3), nn.ReLU(), nn.Linear(3, 1)) for _ in range(count)]


def test_the_optimiser_equals_each_run_s_own():
    """Clipped and not, before and after the adaptive rate is tractable, with a run that sits out some steps."""
    modules = networks(3)
    state = State(modules, torch.device("cpu"))
    optimisers = [RAdam(module.parameters(), clip_norm=1.0) for module in modules]
    generator = torch.Generator().manual_seed(0)
    for number in range(14):
        for run, (module, optimiser) in enumerate(zip(modules, optimisers, strict=True)):
            if run == 2 and number % 3 == 1:
                continue
            optimiser.lr = (1e-2, 1e-3, 1e-2)[run]
            for parameter in module.parameters():
                parameter.grad = torch.randn(parameter.shape, generator=generator) * (0.01 if run == 0 else 1)
            gradients = {name: parameter.grad.clone() for name, parameter in module.named_parameters()}
            optimiser.step()
            size, adaptive = state.count(run, optimiser.lr)
            state.step(run, gradients, torch.tensor(size), adaptive, 1.0)
    for run, module in enumerate(modules):
        for name, parameter in module.named_parameters():
            torch.testing.assert_close(state.weights[name][run], parameter.detach(), atol=1e-6, rtol=1e-5)


def test_a_kept_run_keeps_its_state():
    state = State(networks(4), torch.device("cpu"))
    present, size = state.of(3), state.count(3, 0.1)[0]
    gradients = {name: torch.ones_like(value) for name, value in present.items()}
    state.step(3, gradients, torch.tensor(size), False, 1.0)
    after = state.of(3)
    state.keep([1, 3])
    assert state.steps == [0, 1]
    for name, value in after.items():
        assert torch.equal(state.of(1)[name], value) and not torch.equal(present[name], value)


@dataclass(kw_only=True, eq=False, repr=False)
class HalfFrozen(MLP):
    """Its bias stays as it was drawn."""

    name = "half_frozen_for_a_test"

    def build(self, sizes):
        network = CountingNetwork(sizes["table"][0])
        network.layer.bias.requires_grad_(False)
        return network


def test_frozen_weights_stay():
    alone, stacked = ([HalfFrozen(random_state=seed, **SHORT) for seed in range(3)] for _ in range(2))
    assert_equal(*fit_both(alone, stacked))
    for one, other in zip(alone, stacked, strict=True):
        assert torch.equal(one.module_.layer.bias, other.module_.layer.bias)


def test_dropout_masks_are_those_of_the_single_path():
    from strokebench.methods.parts.layers import Dropout

    xs = [torch.ones(5, 3), torch.ones(2, 7)]
    torch.manual_seed(4)
    generator = torch.Generator()
    generator.set_state(torch.get_rng_state())
    expected = [Dropout(0.3)(x) for x in xs]
    handed = Masks()
    fed = Dropout(0.3)
    fed.masks = handed
    handed.count()
    assert all(torch.equal(fed(x), x) for x in xs)
    assert handed.needs == [(15, 0.3), (14, 0.3)]
    bits = torch.empty(1, sum(layer.words for layer in handed.needs), dtype=torch.int64)
    bits.random_(-(2**63), None, generator=generator)
    handed.feed([mask[0] for mask in make_masks(bits, handed.needs)])
    for x, same in zip(xs, expected, strict=True):
        assert torch.equal(fed(x), same)
