"""EarthMind, adapted from pairs of satellite sensors to image and text."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from strokebench.methods.base import Trial
from strokebench.methods.parts.attention import Block, attention_weights
from strokebench.methods.parts.layers import Head, contrastive
from strokebench.methods.parts.tokens import TokenAdapter, TokenMethod, token_space
from strokebench.methods.registry import register
from strokebench.methods.training.batch import Aux, Batch, Epoch
from strokebench.tasks.inputs import Sizes

FLOOR = 1e-6
"""Added to attention before its logarithm, as the original does."""


@register
@dataclass(kw_only=True, eq=False, repr=False)
class EarthMind(TokenMethod):
    """Image and text weigh each other, token by token and as a whole, and a prompt's attention is supervised.

    Source: arXiv 2506.01667 and its released code; the paper's row of that name.

    Original: a language model over the tokens of two co-registered satellite sensors. The sensors are
    aligned by a loss, weighted by mutual attention, and the attention of a segmentation token is pulled
    towards the object's mask by a KL divergence of weight 0.1.

    Kept: alignment before fusion, learned queries that compare each token with the other modality, sigmoid
    weights of tokens, the segmentation token's attention supervised by KL with its weight.

    Ours: text in place of the second sensor, compared through a pooled summary, since a sentence has no
    place in space; softmax weights of the modalities, which the release lacks; one transformer block for
    the language model; alignment by InfoNCE with VDAFM's weight 0.2; attention renormalised over the image
    tokens, without which the KL could not reach 0; its target is the image tokens' likeness to the text.

    Lost: the language model, the mask decoder, co-registration, and the masks: no method here sees a
    lesion mask, so that the attention's target comes from the network itself.

    Args:
        hidden, width, heads, dropout: see `TokenMethod`.
        layers: blocks of the joint encoder. block_dropout: inside them.
        queries: learned queries of the mutual attention (the release has 2).
        align: loss between the modalities' means: `infonce`, `mse` (which the release takes, token by token) or `off`.
        align_weight, align_width, temperature: its weight, the width it compares in, InfoNCE's temperature.
        sap: target of the prompt's attention: `text` (likeness to the text) or `off`.
        sap_weight, sap_temperature: weight of the KL (original: 0.1); temperature of its target.
    """

    name = "earthmind"
    label = "EarthMind"
    paper_row = 9
    reads = ("image.vector", "image.tokens", "text", "table", "source")

    layers: int = 1
    block_dropout: float = 0.1
    queries: int = 2
    align: str = "infonce"
    align_weight: float = 0.2
    align_width: int = 128
    temperature: float = 0.07
    sap: str = "text"
    sap_weight: float = 0.1
    sap_temperature: float = 0.1

    def build(self, sizes: Sizes) -> nn.Module:
        self.refuse_unless("align", ALIGNMENTS)
        self.refuse_unless("sap", ("text", "off"))
        return EarthMindNetwork(sizes, self)

    def loss(self, logit: Tensor, target: Tensor, aux: Aux, epoch: Epoch) -> Tensor:
        """Cross-entropy of logits (b,), plus the weighted alignment and attention losses that are switched on."""
        total = self.endpoint.loss(logit, target)
        if align := ALIGNMENTS[self.align]:
            alignment = align(aux["aligned_image"], aux["aligned_text"], self.temperature, aux["source"])
            total = total + self.align_weight * alignment
        if self.sap != "off":
            total = total + self.sap_weight * attention_divergence(aux["attention"], aux["relevance"])
        return total

    @staticmethod
    def search_space(trial: Trial) -> dict[str, Any]:
        return {
            **token_space(trial),
            "layers": trial.suggest_int("layers", 1, 2),
            "align_weight": trial.suggest_categorical("align_weight", [0.05, 0.1, 0.2, 0.5]),
            "sap_weight": trial.suggest_categorical("sap_weight", [0.05, 0.1, 0.2, 0.5]),
        }


class EarthMindNetwork(nn.Module):
    """Adapter, mutual attention, joint encoder with the prompt token, head."""

    def __init__(self, sizes: Sizes, settings: EarthMind) -> None:
        super().__init__()
        width = settings.width
        self.sap_temperature = settings.sap_temperature
        self.adapter = TokenAdapter(sizes, settings.hidden, width, settings.dropout)
        self.align_image = nn.Linear(width, settings.align_width)
        self.align_text = nn.Linear(width, settings.align_width)
        self.mutual = MutualAttention(width, settings.queries)
        self.prompt = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.blocks = nn.ModuleList(
            Block(width, settings.heads, settings.block_dropout) for _ in range(settings.layers)
        )
        self.output = nn.Linear(2 * width, width)
        self.head = Head(width + sizes["table"][0], settings.dropout, settings.endpoint.outputs)

    def forward(self, batch: Batch) -> tuple[Tensor, Aux]:
        """Logits (b,), and what the losses compare.

        The second value holds the aligned means (b, align_width), `token_weights` (b, image tokens), `source` (b,),
        `modality_weights` (b, 2), and `attention` and `relevance` (b, image tokens), whose rows sum to 1.
        """
        image, text = self.adapter(batch)
        places = image.shape[1]
        weight_image, weight_text, modality = self.mutual(image, text)
        x = torch.cat(
            [
                weight_image.unsqueeze(2) * image,
                weight_text.unsqueeze(2) * text,
                self.prompt.expand(len(image), 1, -1),
            ],
            dim=1,
        )
        for block in self.blocks[:-1]:
            x = block(x)
        x, attention = self.last_block(x)
        seen = attention[:, :places]
        means = torch.stack([x[:, :places].mean(1), x[:, places:-1].mean(1)], dim=1)
        fused = torch.cat([x[:, -1], (modality.unsqueeze(2) * means).sum(1)], dim=1)
        aux = {
            "aligned_image": self.align_image(image.mean(1)),
            "aligned_text": self.align_text(text.mean(1)),
            "token_weights": weight_image,
            "modality_weights": modality,
            "attention": seen / seen.sum(1, keepdim=True),
            "relevance": relevance(image, text, self.sap_temperature),
            "source": batch["source"],
        }
        return self.head(functional.relu(self.output(fused)), batch["table"]), aux

    def last_block(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The last block, and the prompt token's attention (b, tokens) in it, averaged over heads."""
        block = cast(Block, self.blocks[-1])
        normal = block.norm_attention(x)
        queries = block.attention.queries(normal)
        keys, values = block.attention.keys_values(normal)
        weights = attention_weights(queries, keys)
        return block.add(x, block.attention.merge(weights @ values)), weights[:, :, -1].mean(1)


class MutualAttention(nn.Module):
    """Weights of tokens and of modalities, each from what the other modality holds.

    Args:
        width: of the tokens.
        queries: learned, drawn from N(0, 1) as in the release.
    """

    def __init__(self, width: int, queries: int) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.randn(queries, width))

    def forward(self, image: Tensor, text: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Token weights in (0, 1), (b, image tokens) and (b, text tokens), and modality weights (b, 2)."""
        of_image, of_text = self.scores(image, text), self.scores(text, image)
        modality = torch.stack([of_image.mean(1), of_text.mean(1)], dim=1).softmax(1)
        return torch.sigmoid(of_image), torch.sigmoid(of_text), modality

    def scores(self, own: Tensor, other: Tensor) -> Tensor:
        """Likeness (b, own tokens) of each token to the other modality's summary, through each query."""
        count, width = self.query.shape
        pooling = (other @ self.query.T / width**0.5).softmax(1)
        summary = pooling.transpose(1, 2) @ other
        probe = (self.query * summary).sum(1) / (count * width**0.5)
        return (own @ probe.unsqueeze(2)).squeeze(2)


def relevance(image: Tensor, text: Tensor, temperature: float) -> Tensor:
    """How like the mean text each image token is, (b, image tokens), rows sum to 1; without gradient."""
    with torch.no_grad():
        likeness = functional.cosine_similarity(image, text.mean(1, keepdim=True), dim=2)
        return (likeness / temperature).softmax(1)


def attention_divergence(attention: Tensor, target: Tensor) -> Tensor:
    """KL(target || attention), averaged over patients; both (b, image tokens) with rows that sum to 1."""
    # `kl_div` would be computed run by run in a stack of runs.
    return (torch.xlogy(target, target) - target * (attention + FLOOR).log()).sum(1).mean()


ALIGNMENTS: dict[str, Callable[[Tensor, Tensor, float, Tensor], Tensor] | None] = {
    "infonce": contrastive,
    "mse": lambda a, b, temperature, source: functional.mse_loss(a, b),
    "off": None,
}
