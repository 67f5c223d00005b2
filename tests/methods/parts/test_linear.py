"""A linear map with compiled products is PyTorch's, and the optimiser's step with factors is that with the gradient."""

import pytest
import torch
from small_network import noise
from torch import nn

from strokebench.methods.kernels.products import _compiled
from strokebench.methods.linear import MOST_ROWS, Linear, collecting, fits
from strokebench.methods.parts.attention import PostNormBlock
from strokebench.methods.training.optimiser import OnePassRAdam

SHAPES = [(192, 128), (32, 576), (272, 64)]


def layer(outputs=192, inputs=128):
    torch.manual_seed(0)
    return Linear(inputs, outputs)


@pytest.mark.parametrize("rows", [(32,), (1,), (7,), (2, 3), (16, 2), (MOST_ROWS,)])
@pytest.mark.parametrize(("outputs", "inputs"), SHAPES)
def test_values_and_gradients_are_torchs(outputs, inputs, rows):
    ours = layer(outputs, inputs)
    x, wanted = noise(*rows, inputs).requires_grad_(), noise(*rows, outputs, seed=1)
    plain = ours(x)
    expected = torch.autograd.grad(plain, [x, ours.bias, ours.weight], wanted)
    with collecting([ours.weight]):
        out = ours(x)
        out.backward(wanted)
        factors = ours.weight.factors.take()
    torch.testing.assert_close(out, plain, rtol=1e-5, atol=1e-5)
    assert ours.weight.grad is None
    for given, gradient in zip((x.grad, ours.bias.grad, factors.full()), expected, strict=True):
        torch.testing.assert_close(given, gradient, rtol=1e-5, atol=2e-5)
    assert factors.square_norm() == pytest.approx(float(expected[2].double().square().sum()), rel=1e-5)


def test_compiled_products_are_used_where_they_should_be():
    ours = layer()
    few, many = noise(32, 128), noise(MOST_ROWS + 1, 128)
    few.requires_grad_()
    assert "FewRows" not in type(ours(few).grad_fn).__name__
    with collecting([ours.weight]):
        assert "FewRows" in type(ours(few).grad_fn).__name__
        assert "FewRows" not in type(ours(many).grad_fn).__name__
        with torch.no_grad():
            assert ours(few).grad_fn is None
    assert not hasattr(ours.weight, "factors")


@pytest.mark.parametrize(
    ("shape", "does"),
    [((272, 64), True), ((256, 64), False), ((264, 128), False), ((256, 96), False), ((20000,), False)],
)
def test_weights_that_fit(shape, does):
    """Small ones, and those whose sides the loops cannot divide, are PyTorch's."""
    assert fits(torch.zeros(shape)) is does
    assert not fits(torch.zeros(272, 128)[:, :64])
    assert not fits(torch.zeros(272, 64, dtype=torch.float64))


def test_loops_are_compiled_where_nothing_can_be_kept():
    """Source that lies in no file has no place for what was compiled."""
    names = {}
    exec("def twice(x):\n    return 2 * x", names)
    assert _compiled(names["twice"])(21) == 42


def test_an_error_within_leaves_no_weight_collecting():
    ours = layer()
    with pytest.raises(KeyError), collecting([ours.weight]):
        raise KeyError
    assert not hasattr(ours.weight, "factors")


def test_a_second_derivative_is_refused():
    ours = layer()
    with collecting([ours.weight]), pytest.raises(RuntimeError, match="second derivative"):
        torch.autograd.grad(ours(noise(4, 128)).sum(), ours.bias, create_graph=True)


class Network(nn.Module):
    """Weights that fit, one of them used twice, one also without `linear` and one frozen; tokens; small ones."""

    def __init__(self):
        super().__init__()
        self.first, self.frozen, self.twice, self.mixed = (layer(192, 192) for _ in range(4))
        self.frozen.weight.requires_grad_(False)
        self.block = PostNormBlock(192, 4, 256, 0.0)
        self.last = nn.Linear(192, 1)

    def forward(self, x):
        hidden = self.twice(self.twice(self.frozen(self.first(x).relu())).relu())
        pair = torch.stack([self.mixed(hidden), nn.functional.linear(hidden, self.mixed.weight)], dim=1)
        return self.last(self.block(pair)).sum(1)


def trained(factors, clip_norm, steps=40, rows=16):
    torch.manual_seed(0)
    network = Network()
    optimiser = OnePassRAdam(network.parameters(), lr=1e-3, clip_norm=clip_norm)
    for step in range(steps):
        with collecting(network.parameters() if factors else []):
            # Every third batch has too many rows for the compiled products of the tokens.
            x = noise(MOST_ROWS if step % 3 == 2 else rows, 192, seed=step)
            (10.0 ** (step % 4 - 1) * network(x).square().mean()).backward()
            if step % 5 == 4:
                network.first.weight.grad = None
                if factors:
                    network.first.weight.factors.take()
            optimiser.step()
    # The bias of the keys has no effect and a gradient of nothing but rounding, which Adam makes as large as any.
    named = [(name, parameter) for name, parameter in network.named_parameters() if name != "block.input_bias"]
    return torch.cat([parameter.detach().flatten() for _, parameter in named])


@pytest.mark.parametrize("clip_norm", [None, 0.3])
@pytest.mark.parametrize("rows", [16, 15])
def test_training_is_equal(clip_norm, rows):
    start = trained(True, clip_norm, steps=0)
    ours, plain = trained(True, clip_norm, rows=rows), trained(False, clip_norm, rows=rows)
    assert (plain - start).abs().max() > 1e-3
    frozen = Network().frozen.weight.numel()
    assert ((ours - start) == 0).sum() >= frozen
    torch.testing.assert_close(ours, plain, rtol=1e-3, atol=2e-5)


def test_gradients_that_cancel_have_norm_zero():
    ours = layer()
    x, wanted = noise(4, 128), noise(4, 192, seed=1)
    with collecting([ours.weight]):
        ours(torch.cat([x, x])).backward(torch.cat([wanted, -wanted]))
        factors = ours.weight.factors.take()
    assert abs(factors.square_norm()) < 1e-6 * float(x.square().sum() * wanted.square().sum())
    optimiser = OnePassRAdam([ours.weight], lr=0.1, clip_norm=1.0)
    for _ in range(8):
        with optimiser.collecting():
            ours(torch.cat([x, x])).backward(torch.cat([wanted, -wanted]))
            optimiser.step()
    assert torch.isfinite(ours.weight).all()
