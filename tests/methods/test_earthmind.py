import math

import pytest
import torch
from small_network import SIZES, build, make_batch, noise

from strokebench.errors import StrokebenchError
from strokebench.methods.earthmind import EarthMind, MutualAttention, attention_divergence, relevance

TARGET = torch.zeros(5)


def mutual(queries: int = 2) -> MutualAttention:
    torch.manual_seed(0)
    return MutualAttention(32, queries)


def test_weights_of_modalities_sum_to_one_and_of_tokens_lie_between():
    of_image, of_text, modality = mutual()(noise(5, 16, 32), noise(5, 4, 32, seed=1))
    torch.testing.assert_close(modality.sum(1), torch.ones(5))
    for weights, tokens in ((of_image, 16), (of_text, 4)):
        assert weights.shape == (5, tokens)
        assert ((weights > 0) & (weights < 1)).all()


def test_without_a_query_every_weight_is_a_half():
    module = mutual()
    torch.nn.init.zeros_(module.query)
    for weights in module(noise(5, 16, 32), noise(5, 4, 32, seed=1)):
        assert (weights == 0.5).all()


def test_attention_is_mutual():
    module, image, text = mutual(), noise(5, 16, 32), noise(5, 4, 32, seed=1)
    before = module(image, text)
    other_text, other_image = module(image, text + noise(5, 4, 32, seed=2)), module(image + noise(5, 16, 32), text)
    assert not torch.allclose(before[0], other_text[0], atol=1e-3)
    assert not torch.allclose(before[1], other_image[1], atol=1e-3)


def test_scores_are_the_trilinear_form_with_the_pooled_partner():
    module, image, text = mutual(3), noise(2, 16, 32), noise(2, 4, 32, seed=1)
    expected = torch.zeros(2, 16)
    for patient in range(2):
        for query in module.query:
            share = torch.softmax(text[patient] @ query / math.sqrt(32), 0)
            summary = share @ text[patient]
            for token in range(16):
                expected[patient, token] += ((query * image[patient, token]) @ summary) / (3 * math.sqrt(32))
    torch.testing.assert_close(module.scores(image, text), expected, rtol=1e-4, atol=1e-5)


def test_queries_are_drawn_from_the_standard_normal():
    query = MutualAttention(4096, 2).query
    assert abs(query.mean()) < 0.05 and abs(query.std() - 1) < 0.05


def test_divergence_is_zero_for_the_target_itself_and_positive_otherwise():
    target = torch.softmax(noise(5, 16), 1)
    assert abs(attention_divergence(target, target)) < 1e-3
    other = torch.softmax(noise(5, 16, seed=1), 1)
    assert attention_divergence(other, target) > 0.1
    by_hand = (target * (target / other).log()).sum(1).mean()
    torch.testing.assert_close(attention_divergence(other, target), by_hand, atol=1e-3, rtol=0)


def test_target_sums_to_one_points_at_what_is_like_the_text_and_gives_no_gradient():
    image, text = noise(5, 16, 32).requires_grad_(), noise(5, 4, 32, seed=1).requires_grad_()
    with torch.no_grad():
        image[:, 7] = 3 * text.mean(1)
    target = relevance(image, text, 0.1)
    torch.testing.assert_close(target.sum(1), torch.ones(5))
    assert (target.argmax(1) == 7).all()
    assert not target.requires_grad


def test_prompt_attention_is_renormalised_over_the_image():
    _, aux = build(EarthMind)(make_batch())
    assert aux["attention"].shape == (5, 16)
    torch.testing.assert_close(aux["attention"].sum(1), torch.ones(5))


def test_prompt_attention_is_that_of_the_last_block():
    module, batch = build(EarthMind, layers=2), make_batch()
    seen = []
    module.blocks[-1].norm_attention.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    _, aux = module(batch)
    attention = module.blocks[-1].attention
    theirs = torch.nn.MultiheadAttention(32, 8, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([attention.query.weight, attention.key_value.weight]))
        theirs.in_proj_bias.copy_(torch.cat([attention.query.bias, attention.key_value.bias]))
    normal = module.blocks[-1].norm_attention(seen[0])
    _, weights = theirs(normal, normal, normal)
    row = weights[:, -1, :16]
    torch.testing.assert_close(aux["attention"], row / row.sum(1, keepdim=True))


def test_the_head_reads_the_prompt_token():
    module, seen = build(EarthMind, layers=1), []
    module.last_block = lambda x: (x, torch.full(x.shape[:2], 0.1))
    module.output.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    module(make_batch())
    torch.testing.assert_close(seen[0][:, :32], module.prompt[0].expand(5, -1))


def losses(batch, **parameters):
    method, module = EarthMind(**parameters), build(EarthMind, **parameters)
    logit, aux = module(batch)
    plain = torch.nn.functional.binary_cross_entropy_with_logits(logit, TARGET)
    return method.loss(logit, TARGET, aux, 0) - plain, aux


def test_losses_are_weighted_as_told():
    batch = make_batch()
    attention, aux = losses(batch, align="off")
    divergence = attention_divergence(aux["attention"], aux["relevance"])
    torch.testing.assert_close(attention, 0.1 * divergence)
    assert losses(batch, align="off", sap="off")[0] == 0
    both, alignment = losses(batch)[0], losses(batch, sap="off")[0]
    torch.testing.assert_close(both, attention + alignment)
    torch.testing.assert_close(losses(batch, sap="off", align_weight=0.4)[0], 2 * alignment)


def test_alignment_of_equal_patients_is_the_logarithm_of_the_batch():
    batch = make_batch(1)
    equal = {name: part.repeat(5, *[1] * (part.ndim - 1)) for name, part in batch.items()}
    alignment, _ = losses({**equal, "source": torch.arange(5)}, sap="off")
    assert alignment.item() == pytest.approx(0.2 * math.log(5), abs=1e-5)


def test_alignment_may_be_the_released_squared_distance():
    alignment, aux = losses(make_batch(), sap="off", align="mse", align_weight=1.0)
    torch.testing.assert_close(alignment, (aux["aligned_image"] - aux["aligned_text"]).square().mean())


def test_modality_weights_reach_the_output():
    module, batch = build(EarthMind), make_batch()
    logit, aux = module(batch)
    assert aux["modality_weights"].shape == (5, 2)
    with torch.no_grad():
        module.mutual.query.mul_(3)
    assert not torch.allclose(logit, module(batch)[0], atol=1e-5)


@pytest.mark.parametrize("option", ["align", "sap"])
def test_unknown_option_is_named(option):
    with pytest.raises(StrokebenchError, match="sideways"):
        EarthMind(**{option: "sideways"}).build(SIZES)
