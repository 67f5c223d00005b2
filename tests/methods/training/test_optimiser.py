"""The optimiser is PyTorch's RAdam after clipping, step by step."""

import math

import pytest
import torch
from small_network import noise

from strokebench.methods.training.optimiser import RAdam, clipping

STEPS = 60


def run(make, learning_rates=None, lost_gradient=None, **settings):
    """Parameters after each of many steps on the same gradients, from large to tiny."""
    shapes = [(7, 5), (3,), (4,), (130, 130)]
    weights = [noise(*shape, seed=seed).requires_grad_() for seed, shape in enumerate(shapes)]
    optimiser = make(weights, **settings)
    trace = []
    for step in range(STEPS):
        for number, weight in enumerate(weights):
            weight.grad = noise(*weight.shape, seed=100 + 10 * step + number) * 10.0 ** (2 - step % 6)
        if lost_gradient is not None and step % 2:
            weights[lost_gradient].grad = None
        if learning_rates and make is RAdam:
            optimiser.lr = learning_rates[step]
        elif learning_rates:
            optimiser.param_groups[0]["lr"] = learning_rates[step]
        optimiser.step()
        trace.append(torch.cat([weight.detach().flatten().clone() for weight in weights]))
    return torch.stack(trace)


@pytest.mark.parametrize("lr", [1e-3, 0.1])
def test_equal_to_torch_from_the_first_step_on(lr):
    torch.testing.assert_close(run(RAdam, lr=lr), run(torch.optim.RAdam, lr=lr), rtol=2e-5, atol=1e-6)


def test_equal_when_the_learning_rate_changes_between_steps():
    rates = [1e-3 * (1 + step % 7) for step in range(STEPS)]
    ours, theirs = (run(make, rates, lr=1.0) for make in (RAdam, torch.optim.RAdam))
    torch.testing.assert_close(ours, theirs, rtol=2e-5, atol=1e-6)


def test_a_parameter_without_gradient_stays():
    used, unused = noise(3).requires_grad_(), noise(3, seed=1).requires_grad_()
    before = unused.detach().clone()
    optimiser = RAdam([used, unused], lr=0.1)
    for _ in range(10):
        used.grad = noise(3, seed=2)
        optimiser.step()
    assert torch.equal(unused, before)


def test_a_parameter_that_first_has_a_gradient_late_moves_and_stays_finite():
    trace = run(RAdam, lost_gradient=2, lr=0.01)
    assert torch.isfinite(trace).all()
    assert not torch.equal(trace[0], trace[-1])


def test_parameters_keep_their_moments_while_another_loses_its_gradient():
    ours, theirs = (run(make, lost_gradient=2, lr=0.01) for make in (RAdam, torch.optim.RAdam))
    torch.testing.assert_close(ours, theirs, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("lost_gradient", [None, 1])
@pytest.mark.parametrize("clip_norm", [1e-3, 1.0, 30.0, 1e6])
def test_clipping_is_torchs(clip_norm, lost_gradient):
    """Here norms fall from 13,000 to 0.1 and jump back."""

    def clipped(weights, **settings):
        optimiser = torch.optim.RAdam(weights, **settings)
        step = optimiser.step
        optimiser.step = lambda: (torch.nn.utils.clip_grad_norm_(weights, clip_norm), step())
        return optimiser

    ours = run(RAdam, lr=0.01, clip_norm=clip_norm, lost_gradient=lost_gradient)
    torch.testing.assert_close(ours, run(clipped, lr=0.01, lost_gradient=lost_gradient), rtol=2e-5, atol=1e-6)


def test_small_gradients_are_clipped_as_torch_clips_them():
    """The small number in its denominator counts where norms are as small."""
    weight = noise(7, 5).requires_grad_()
    gradient = 3e-6 * torch.nn.functional.normalize(noise(35, seed=1), dim=0).view(7, 5)
    weight.grad = gradient.clone()
    torch.nn.utils.clip_grad_norm_([weight], 1e-6)
    torch.testing.assert_close(gradient / clipping([gradient], 1e-6), weight.grad, rtol=1e-4, atol=0)


def test_gradients_are_forgotten_after_a_step():
    weight = noise(3).requires_grad_()
    optimiser = RAdam([weight], lr=0.01)
    weight.grad = noise(3, seed=1)
    optimiser.step()
    assert weight.grad is None


@pytest.mark.parametrize("wrong", [math.inf, math.nan])
def test_gradients_that_are_not_finite_make_nan_and_no_error(wrong):
    weight = noise(3).requires_grad_()
    optimiser = RAdam([weight], lr=0.01, clip_norm=1.0)
    for step in range(12):
        weight.grad = noise(3, seed=1)
        if step == 8:
            weight.grad[1] = wrong
        optimiser.step()
    assert weight.isnan().any()


@pytest.mark.parametrize("clip_norm", [0.3, math.inf])
def test_a_training_loses_what_it_loses_with_torchs(clip_norm):
    """Weights that are frozen, used twice, and unused among them."""

    def losses(ours: bool) -> torch.Tensor:
        torch.manual_seed(0)
        first, frozen, twice, unused, last = (torch.nn.Linear(24, 24) for _ in range(5))
        frozen.requires_grad_(False)
        layers = torch.nn.ModuleList([first, frozen, twice, unused, last])
        optimiser = (RAdam if ours else torch.optim.RAdam)(layers.parameters(), lr=1e-2)
        if ours:
            optimiser.clip_norm = clip_norm
        trace = []
        for step in range(STEPS):
            x = noise(16, 24, seed=step % 3)
            loss = (last(twice(twice(frozen(first(x).relu())).relu())) - x).square().mean()
            trace.append(loss.detach())
            loss.backward()
            if not ours:
                torch.nn.utils.clip_grad_norm_(layers.parameters(), clip_norm)
            optimiser.step()
            layers.zero_grad()
        return torch.stack(trace)

    ours, theirs = losses(ours=True), losses(ours=False)
    assert (ours[0] - ours[-3]).abs() > 0.01
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
