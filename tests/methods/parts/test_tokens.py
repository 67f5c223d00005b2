import pytest
import torch
from small_network import SIZES, make_batch, noise
from torch.nn.functional import layer_norm

from strokebench.methods.cross_attention import CrossAttention
from strokebench.methods.parts.tokens import CHANNEL_GROUPS, TokenAdapter
from strokebench.tasks.inputs import Inputs, Sizes

VECTOR_ONLY = {**SIZES, "image.vector": (40,), "image.tokens": (1, 1)}
ONE_NUMBER = {"image.vector": (1,), "image.tokens": (1, 1), "text": (1, 1, 1), "table": (6,)}


def adapter(sizes: Sizes = SIZES) -> TokenAdapter:
    torch.manual_seed(0)
    return TokenAdapter(sizes, hidden=16, width=32, dropout=0.5).eval()


@pytest.mark.parametrize("sizes", [SIZES, VECTOR_ONLY, ONE_NUMBER])
def test_tokens_have_one_width_whatever_the_cohort_has(sizes):
    image, text = adapter(sizes)(make_batch(3, sizes=sizes))
    assert image.shape == (3, 16, 32)
    assert text.shape == (3, sizes["text"][1], 32)


def test_each_layer_of_the_text_encoder_is_one_token():
    batch = make_batch()
    changed = {**batch, "text": batch["text"].clone()}
    changed["text"][:, 2] += 1
    before, after = adapter()(batch)[1], adapter()(changed)[1]
    differs = (before != after).any(2).any(0)
    assert differs.tolist() == [False, False, True, False]


def test_tokens_are_normalised_before_their_place_is_added():
    module = adapter()
    image, text = module(make_batch())
    for tokens, place in ((image, module.place), (text, module.layer)):
        torch.testing.assert_close(layer_norm(tokens - place, (32,)), tokens - place, rtol=1e-3, atol=1e-3)


def test_places_begin_small_beside_the_tokens_and_unlike_each_other():
    module = adapter()
    for place in (module.place, module.layer):
        assert place.std().item() == pytest.approx(0.02, rel=0.15) and abs(place.mean().item()) < 0.005


def test_channel_groups_are_neighbouring_channels_of_the_pooled_vector():
    module = adapter({**VECTOR_ONLY, "image.vector": (32,)})
    vector = torch.arange(32.0).repeat(2, 1)
    assert module.groups(vector)[0].tolist() == [[2.0 * i, 2.0 * i + 1] for i in range(CHANNEL_GROUPS)]


def test_without_a_grid_the_grid_is_not_read():
    module = adapter(VECTOR_ONLY)
    batch = make_batch(sizes=VECTOR_ONLY)
    image = module(batch)[0]
    assert torch.equal(image, module({**batch, "image.tokens": batch["image.tokens"] + 1})[0])
    assert not torch.equal(image, module({**batch, "image.vector": batch["image.vector"] + 1})[0])


@pytest.mark.parametrize(("tokens", "source"), [(16, 1.0), (1, 0.0)])
@pytest.mark.slow
def test_where_tokens_come_from_is_logged(tokens, source):
    draw = lambda *shape: noise(12, *shape).numpy()  # noqa: E731
    x = Inputs.complete({name: draw(*size) for name, size in {**SIZES, "image.tokens": (tokens, 24)}.items()})
    y = (torch.arange(12) % 2).numpy()
    method = CrossAttention(hidden=8, width=16, max_epochs=1).fit(x, y, x, y)
    assert method.facts_["token_source"] == source
