import pytest
import torch
from small_network import SIZES, build, make_batch, noise
from torch import nn

from strokebench.errors import StrokebenchError
from strokebench.methods.conformance.subject import MadeUp, changed
from strokebench.methods.fusion import FUSION, Interaction, mapping_loss

WIDTH = 32


def interaction() -> Interaction:
    torch.manual_seed(0)
    return Interaction(WIDTH, 8).eval()


def interaction_inputs():
    return noise(3, 4, WIDTH), noise(3, WIDTH, seed=1), noise(3, 4, 4, WIDTH, seed=2)


def test_mapping_loss_is_zero_for_what_points_the_same_way():
    image, text = noise(3, 16, WIDTH), noise(3, 4, WIDTH, seed=1)
    assert abs(mapping_loss(image, image, text, text)) < 1e-6
    assert abs(mapping_loss(5 * image, image, 0.1 * text, text)) < 1e-6


def test_mapping_loss_is_two_for_each_opposite_and_never_more():
    image, text = noise(3, 16, WIDTH), noise(3, 4, WIDTH, seed=1)
    assert mapping_loss(-image, image, text, text).item() == pytest.approx(2)
    assert mapping_loss(-image, image, -text, text).item() == pytest.approx(4)
    assert 0 < mapping_loss(noise(3, 16, WIDTH, seed=5), image, noise(3, 4, WIDTH, seed=6), text) < 4


def side_by_side(encoder, image, text):
    """The encoder's three depths, (b, image + text + text-free image, 3 * width)."""
    last, shallow, deep = encoder(image, text)
    return torch.cat([last, torch.cat([shallow, shallow[:, : image.shape[1]]], 1), deep], 2)


def encoder_depths(text_seed: int):
    """Image rows after the early and after the late block of the encoder that reads image and text."""
    encoder = build(FUSION).encoder
    x = torch.cat([noise(3, 16, WIDTH), noise(3, 4, WIDTH, seed=text_seed)], 1)
    early = encoder.early[0](x, encoder.early_bias)
    late = encoder.late[0](early)
    torch.testing.assert_close(encoder(x[:, :16], x[:, 16:])[0][:, :20], late)
    return early[:, :16], late[:, :16]


def test_early_image_rows_are_the_same_for_any_text_and_late_ones_are_not():
    one, other = encoder_depths(1), encoder_depths(2)
    assert torch.equal(one[0], other[0])
    assert not torch.allclose(one[1], other[1], atol=1e-3)


def test_early_text_rows_read_the_image():
    encoder = build(FUSION).encoder
    text = noise(3, 4, WIDTH, seed=1)
    rows = [
        encoder.early[0](torch.cat([noise(3, 16, WIDTH, seed=seed), text], 1), encoder.early_bias)[:, 16:]
        for seed in (2, 3)
    ]
    assert not torch.allclose(*rows, atol=1e-3)


def test_text_free_rows_are_those_of_an_image_encoded_alone():
    encoder, image = build(FUSION).encoder, noise(3, 16, WIDTH)
    text_free = side_by_side(encoder, image, noise(3, 4, WIDTH, seed=1))[:, 20:]
    assert torch.equal(text_free, side_by_side(encoder, image, noise(3, 4, WIDTH, seed=2))[:, 20:])
    early = encoder.early[0](image)
    late = encoder.late[0](early)
    expected = torch.cat([late, (image + early) / 2, late], 2)
    torch.testing.assert_close(text_free, expected)


def test_connector_joins_three_depths():
    encoder = build(FUSION, early=2, late=3).encoder
    image, text = noise(3, 16, WIDTH), noise(3, 4, WIDTH, seed=1)
    depths = [torch.cat([image, text], 1)]
    for block in encoder.early:
        depths.append(block(depths[-1], encoder.early_bias))
    for block in encoder.late:
        depths.append(block(depths[-1]))
    early, late = torch.stack(depths[:3]).mean(0), torch.stack(depths[3:]).mean(0)
    joined = side_by_side(encoder, image, text)
    torch.testing.assert_close(joined[:, :20], torch.cat([depths[-1], early, late], 2))


@pytest.mark.parametrize("late", [1, 2])
def test_connector_maps_what_stands_side_by_side(late):
    module = build(FUSION, late=late)
    image, text = noise(3, 16, WIDTH), noise(3, 4, WIDTH, seed=1)
    mapped = module.vision_to_text(*module.encoder(image, text))
    torch.testing.assert_close(mapped, module.vision_to_text.layers(side_by_side(module.encoder, image, text)))


def test_latents_are_rewritten_after_every_block():
    decoder = build(FUSION, layers=3).decoder
    inputs = noise(3, 16, WIDTH), noise(3, 4, WIDTH, seed=1), noise(3, 16, WIDTH, seed=2)
    with_interactions = decoder.trace(*inputs)
    decoder.interactions = nn.ModuleList(Unchanged() for _ in decoder.interactions)
    without = decoder.trace(*inputs)
    assert len(with_interactions) == 3
    for (rewritten, _), (plain, _) in zip(with_interactions, without, strict=True):
        assert not torch.allclose(rewritten, plain, atol=1e-3)


class Unchanged(nn.Module):
    def forward(self, latents, context, windows):
        return latents


def test_last_block_of_the_decoder_gives_what_a_full_one_would():
    decoder = build(FUSION).decoder
    image, text, text_free = noise(3, 16, WIDTH), noise(3, 4, WIDTH, seed=1), noise(3, 16, WIDTH, seed=2)
    windows = decoder.windows(text_free)
    x = torch.cat([image, windows.amax(2), text], 1)
    for block, interact in zip(decoder.blocks, decoder.interactions, strict=True):
        x = block(x, decoder.bias)
        latents = interact(x[:, 16:20], x[:, -1], windows)
        x = torch.cat([x[:, :16], latents, x[:, 20:]], 1)
    ours = decoder(image, text, text_free)
    torch.testing.assert_close(ours[0], x[:, 16:20])
    torch.testing.assert_close(ours[1], x[:, -1])


def test_decoder_is_causal_so_latents_learn_of_the_text_by_interaction_alone():
    decoder = build(FUSION).decoder
    decoder.interactions = nn.ModuleList(Unchanged() for _ in decoder.interactions)
    image, text_free = noise(3, 16, WIDTH), noise(3, 16, WIDTH, seed=2)
    one, other = (decoder(image, noise(3, 4, WIDTH, seed=seed), text_free)[0] for seed in (3, 4))
    assert torch.equal(one, other)


def test_only_the_context_changed_changes_the_latents():
    latents, context, windows = interaction_inputs()
    module = interaction()
    assert not torch.allclose(module(latents, context, windows), module(latents, context + 1, windows), atol=1e-3)


def test_interaction_without_its_output_map_is_the_identity():
    latents, context, windows = interaction_inputs()
    module = interaction()
    nn.init.zeros_(module.output[-1].weight)
    assert torch.equal(module(latents, context, windows), latents)


@pytest.mark.parametrize("latent", range(4))
def test_a_latent_reads_its_own_window_alone(latent):
    latents, context, windows = interaction_inputs()
    module = interaction()
    before = module(latents, context, windows)
    others = windows + noise(*windows.shape, seed=9)
    others[:, latent] = windows[:, latent]
    torch.testing.assert_close(module(latents, context, others)[:, latent], before[:, latent])
    own = windows.clone()
    own[:, latent] += noise(3, 4, WIDTH, seed=9)
    assert not torch.allclose(module(latents, context, own)[:, latent], before[:, latent], atol=1e-3)


def test_interaction_has_no_biases():
    linear = [layer for layer in interaction().modules() if isinstance(layer, nn.Linear)]
    assert linear and all(layer.bias is None for layer in linear)


def test_windows_stand_in_the_order_of_the_latents_that_are_their_maxima():
    decoder, grid = build(FUSION).decoder, noise(3, 16, WIDTH)
    image = grid.transpose(1, 2).unflatten(2, (4, 4))
    pooled = nn.functional.adaptive_max_pool2d(image, 2).flatten(2).transpose(1, 2)
    windows = decoder.windows(grid)
    torch.testing.assert_close(windows.amax(2), pooled)
    cells = nn.functional.unfold(image, 2, stride=2).unflatten(1, (WIDTH, 4)).permute(0, 3, 2, 1)
    torch.testing.assert_close(windows, cells)


@pytest.mark.parametrize("detach", [False, True])
def test_targets_are_moved_by_the_mapping_loss_unless_detached(detach):
    method = FUSION(detach_targets=detach)
    aux = {
        name: noise(2, 4, 8, seed=seed).requires_grad_()
        for seed, name in enumerate(["image", "text", "mapped_image", "mapped_text"])
    }
    method.loss(torch.zeros(2), torch.zeros(2), aux, 0).backward()
    assert (aux["image"].grad is None) is detach
    assert (aux["text"].grad is None) is detach
    assert aux["mapped_image"].grad is not None


def test_mapping_loss_has_the_original_weight():
    module, batch, target = build(FUSION), make_batch(), torch.zeros(5)
    logit, aux = module(batch)
    mapping = mapping_loss(aux["mapped_image"], aux["image"], aux["mapped_text"], aux["text"])
    with_mapping, without = (FUSION(mapping_weight=w).loss(logit, target, aux, 0) for w in (0.1, 0))
    assert FUSION().mapping_weight == 0.1
    torch.testing.assert_close(with_mapping - without, 0.1 * mapping)


def test_image_tokens_return_from_the_text_space():
    module, batch = build(FUSION), make_batch()
    _, aux = module(batch)
    image, text = module.adapter(batch)
    there = module.vision_to_text(*module.encoder(image, module.text_to_vision(text)))
    torch.testing.assert_close(aux["mapped_image"], module.text_to_vision(there[:, :16]))
    torch.testing.assert_close(aux["mapped_text"], there[:, 16:20])
    assert torch.equal(aux["image"], image) and torch.equal(aux["text"], text)


def test_collapse_of_the_tokens_would_be_seen():
    train, validation = MadeUp(30, 1), MadeUp(16, 2)
    method = FUSION(hidden=16, width=32, max_epochs=1).fit(train.x, train.y, validation.x, validation.y)
    assert method.facts_["image_token_variance"] > 0.01 < method.facts_["text_token_variance"]
    same = changed(train.x, ["text"], 1.0)
    method.fit(same, train.y, same[:16], train.y[:16])
    assert method.facts_["image_token_variance"] > 0.01 > method.facts_["text_token_variance"]


@pytest.mark.parametrize(
    ("parameters", "sizes"),
    [({"window": 3}, SIZES), ({}, {**SIZES, "image.tokens": (15, 24)}), ({"late": 0}, SIZES), ({"layers": 0}, SIZES)],
)
def test_impossible_sizes_are_named(parameters, sizes):
    with pytest.raises(StrokebenchError, match="fusion"):
        FUSION(**parameters).build(sizes)
