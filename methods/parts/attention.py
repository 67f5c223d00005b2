"""Attention over a handful of tokens, in the pre-norm form of the language models that are stood in for."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from strokebench.errors import StrokebenchError
from strokebench.methods.parts.layers import Dropout

FEW_KEYS = 8
"""Up to so many keys, weights are computed as their own transpose: PyTorch's softmax over 4 neighbours in memory
takes twenty times as long as over 4 rows."""


def divisor(heads: int, width: int) -> int:
    """`heads`, if tokens of this width can be split among so many.

    Raises:
        StrokebenchError: they cannot.
    """
    if width % heads:
        raise StrokebenchError(f"{heads} heads do not divide a width of {width}.", "Choose a divisor of the width.")
    return heads


class Attention(nn.Module):
    """Multi-head attention whose queries, keys and weights can be reached one by one.

    Args:
        width: of the tokens; a multiple of `heads`.
        bias: whether the four linear maps have one.
    """

    def __init__(self, width: int, heads: int, bias: bool = True) -> None:
        super().__init__()
        self.heads = divisor(heads, width)
        self.query = nn.Linear(width, width, bias=bias)
        self.key_value = nn.Linear(width, 2 * width, bias=bias)
        self.output = nn.Linear(width, width, bias=bias)

    def queries(self, x: Tensor) -> Tensor:
        """(b, rows, width) to (b, heads, rows, width / heads)."""
        return self.query(x).unflatten(2, (self.heads, -1)).transpose(1, 2)

    def keys_values(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Two of (b, heads, columns, width / heads)."""
        keys, values = self.key_value(context).unflatten(2, (2, self.heads, -1)).unbind(2)
        return keys.transpose(1, 2), values.transpose(1, 2)

    def attend(self, queries: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None = None) -> Tensor:
        """(b, rows, width): the values seen by each query; `bias` is added to the scores."""
        if queries.shape[2] == 1:
            seen = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=bias)
        else:
            # PyTorch's fused attention takes half as long again as this on a CPU, for so few and narrow tokens.
            seen = attention_weights(queries, keys, bias) @ values
        return self.merge(seen)

    def merge(self, seen: Tensor) -> Tensor:
        """(b, rows, width), from what each head has seen, (b, heads, rows, width / heads)."""
        return self.output(seen.transpose(1, 2).flatten(2))

    def forward(self, x: Tensor, context: Tensor, bias: Tensor | None = None) -> Tensor:
        """Attention from `x` (b, rows, width) to `context` (b, columns, width)."""
        return self.attend(self.queries(x), *self.keys_values(context), bias)

    def attend_once(self, x: Tensor, context: Tensor) -> Tensor:
        """`forward` for one query each, x (b, width), and few keys: (b, width)."""
        queries = self.query(x).unflatten(1, (1, self.heads, -1))
        keys, values = self.key_value(context).unflatten(2, (2, self.heads, -1)).unbind(2)
        return self.output(attend_by_element(queries, keys, values).squeeze(1))


def attention_weights(queries: Tensor, keys: Tensor, bias: Tensor | None = None) -> Tensor:
    """Softmax weights (b, heads, rows, columns); each row sums to 1."""
    # The queries are smaller than the scores.
    queries = queries * queries.shape[-1] ** -0.5
    if bias is None and keys.shape[-2] <= FEW_KEYS < queries.shape[-2]:
        return (keys @ queries.mT).softmax(-2).mT
    scores = queries @ keys.mT
    return (scores if bias is None else scores + bias).softmax(-1)


def attend_by_element(queries: Tensor, keys: Tensor, values: Tensor, dropout: nn.Module | None = None) -> Tensor:
    """What few queries see of few keys, (b, rows, width), without matrix products.

    Works in the layout in which linear maps give their results, which spares a product for each head its copies:
    half the time of PyTorch's fused attention for one query and 4 keys, a third of the products' for 2 and 2, no
    less for 20.

    Args:
        queries: (b, rows, heads, width / heads). keys, values: (b, columns, heads, width / heads).
        dropout: on the weights.
    """
    scores = ((queries * queries.shape[-1] ** -0.5).unsqueeze(2) * keys.unsqueeze(1)).sum(4)
    weights = scores.softmax(2)
    if dropout is not None:
        # Its random numbers are for (b, heads, rows, columns), as in PyTorch's layer.
        weights = dropout(weights.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    return (weights.unsqueeze(4) * values.unsqueeze(1)).sum(2).flatten(2)


def causal(rows: int) -> Tensor:
    """Additive bias (rows, rows) by which a token sees itself and the tokens before it."""
    return blocked(torch.ones(rows, rows, dtype=torch.bool).triu(1))


def blocked(hidden: Tensor) -> Tensor:
    """Additive bias of any shape that hides a key from a query wherever `hidden` is true."""
    return torch.zeros(hidden.shape).masked_fill(hidden, -1e9)


class PostNormBlock(nn.Module):
    """`torch.nn.TransformerEncoderLayer` of a joint encoder, at less cost: one map to queries, keys and values,
    and the cheap dropout. Weights are drawn as PyTorch draws them; equal to it, which a test holds.

    Args:
        width: of the tokens; a multiple of `heads`.
        inner: width of the ReLU feed-forward.
        dropout: on the attention weights, inside the feed-forward, and on what each of the two adds.
    """

    def __init__(self, width: int, heads: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.heads = divisor(heads, width)
        self.attended = nn.Linear(width, width)
        nn.init.zeros_(self.attended.bias)
        # No `nn.Linear`, which would draw weights of its own first.
        self.input_weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(3 * width, width)))
        self.input_bias = nn.Parameter(torch.zeros(3 * width))
        self.feed_forward = nn.Sequential(nn.Linear(width, inner), nn.ReLU(), Dropout(dropout), nn.Linear(inner, width))
        self.norm_attention = nn.LayerNorm(width)
        self.norm_feed_forward = nn.LayerNorm(width)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(b, tokens, width) to the same."""
        mapped = functional.linear(x, self.input_weight, self.input_bias)
        queries, keys, values = mapped.unflatten(2, (3, self.heads, -1)).unbind(2)
        # VDAFM has two tokens.
        seen = attend_by_element(queries, keys, values, self.dropout)
        x = self.norm_attention(x + self.dropout(self.attended(seen)))
        return self.norm_feed_forward(x + self.dropout(self.feed_forward(x)))


class Block(nn.Module):
    """Pre-norm transformer block: attention, then a GELU feed-forward of twice the width, each added.

    Args:
        dropout: on what each of the two adds.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.norm_feed_forward = nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, bias: Tensor | None = None, rows: Tensor | None = None) -> Tensor:
        """(b, tokens, width) to the same, or to the given `rows` alone, which spares the others' cost.

        Args:
            bias: additive, (tokens or len(rows), tokens).
            rows: token numbers whose output is wanted; all tokens stay keys.
        """
        normal = self.norm_attention(x)
        if rows is None:
            return self.add(x, self.attention(normal, normal, bias))
        return self.add(x[:, rows], self.attention(normal[:, rows], normal, bias))

    def add(self, x: Tensor, attended: Tensor) -> Tensor:
        """The residual form: `x` (b, tokens, width) plus what attention brought, then plus the feed-forward."""
        x = x + self.dropout(attended)
        return x + self.dropout(self.feed_forward(self.norm_feed_forward(x)))
