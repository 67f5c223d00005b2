import pytest
import torch
from small_network import noise
from torch import nn
from torch.autograd import grad

from strokebench.methods.parts.attention import Attention, Block, PostNormBlock, attention_weights, blocked, causal


def torch_attention(ours: Attention, width: int, heads: int) -> nn.MultiheadAttention:
    theirs = nn.MultiheadAttention(width, heads, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key_value.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key_value.bias]))
    theirs.out_proj = ours.output
    return theirs


def test_attention_and_its_weights_are_torchs():
    attention = Attention(32, 4)
    x, context, bias = noise(3, 5, 32), noise(3, 7, 32, seed=1), noise(5, 7, seed=2)
    seen, weights = torch_attention(attention, 32, 4)(x, context, context, attn_mask=bias, average_attn_weights=False)
    torch.testing.assert_close(attention(x, context, bias), seen)
    keys, _ = attention.keys_values(context)
    torch.testing.assert_close(attention_weights(attention.queries(x), keys, bias), weights)


@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("columns", [1, 4, 8, 9])
def test_weights_and_gradients_are_the_same_however_few_keys_there_are(columns, with_bias):
    queries, keys = noise(2, 3, 12, 8).requires_grad_(), noise(2, 3, columns, 8, seed=1).requires_grad_()
    bias = noise(12, columns, seed=3) if with_bias else None
    wanted = (queries @ keys.mT / 8**0.5 + (0 if bias is None else bias)).softmax(3)
    weights = attention_weights(queries, keys, bias)
    torch.testing.assert_close(weights, wanted)
    target = noise(2, 3, 12, columns, seed=2)
    for one, other in zip(*(grad((w * target).sum(), (queries, keys)) for w in (weights, wanted)), strict=True):
        torch.testing.assert_close(one, other)


def test_attending_once_is_attending_with_one_query():
    attention = Attention(32, 4, bias=False)
    x, context = noise(6, 32), noise(6, 5, 32, seed=1)
    torch.testing.assert_close(attention.attend_once(x, context), attention(x.unsqueeze(1), context).squeeze(1))


def test_causal_bias_hides_what_comes_later():
    weights = attention_weights(noise(1, 1, 4, 8), noise(1, 1, 4, 8), causal(4))
    assert (weights[0, 0].triu(1) == 0).all()
    torch.testing.assert_close(weights.sum(3), torch.ones(1, 1, 4))


def test_block_gives_wanted_rows_as_it_gives_all():
    block = Block(32, 4, 0.1).eval()
    x, rows = noise(3, 6, 32), torch.tensor([1, 5])
    bias = blocked(torch.zeros(6, 6, dtype=torch.bool).index_fill_(1, torch.tensor([2]), True))
    torch.testing.assert_close(block(x, bias[rows], rows), block(x, bias)[:, rows])


def test_pre_norm_block_is_torchs_encoder_layer():
    ours, x = Block(32, 4, dropout=0.0), noise(3, 5, 32)
    theirs = nn.TransformerEncoderLayer(32, 4, 64, 0.0, "gelu", batch_first=True, norm_first=True)
    theirs.self_attn = torch_attention(ours.attention, 32, 4)
    theirs.norm1, theirs.norm2 = ours.norm_attention, ours.norm_feed_forward
    theirs.linear1, theirs.linear2 = ours.feed_forward[0], ours.feed_forward[2]
    torch.testing.assert_close(ours(x), theirs(x))


def test_post_norm_block_is_torchs_encoder_layer():
    torch.manual_seed(5)
    theirs = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True)
    torch.manual_seed(5)
    ours = PostNormBlock(32, 4, 64, dropout=0.0)
    x = noise(3, 5, 32)
    inputs = [x.clone().requires_grad_() for _ in range(2)]
    outputs = [block.train()(each) for block, each in zip((ours, theirs), inputs, strict=True)]
    torch.testing.assert_close(*outputs)
    for output in outputs:
        (output**2).sum().backward()
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(ours.input_weight.grad, theirs.self_attn.in_proj_weight.grad)
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in theirs.parameters())
