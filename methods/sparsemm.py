"""SparseMM, adapted from cache compression to prognosis."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from strokebench.errors import StrokebenchError
from strokebench.methods.base import Trial
from strokebench.methods.parts.attention import Block, attention_weights, causal
from strokebench.methods.parts.head_budgets import allocate, concentration
from strokebench.methods.parts.layers import Head
from strokebench.methods.parts.tokens import TokenAdapter, TokenMethod, token_space
from strokebench.methods.registry import register
from strokebench.methods.training.batch import Aux, Batch
from strokebench.tasks.inputs import Sizes


@register
@dataclass(kw_only=True, eq=False, repr=False)
class SparseMM(TokenMethod):
    """A causal transformer whose last token reads only the keys that each head's visual score has earned.

    Source: arXiv 2506.05344 and its released code; the paper's row of that name.

    Original: a compression of a language model's cache without training. Heads that look at the part of
    the image where a generated word stands are visual heads; they keep more keys, the others fewer.

    Kept: scores from dense attention on reference data, a budget of window, floor and score, keys chosen
    by the window's attention smoothed over neighbours, only the decoding row made sparse.

    Ours: the transformer itself (two causal blocks, 8 heads), since the original has no fusion; the text
    tokens as anchors, their region the four image tokens most like them, where the original has words and
    their boxes; window 4 and mean budget 10 of 20 keys; 15 dense epochs (the warm-up), then scores from
    the training part once, budgets frozen, and training goes on sparse, so that selection sees the sparse
    model.

    Lost: the pretrained model in which visual heads emerged, boxes, and any gain in speed or memory, of
    which 21 tokens have none to give.

    Scores may be nearly flat: `facts_` holds their concentration.

    Args:
        hidden, width, heads, dropout: see `TokenMethod`.
        layers, block_dropout: of the transformer.
        mean_budget: keys a head on average; at or above the number of prompt tokens nothing is sparse.
        window: last prompt tokens that every head keeps.
        floor: share of the budget beyond the window that is given out equally (original: 0.1).
        smoothing: neighbours averaged before keys are chosen (original: 5).
        region: image tokens that count as an anchor's place.
        score: `chase`, or `random`, the original's control.
        dense_epochs: before the chase.
        training_free: train and select the dense model, and make only its predictions sparse, as the
            original does.
    """

    name = "sparsemm"
    label = "SparseMM"
    paper_row = 11

    layers: int = 2
    block_dropout: float = 0.1
    mean_budget: int = 10
    window: int = 4
    floor: float = 0.1
    smoothing: int = 5
    region: int = 4
    score: str = "chase"
    dense_epochs: int = 15
    training_free: bool = False

    def build(self, sizes: Sizes) -> nn.Module:
        self.refuse_unless("score", ("chase", "random"))
        if self.smoothing % 2 == 0:
            raise StrokebenchError(f"sparsemm: smoothing={self.smoothing} is even.", "Use an odd number.")
        return SparseMMNetwork(sizes, self)

    @property
    def chase_epoch(self) -> int:
        """The epoch before which budgets are set; a training shorter than that still gets them."""
        return min(self.dense_epochs, self.max_epochs - 1)

    def acts_before(self, epoch: int) -> bool:
        return epoch == self.chase_epoch and not self.training_free

    def before_epoch(self, module: nn.Module, epoch: int, batches: Iterator[Batch]) -> None:
        self.set_budgets(module, batches)

    def may_select(self, epoch: int) -> bool:
        return self.training_free or epoch >= self.chase_epoch

    def set_budgets(self, module: nn.Module, batches: Iterable[Batch]) -> None:
        """Score the heads, share out the keys, and read sparsely from now on."""
        assert isinstance(module, SparseMMNetwork)
        if self.score == "chase":
            scores = module.chase(batches, self.region)
        else:
            heads = module.scores.numel()
            scores = torch.from_numpy(np.random.default_rng(self.random_state).dirichlet(np.ones(heads)))
        module.set_budgets(scores.flatten(), self.mean_budget, self.floor)

    def after_training(self, module: nn.Module, batches: Iterator[Batch]) -> dict[str, float]:
        assert isinstance(module, SparseMMNetwork)
        if self.training_free:
            self.set_budgets(module, batches)
        return {
            **super().after_training(module, batches),
            **concentration(module.scores.numpy().ravel()),
            "smallest_budget": float(module.budgets.min()),
            "largest_budget": float(module.budgets.max()),
        }

    @staticmethod
    def search_space(trial: Trial) -> dict[str, Any]:
        return {
            **token_space(trial),
            "layers": trial.suggest_int("layers", 1, 3),
            "mean_budget": trial.suggest_categorical("mean_budget", [6, 10, 14, 20]),
        }


class SparseMMNetwork(nn.Module):
    """Adapter, causal blocks over image, text and a class token, head.

    Buffers, so that they are saved and restored with the weights: `scores` and `budgets` (layers, heads),
    and `sparse`, whether budgets apply.
    """

    scores: Tensor
    budgets: Tensor
    sparse: Tensor
    bias: Tensor
    read: Tensor

    def __init__(self, sizes: Sizes, settings: SparseMM) -> None:
        super().__init__()
        width = settings.width
        self.adapter = TokenAdapter(sizes, settings.hidden, width, settings.dropout)
        self.class_token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.blocks = nn.ModuleList(
            Block(width, settings.heads, settings.block_dropout) for _ in range(settings.layers)
        )
        self.norm = nn.LayerNorm(width)
        self.head = Head(width + sizes["table"][0], settings.dropout, settings.endpoint.outputs)
        self.prompt = self.adapter.image_tokens + self.adapter.text_tokens
        self.window = settings.window
        self.smoothing = settings.smoothing
        grid = (settings.layers, settings.heads)
        self.register_buffer("scores", torch.zeros(grid))
        self.register_buffer("budgets", torch.full(grid, self.prompt))
        self.register_buffer("sparse", torch.tensor(False))
        self.register_buffer("bias", causal(self.prompt + 1), persistent=False)
        self.register_buffer("read", torch.tensor([self.prompt]), persistent=False)

    def forward(self, batch: Batch) -> tuple[Tensor, Aux]:
        """Logits (b,)."""
        x = self.tokens(*self.adapter(batch))
        sparse = bool(self.sparse)
        for number, block in enumerate(self.blocks):
            # Of the last block only the class token is read.
            rows = self.read if number == len(self.blocks) - 1 else None
            if sparse:
                x = self.sparse_block(cast(Block, block), x, self.budgets[number], rows)
            else:
                x = block(x, self.bias if rows is None else None, rows)
        return self.head(self.norm(x[:, -1]), batch["table"]), {}

    def tokens(self, image: Tensor, text: Tensor) -> Tensor:
        """Image, text and class tokens (b, prompt + 1, width)."""
        return torch.cat([image, text, self.class_token.expand(len(image), 1, -1)], dim=1)

    def sparse_block(self, block: Block, x: Tensor, budgets: Tensor, rows: Tensor | None) -> Tensor:
        """A block on `x` (b, tokens, width) whose class token sees only the keys kept; the prompt's rows stay dense."""
        normal = block.norm_attention(x)
        keys, values = block.attention.keys_values(normal)
        first = self.prompt - self.window if rows is not None else 0
        queries = block.attention.queries(normal[:, first:])
        kept = self.kept_keys(queries[:, :, -1 - self.window : -1], keys, budgets)
        class_bias = torch.where(kept, 0.0, -1e9).unsqueeze(2)
        if rows is not None:
            attended = block.attention.attend(queries[:, :, -1:], keys, values, class_bias)
            return block.add(x[:, rows], attended)
        dense = self.bias[:-1].expand(len(x), kept.shape[1], -1, -1)
        return block.add(x, block.attention.attend(queries, keys, values, torch.cat([dense, class_bias], 2)))

    @torch.no_grad()
    def kept_keys(self, queries: Tensor, keys: Tensor, budgets: Tensor) -> Tensor:
        """Which keys the class token sees, bool (b, heads, prompt + 1): its head's budget, and itself.

        The window is kept; before it, the keys that the window's queries look at most, smoothed over
        neighbouring keys.

        Args:
            queries: of the window's tokens (b, heads, window, width / heads).
            keys: of all tokens (b, heads, prompt + 1, width / heads).
            budgets: (heads,).
        """
        before = self.prompt - self.window
        attention = attention_weights(queries, keys, self.bias[before : self.prompt])
        importance = functional.avg_pool1d(
            attention.mean(2)[:, :, :before],
            self.smoothing,
            stride=1,
            padding=self.smoothing // 2,
            count_include_pad=False,
        )
        order = importance.argsort(dim=2, descending=True, stable=True)
        rank = torch.scatter(order, 2, order, torch.arange(before).expand_as(order))
        chosen = rank < (budgets - self.window).view(1, -1, 1)
        return functional.pad(chosen, (0, self.window + 1), value=True)

    @torch.no_grad()
    def chase(self, batches: Iterable[Batch], region: int) -> Tensor:
        """Visual score of each head (layers, heads), summing to 1 unless no head ever hit.

        A head hits when the key that a text token attends to most, densely, is one of the `region` image
        tokens most like that text token; a hit is worth 1 / region.
        """
        was_training = self.training
        self.eval()
        hits = torch.zeros_like(self.scores)
        places = self.adapter.image_tokens
        for batch in batches:
            image, text = self.adapter(batch)
            likeness = functional.normalize(text, dim=2) @ functional.normalize(image, dim=2).mT
            home = likeness.topk(min(region, places), dim=2).indices
            inside = torch.zeros(len(image), text.shape[1], self.prompt + 1)
            inside.scatter_(2, home, 1 / home.shape[2])
            x = self.tokens(image, text)
            for number, block in enumerate(self.blocks):
                hits[number] += self.visual_hits(cast(Block, block), x, inside)
                x = block(x, self.bias)
        self.train(was_training)
        return hits / hits.sum().clamp_min(1e-12)

    def visual_hits(self, block: Block, x: Tensor, inside: Tensor) -> Tensor:
        """Worth of the hits of each head (heads,), summed over patients and text tokens."""
        anchors = slice(self.adapter.image_tokens, self.prompt)
        normal = block.norm_attention(x)
        keys, _ = block.attention.keys_values(normal)
        queries = block.attention.queries(normal[:, anchors])
        top = attention_weights(queries, keys, self.bias[anchors]).argmax(3)
        worth = inside.unsqueeze(1).expand(-1, top.shape[1], -1, -1).gather(3, top.unsqueeze(3))
        return worth.sum(dim=(0, 2, 3))

    def set_budgets(self, scores: Tensor, mean_budget: int, floor: float) -> None:
        """Freeze the scores (layers * heads,) and the keys that they earn, and read sparsely from now on."""
        mean_budget = min(mean_budget, self.prompt)
        budgets = allocate(scores.numpy(), mean_budget, self.window, floor, self.prompt)
        self.scores.copy_(scores.view_as(self.scores))
        self.budgets.copy_(torch.from_numpy(budgets).view_as(self.budgets))
        self.sparse.fill_(True)
