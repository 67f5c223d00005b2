import torch
from small_network import build, make_batch, noise

from strokebench.methods.cross_attention import CrossAttention


def pooled(module, batch):
    """What enters the head."""
    seen = []
    module.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    module(batch)
    return seen[-1].chunk(2, dim=1)


def test_each_modality_sees_the_other():
    module, batch = build(CrossAttention), make_batch()
    image, text = pooled(module, batch)
    image_after, _ = pooled(module, {**batch, "text": batch["text"] + noise(*batch["text"].shape)})
    _, text_after = pooled(
        module, {**batch, "image.tokens": batch["image.tokens"] + noise(*batch["image.tokens"].shape)}
    )
    assert not torch.allclose(image, image_after, atol=1e-4)
    assert not torch.allclose(text, text_after, atol=1e-4)


def test_attention_chooses_among_tokens():
    # With one key the softmax is 1 whatever the query: tokens are what makes this attention.
    module, batch = build(CrossAttention), make_batch()
    with torch.no_grad():
        module.image_to_text.query.weight.mul_(5)
    image, _ = pooled(module, batch)
    with torch.no_grad():
        module.image_to_text.query.weight.mul_(-1)
    assert not torch.allclose(image, pooled(module, batch)[0], atol=1e-4)


def test_table_joins_at_the_head_alone():
    module, batch = build(CrossAttention), make_batch()
    changed = {**batch, "table": batch["table"] + 1}
    for before, after in zip(pooled(module, batch), pooled(module, changed), strict=True):
        assert torch.equal(before, after)
    assert not torch.equal(module(batch)[0], module(changed)[0])
