from dataclasses import replace

import pytest
import torch
from small_network import SHAPES, make_batch, noise
from torch.nn.functional import layer_norm

from strokebench.methods.cross_attention import CrossAttention
from strokebench.methods.parts.tokens import CHANNEL_GROUPS, TokenAdapter
from strokebench.tasks.inputs import Shapes, TriModal

VECTOR_ONLY = replace(SHAPES, tokens=1, image=40)


def adapter(shapes: Shapes = SHAPES) -> TokenAdapter:
    torch.manual_seed(0)
    return TokenAdapter(shapes, hidden=16, width=32, dropout=0.5).eval()


@pytest.mark.parametrize("shapes", [SHAPES, VECTOR_ONLY, replace(SHAPES, tokens=1, image=1, layers=1, text=1)])
def test_tokens_have_one_width_whatever_the_cohort_has(shapes):
    image, text = adapter(shapes)(make_batch(3, shapes=shapes))
    assert image.shape == (3, 16, 32)
    assert text.shape == (3, shapes.layers, 32)


def test_each_layer_of_the_text_encoder_is_one_token():
    batch = make_batch()
    changed = batch._replace(text=batch.text.clone())
    changed.text[:, 2] += 1
    before, after = adapter()(batch)[1], adapter()(changed)[1]
    differs = (before != after).any(2).any(0)
    assert differs.tolist() == [False, False, True, False]


def test_tokens_are_normalised_before_their_place_is_added():
    module = adapter()
    image, text = module(make_batch())
    for tokens, place in ((image, module.place), (text, module.layer)):
        torch.testing.assert_close(layer_norm(tokens - place, (32,)), tokens - place, rtol=1e-3, atol=1e-3)


def test_channel_groups_are_neighbouring_channels_of_the_pooled_vector():
    module = adapter(replace(SHAPES, tokens=1, image=32))
    vector = torch.arange(32.0).repeat(2, 1)
    assert module.groups(vector)[0].tolist() == [[2.0 * i, 2.0 * i + 1] for i in range(CHANNEL_GROUPS)]


def test_without_a_grid_the_grid_is_not_read():
    module = adapter(VECTOR_ONLY)
    batch = make_batch(shapes=VECTOR_ONLY)
    image = module(batch)[0]
    assert torch.equal(image, module(batch._replace(tokens=batch.tokens + 1))[0])
    assert not torch.equal(image, module(batch._replace(image=batch.image + 1))[0])


@pytest.mark.parametrize(("tokens", "source"), [(16, 1.0), (1, 0.0)])
def test_where_tokens_come_from_is_logged(tokens, source):
    draw = lambda *shape: noise(12, *shape).numpy()  # noqa: E731
    x = TriModal(draw(24), draw(tokens, 24), draw(5, 4, 12), draw(6))
    y = (torch.arange(12) % 2).numpy()
    method = CrossAttention(hidden=8, width=16, max_epochs=1).fit(x, y, x, y)
    assert method.facts_["token_source"] == source
