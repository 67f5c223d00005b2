"""Cross-attention: the plainest fusion that lets two modalities look at each other."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from strokebench.methods.base import Trial
from strokebench.methods.parts.attention import Attention
from strokebench.methods.parts.layers import Head
from strokebench.methods.parts.tokens import TokenAdapter, TokenMethod, token_space
from strokebench.methods.registry import register
from strokebench.methods.training.batch import Aux, Batch
from strokebench.tasks.inputs import Sizes


@register
@dataclass(kw_only=True, eq=False, repr=False)
class CrossAttention(TokenMethod):
    """Image and text tokens attend to each other, are averaged, and meet the table at the head.

    Source: the paper's attention row, section 4.3, which gives the idea and no settings; attention between modalities
    is common property since Vaswani et al. 2017.

    Ours: one attention each way, added to the tokens that asked and normalised; tokens, their width and 8 heads; no
    feed-forward layer and no dropout on the weights.

    Args:
        hidden, width, heads, dropout: see `TokenMethod`.
    """

    name = "cross_attention"
    label = "Cross-attention"
    paper_row = 8

    def build(self, sizes: Sizes) -> nn.Module:
        return CrossAttentionNetwork(sizes, self)

    @staticmethod
    def search_space(trial: Trial) -> dict[str, Any]:
        return {**token_space(trial), "heads": trial.suggest_categorical("heads", [4, 8, 16])}


class CrossAttentionNetwork(nn.Module):
    """Adapter, two attentions, head."""

    def __init__(self, sizes: Sizes, settings: CrossAttention) -> None:
        super().__init__()
        width = settings.width
        self.adapter = TokenAdapter(sizes, settings.hidden, width, settings.dropout)
        self.image_to_text = Attention(width, settings.heads)
        self.text_to_image = Attention(width, settings.heads)
        self.norm_image = nn.LayerNorm(width)
        self.norm_text = nn.LayerNorm(width)
        self.head = Head(2 * width + sizes["table"][0], settings.dropout, settings.endpoint.outputs)

    def forward(self, batch: Batch) -> tuple[Tensor, Aux]:
        """Logits (b,)."""
        image, text = self.adapter(batch)
        seeing_text = self.norm_image(image + self.image_to_text(image, text))
        seeing_image = self.norm_text(text + self.text_to_image(text, image))
        fused = torch.cat([seeing_text.mean(1), seeing_image.mean(1)], dim=1)
        return self.head(fused, batch["table"]), {}
