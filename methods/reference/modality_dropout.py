"""Concat that was made for gaps: what is missing, or left out in training, is a vector that is learned."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from strokebench.methods.base import Family, Trial
from strokebench.methods.concat import Concat, ConcatNetwork
from strokebench.methods.parts.layers import Dropout
from strokebench.methods.registry import register
from strokebench.methods.training.batch import Aux, Batch
from strokebench.tasks.inputs import PRESENT, Sizes, columns_of, modality_of


@register
@dataclass(kw_only=True, eq=False, repr=False)
class ModalityDropout(Concat):
    """The paper's Concat, trained with modalities left out at random, that knows what a patient lacks.

    Source: Neverova et al., ModDrop, TPAMI 2016;38:1692-1706; learned vectors after Gu et al., MICCAI 2025,
    arXiv 2509.18284.

    Original: ModDrop puts zeros where a modality is left out; Gu et al. learn a token for each modality, beside a
    contrastive loss.

    Kept: each modality is left out by itself, patient by patient, in training alone; whatever is not there, in the
    patient or by the draw, is the same learned vector.

    Ours: the vectors stand for the encoders' numbers and for the table's columns, and begin as zeros, which are the
    training mean and so ModDrop; of an image of several sequences each is left out by itself; a probability of 0.2,
    fixed beforehand; a mixture (MixUp) has a share of the vector.

    Lost: the contrastive loss, and ModDrop's pretraining of each modality by itself.

    Args:
        hidden, width, dropout: see `Concat`.
        modality_dropout: probability that a modality, or a sequence, of a patient is left out of a training step.
    """

    name = "modality_dropout"
    label = "Concat, modality dropout"
    paper_row = None
    family = Family.REFERENCE
    reads = (*Concat.reads, PRESENT)

    modality_dropout: float = 0.2

    def build(self, sizes: Sizes) -> nn.Module:
        return ModalityDropoutNetwork(sizes, self)

    @staticmethod
    def search_space(trial: Trial) -> dict[str, Any]:
        rate = trial.suggest_float("modality_dropout", 0.1, 0.5, step=0.1)
        return {**Concat.search_space(trial), "modality_dropout": rate}


class ModalityDropoutNetwork(ConcatNetwork):
    """Concat's network behind learned vectors."""

    def __init__(self, sizes: Sizes, settings: ModalityDropout) -> None:
        super().__init__(sizes, settings)
        self.leave_out = Dropout(settings.modality_dropout)
        # Of several answers to prompts a batch has one.
        rows = {"image.vector": sizes["image.vector"], "text": sizes["text"][1:], "table": sizes["table"]}
        self.columns = {name: columns_of(modality_of(name), sizes) for name in rows}
        self.unknown = nn.ParameterDict({modality_of(name): torch.zeros(row) for name, row in rows.items()})

    def forward(self, batch: Batch) -> tuple[Tensor, Aux]:
        """Logits (b,)."""
        present = batch[PRESENT]
        # Dropout makes what it keeps larger, which a share of a patient must not become.
        kept = torch.minimum(self.leave_out(present), present)
        return super().forward(
            {
                name: filled(batch[name], kept[:, columns], self.unknown[modality_of(name)])
                for name, columns in self.columns.items()
            }
        )


def filled(x: Tensor, kept: Tensor, unknown: Tensor) -> Tensor:
    """`x` (b, *row), and `unknown` (*row) where it is not kept.

    Args:
        kept: how much of each of `pieces` equal parts of the last axis is known, between 0 and 1, (b, pieces). The
            unknown share of a mixture is zeros, to which that of `unknown` is added.
    """
    pieces = kept.shape[1]
    share = kept.view(len(x), *[1] * (x.dim() - 2), pieces, 1)
    known = x.unflatten(-1, (pieces, -1)) * (share > 0)
    return (known + (1 - share) * unknown.unflatten(-1, (pieces, -1))).flatten(-2)
