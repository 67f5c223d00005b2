"""FUSION, adapted from visual question answering to prognosis."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from strokebench.errors import StrokebenchError
from strokebench.methods.base import Trial
from strokebench.methods.parts.attention import Attention, Block, blocked, causal
from strokebench.methods.parts.layers import Head
from strokebench.methods.parts.tokens import TokenAdapter, TokenMethod, token_space
from strokebench.methods.registry import register
from strokebench.methods.training.batch import Aux, Batch, Epoch
from strokebench.tasks.inputs import Sizes


@register
@dataclass(kw_only=True, eq=False, repr=False)
class FUSION(TokenMethod):
    """Text joins the image in its encoder, and latents look at the image again after every decoder block.

    Source: arXiv 2504.09925 and its released code; the paper's row of that name.

    Original: a question is mapped into the vision encoder and encoded with the image patches, hidden from
    them in the early layers; a loss holds the maps between the two spaces together; while the language
    model decodes, latent tokens are rewritten again and again from windows of the image, asked by the
    question.

    Kept: the early and late encoding, the connector of three depths, the two maps and their cosine loss of
    weight 0.1, latents pooled from the image encoded without text and rewritten between blocks.

    Ours: one early and one late block, two decoder blocks, each followed by a rewriting (every third of them in the
    original), 8 heads, 4 latents with windows of 2 x 2 (3 x 3 in the original), which go to keys and values without a
    map before, dropout. Text is hidden from the image in the early block, which the release means to do but misses by
    an index.

    Lost: the question, for which the diagnostic text stands in, itself written from the image; encoding of
    pixels, since the image encoder is frozen and text cannot reach it; a number of latents drawn anew
    each step.

    `facts_` holds how far image and text tokens vary between patients: near 0 they have collapsed.

    Args:
        hidden, width, heads, dropout: see `TokenMethod`.
        early, late: encoder blocks without and with text seen by the image.
        layers: decoder blocks, each followed by an interaction.
        window: side of a latent's window on the grid; divides its side.
        mapping_weight: weight of the mapping loss (original: 0.1).
        detach_targets: keep the mapping loss from moving its own targets, which are trained here and could
            collapse to one point; False as in the original.
        block_dropout: inside the blocks.
    """

    name = "fusion"
    label = "FUSION"
    paper_row = 10

    early: int = 1
    late: int = 1
    layers: int = 2
    window: int = 2
    mapping_weight: float = 0.1
    detach_targets: bool = False
    block_dropout: float = 0.1

    def build(self, sizes: Sizes) -> nn.Module:
        if self.late < 1 or self.layers < 1:
            raise StrokebenchError("fusion: late and layers are at least 1.", "Give 1 or more blocks of each.")
        return FUSIONNetwork(sizes, self)

    @torch.inference_mode()
    def after_training(self, module: nn.Module, batches: Iterator[Batch]) -> dict[str, float]:
        assert isinstance(module, FUSIONNetwork)
        tokens = zip(*(module.adapter(batch) for batch in batches), strict=True)
        spread = {
            f"{name}_token_variance": float(torch.cat(parts).var(dim=0, unbiased=False).mean())
            for name, parts in zip(("image", "text"), tokens, strict=True)
        }
        return {**super().after_training(module, batches), **spread}

    def loss(self, logit: Tensor, target: Tensor, aux: Aux, epoch: Epoch) -> Tensor:
        """Cross-entropy of logits (b,) plus the weighted mapping loss."""
        total = self.endpoint.loss(logit, target)
        if not self.mapping_weight:
            return total
        image, text = aux["image"], aux["text"]
        if self.detach_targets:
            image, text = image.detach(), text.detach()
        mapping = mapping_loss(aux["mapped_image"], image, aux["mapped_text"], text)
        return total + self.mapping_weight * mapping

    @staticmethod
    def search_space(trial: Trial) -> dict[str, Any]:
        return {
            **token_space(trial),
            "layers": trial.suggest_int("layers", 1, 3),
            "mapping_weight": trial.suggest_categorical("mapping_weight", [0.05, 0.1, 0.2, 0.5]),
            "detach_targets": trial.suggest_categorical("detach_targets", [False, True]),
        }


class FUSIONNetwork(nn.Module):
    """Adapter, text-guided encoder, decoder with recursive interactions, head."""

    def __init__(self, sizes: Sizes, settings: FUSION) -> None:
        super().__init__()
        width = settings.width
        self.adapter = TokenAdapter(sizes, settings.hidden, width, settings.dropout)
        side = isqrt(self.adapter.image_tokens)
        if side**2 != self.adapter.image_tokens or side % settings.window:
            raise StrokebenchError(
                f"fusion: windows of side {settings.window} do not tile {self.adapter.image_tokens} tokens.",
                "Choose a window that divides the side of a square grid.",
            )
        self.text_to_vision = projector(width, width)
        self.encoder = TextGuidedEncoder(self.adapter.image_tokens, self.adapter.text_tokens, settings)
        self.vision_to_text = Connector(width)
        self.decoder = RecursiveDecoder(side, self.adapter.text_tokens, settings)
        self.output = nn.Linear(2 * width, width)
        self.head = Head(width + sizes["table"][0], settings.dropout, settings.endpoint.outputs)

    def forward(self, batch: Batch) -> tuple[Tensor, Aux]:
        """Logits (b,), and the tokens (b, tokens, width) that the mapping loss compares."""
        image, text = self.adapter(batch)
        encoded = self.vision_to_text(*self.encoder(image, self.text_to_vision(text)))
        places, words = image.shape[1], text.shape[1]
        image_as_text, mapped_text, text_free = encoded.split([places, words, places], dim=1)
        latents, last = self.decoder(image_as_text, text, text_free)
        fused = torch.cat([latents.mean(1), last], dim=1)
        aux = {
            "image": image,
            "text": text,
            "mapped_image": self.text_to_vision(image_as_text),
            "mapped_text": mapped_text,
        }
        return self.head(functional.relu(self.output(fused)), batch["table"]), aux


class TextGuidedEncoder(nn.Module):
    """Image tokens encoded with text tokens and, for the latents, without them.

    The image cannot see the text in the early blocks, so both readings share those.
    """

    early_bias: Tensor

    def __init__(self, places: int, words: int, settings: FUSION) -> None:
        super().__init__()
        self.places = places
        blocks = [
            Block(settings.width, settings.heads, settings.block_dropout) for _ in range(settings.early + settings.late)
        ]
        self.early = nn.ModuleList(blocks[: settings.early])
        self.late = nn.ModuleList(blocks[settings.early :])
        hidden = torch.zeros(places + words, places + words, dtype=torch.bool)
        hidden[:places, places:] = True
        self.register_buffer("early_bias", blocked(hidden), persistent=False)

    def forward(self, image: Tensor, text: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The connector's three depths, the first and the last of them (b, image + text + text-free image, width).

        They are the last block's tokens, the mean over input and early blocks, (b, image + text, width), which
        is the same with and without text, and the mean over late ones.
        """
        early = [torch.cat([image, text], dim=1)]
        for block in self.early:
            early.append(block(early[-1], self.early_bias))
        first, *others = self.late
        assert isinstance(first, Block)
        last, deep = [], []
        for reading in self.both(first, early[-1]):
            late = [reading]
            for block in others:
                late.append(block(late[-1]))
            last.append(late[-1])
            deep.append(_mean(late))
        joined = torch.cat(last, dim=1)
        return joined, _mean(early), torch.cat(deep, dim=1) if others else joined

    def both(self, block: Block, x: Tensor) -> Iterator[Tensor]:
        """What `block` makes of tokens (b, tokens, width), all and the image's alone: each asks and offers the same."""
        normal = block.norm_attention(x)
        queries = block.attention.queries(normal)
        keys, values = block.attention.keys_values(normal)
        for tokens in (slice(None), slice(self.places)):
            seen = block.attention.attend(queries[:, :, tokens], keys[:, :, tokens], values[:, :, tokens])
            yield block.add(x[:, tokens], seen)


class Connector(nn.Module):
    """The encoder's three depths side by side, mapped into the text's space (Linear, GELU, Linear).

    A linear map of things side by side is the sum of its parts' maps, so nothing is put there, and what both
    readings share is mapped once.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = projector(3 * width, width)

    def forward(self, last: Tensor, shallow: Tensor, deep: Tensor) -> Tensor:
        """(b, image + text + text-free image, width), from what the encoder gives."""
        joint, activation, linear = self.layers
        assert isinstance(joint, nn.Linear)
        of_last, of_shallow, of_deep = joint.weight.chunk(3, dim=1)
        shallow = functional.linear(shallow, of_shallow, joint.bias)
        # With one late block the last tokens are the mean over late ones.
        mapped = functional.linear(last, of_last + of_deep if deep is last else of_last)
        if deep is not last:
            mapped = mapped + functional.linear(deep, of_deep)
        text_free = last.shape[1] - shallow.shape[1]
        return linear(activation(mapped + torch.cat([shallow, shallow[:, :text_free]], dim=1)))


class RecursiveDecoder(nn.Module):
    """Causal blocks over image, latents and text; after each, the latents are rewritten from the image."""

    kept: Tensor
    bias: Tensor

    def __init__(self, side: int, words: int, settings: FUSION) -> None:
        super().__init__()
        self.side, self.window = side, settings.window
        self.places = side**2
        self.latents = (side // settings.window) ** 2
        width = settings.width
        self.blocks = nn.ModuleList(
            Block(width, settings.heads, settings.block_dropout) for _ in range(settings.layers)
        )
        self.interactions = nn.ModuleList(Interaction(width, settings.heads) for _ in self.blocks)
        tokens = self.places + self.latents + words
        latent_rows = torch.arange(self.places, self.places + self.latents)
        # The last block's other tokens would be thrown away.
        kept = torch.cat([latent_rows, torch.tensor([tokens - 1])])
        self.register_buffer("kept", kept, persistent=False)
        self.register_buffer("bias", causal(tokens), persistent=False)

    def forward(self, image: Tensor, text: Tensor, text_free: Tensor) -> tuple[Tensor, Tensor]:
        """The latents (b, latents, width) and the last text token (b, width), both after the last block."""
        trace = self.trace(image, text, text_free)
        return trace[-1]

    def trace(self, image: Tensor, text: Tensor, text_free: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Latents (b, latents, width) and last text token (b, width) after each block and its interaction."""
        windows = self.windows(text_free)
        x = torch.cat([image, windows.amax(2), text], dim=1)
        steps = []
        for number, (block, interact) in enumerate(zip(self.blocks, self.interactions, strict=True)):
            if number < len(self.blocks) - 1:
                x = block(x, self.bias)
                before, latents, after = x.split([self.places, self.latents, text.shape[1]], dim=1)
                latents = interact(latents, x[:, -1], windows)
                x = torch.cat([before, latents, after], dim=1)
            else:
                x = block(x, self.bias[self.kept], self.kept)
                latents = interact(x[:, :-1], x[:, -1], windows)
            steps.append((latents, x[:, -1]))
        return steps

    def windows(self, text_free: Tensor) -> Tensor:
        """The grid (b, places, width) cut into each latent's window, (b, latents, window ** 2, width).

        The maximum over a window is its latent before decoding.
        """
        cells = self.side // self.window
        grid = text_free.unflatten(1, (cells, self.window, cells, self.window))
        return grid.transpose(2, 3).flatten(3, 4).flatten(1, 2)


class Interaction(nn.Module):
    """Latent tokens rewritten from their own windows of the image, asked by the text's last token."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.ask = nn.Linear(2 * width, width, bias=False)
        self.norm_query = nn.LayerNorm(width)
        self.norm_window = nn.LayerNorm(width)
        self.attention = Attention(width, heads, bias=False)
        self.norm_output = nn.LayerNorm(width)
        self.output = nn.Sequential(nn.Linear(width, width, bias=False), nn.GELU(), nn.Linear(width, width, bias=False))

    def forward(self, latents: Tensor, context: Tensor, windows: Tensor) -> Tensor:
        """(b, latents, width), from `context` (b, width) and `windows` (b, latents, cells, width)."""
        context = context.unsqueeze(1).expand_as(latents)
        query = self.ask(torch.cat([context, latents], dim=2))
        rows = self.norm_query(query).flatten(0, 1)
        seen = self.attention.attend_once(rows, self.norm_window(windows).flatten(0, 1)).view_as(query)
        return latents + self.output(self.norm_output(seen + query))


def _mean(depths: list[Tensor]) -> Tensor:
    return depths[0] if len(depths) == 1 else torch.stack(depths).mean(0)


def projector(inputs: int, width: int) -> nn.Sequential:
    """A map between the two spaces: Linear, GELU, Linear."""
    return nn.Sequential(nn.Linear(inputs, width), nn.GELU(), nn.Linear(width, width))


def mapping_loss(mapped_image: Tensor, image: Tensor, mapped_text: Tensor, text: Tensor) -> Tensor:
    """Cosine distance of what came back from the other space, in [0, 4]; each (b, tokens, width)."""
    of_image = 1 - functional.cosine_similarity(mapped_image, image, dim=2)
    of_text = 1 - functional.cosine_similarity(mapped_text, text, dim=2)
    return of_image.mean() + of_text.mean()
