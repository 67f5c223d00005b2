"""VDAFM, the paper's proposal. Its equations were lost in the text available to us: a reconstruction."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from strokebench.methods.base import Family, Trial
from strokebench.methods.neural import NeuralMethod
from strokebench.methods.parts.attention import PostNormBlock
from strokebench.methods.parts.layers import Head, matching, reduction, unit_vectors
from strokebench.methods.registry import register
from strokebench.methods.training.batch import Aux, Batch, Epoch, Patients
from strokebench.tasks.inputs import Inputs, Sizes


@register
@dataclass(kw_only=True, eq=False, repr=False)
class VDAFM(NeuralMethod):
    """Vision leads: the image is mapped into the text's space, both are encoded jointly, and two losses
    keep each representation close to what it was before; the table joins at the head.

    Source: arXiv 2605.14710, section 3; equations (4) to (16), reconstructed from its prose.

    Ours: feed-forward width 4 x `width`, temperature 0.07, dropout 0.1 inside the encoder, cosine distance
    in the semantic loss, the head's two linear maps before the table joins, batch 32.

    Args:
        hidden, width: the reductions' sizes (paper: 512 and 256; the default is that of all networks here).
        layers, heads: of the joint encoder (paper: 1 and 16).
        dropout: in the reductions and the head (paper: 0.5).
        encoder_dropout: inside the joint encoder (our choice).
        alignment_weight: weight of the semantic loss (paper: 0.02).
        contrastive_weight, contrastive_decay: weight of the contrastive loss and its factor an epoch
            (paper: 0.2 and 0.95).
        temperature: of the contrastive loss (our choice).
        semantic_loss: `cosine` (our reading of equations 9 and 11), `mse` or `infonce`.
        output: `linear` maps of image and text before the table joins (our reading of equation 13), or `relu` after
            them.
        weight_decay: of all weights, as a penalty of half of it times their squares (paper: 0).
    """

    name = "vdafm"
    label = "VDAFM"
    paper_row = 12
    family = Family.PROPOSED
    reads = ("image.vector", "text", "table", "source")

    hidden: int = 128
    width: int = 64
    layers: int = 1
    heads: int = 16
    dropout: float = 0.5
    encoder_dropout: float = 0.1
    alignment_weight: float = 0.02
    contrastive_weight: float = 0.2
    contrastive_decay: float = 0.95
    temperature: float = 0.07
    semantic_loss: str = "cosine"
    output: str = "linear"
    weight_decay: float = 0.0

    def build(self, sizes: Sizes) -> nn.Module:
        self.refuse_unless("semantic_loss", SEMANTIC_DISTANCES)
        self.refuse_unless("output", OUTPUTS)
        return VDAFMNetwork(sizes, self)

    def loss(self, logit: Tensor, target: Tensor, aux: Aux, epoch: Epoch) -> Tensor:
        """Equation (16), of logits (b,). A loss of weight 0 is not computed."""
        total = self.endpoint.loss(logit, target)
        if self.weight_decay:
            total = total + self.weight_decay / 2 * aux["squares"]
        if not self.alignment_weight and not self.contrastive_weight:
            return total
        directions = unit(aux)
        if self.alignment_weight:
            total = total + self.alignment_weight * self.semantic(aux, directions)
        if self.contrastive_weight:
            total = total + self.contrastive_weight_at(epoch) * matching(
                directions["image_as_text"], directions["text"], self.temperature, aux["source"]
            )
        return total

    def contrastive_weight_at(self, epoch: Epoch) -> float | Tensor:
        """The decaying weight of the contrastive loss, one number; the epoch, of any shape, is counted from 0."""
        return self.contrastive_weight * self.contrastive_decay**epoch

    def semantic(self, aux: Aux, directions: Aux | None = None) -> Tensor:
        """Equations (9) to (12): how far joint encoding moved each representation (b, width); in [0, 4] for cosine.

        Args:
            directions: `unit(aux)`, if it is known already.
        """
        distance = SEMANTIC_DISTANCES[self.semantic_loss]
        vectors = aux if self.semantic_loss == "mse" else directions or unit(aux)
        image = distance(vectors["joint_image"], vectors["image"], self.temperature, aux["source"])
        text = distance(vectors["joint_text_as_text"], vectors["text"], self.temperature, aux["source"])
        return image + text

    @torch.inference_mode()
    def patient_facts(self, x: Inputs) -> dict[str, NDArray[np.float64]]:
        """Angles in degrees, (n,), of a patient's image and text representations, before and after joint encoding; of
        several answers their mean."""
        patients = Patients(x, self.arrays())
        auxes = [self.module_(batch)[1] for batch in patients.in_order()]
        pairs = {"angle_before": ("image", "text"), "angle_after": ("joint_image", "joint_text")}
        return {
            name: patients.mean_of(angle(*(torch.cat([aux[each] for aux in auxes]) for each in (a, b)))).numpy()
            for name, (a, b) in pairs.items()
        }

    @staticmethod
    def search_space(trial: Trial) -> dict[str, Any]:
        sizes = ["128:64", "256:128", "512:256", "512:512"]
        hidden, width = map(int, trial.suggest_categorical("sizes", sizes).split(":"))
        return {
            "layers": trial.suggest_int("layers", 1, 3),
            "heads": trial.suggest_categorical("heads", [4, 8, 16, 32]),
            "hidden": hidden,
            "width": width,
            "dropout": trial.suggest_float("dropout", 0.3, 0.7, step=0.1),
            "contrastive_weight": trial.suggest_categorical("contrastive_weight", [0.05, 0.1, 0.2, 0.5]),
            "alignment_weight": trial.suggest_categorical("alignment_weight", [0.01, 0.02, 0.05, 0.1]),
        }


class VDAFMNetwork(nn.Module):
    """Equations (4) to (8), (10) and (13)."""

    def __init__(self, sizes: Sizes, settings: VDAFM) -> None:
        super().__init__()
        width, dropout = settings.width, settings.dropout
        _, layers, d_text = sizes["text"]
        self.reduce_image = reduction(sizes["image.vector"][0], settings.hidden, width, dropout)
        self.reduce_text = reduction(layers * d_text, settings.hidden, width, dropout)
        self.image_to_text = two_layers(width)
        self.text_to_text = two_layers(width)
        self.encoder = nn.Sequential(
            *(PostNormBlock(width, settings.heads, 4 * width, settings.encoder_dropout) for _ in range(settings.layers))
        )
        self.image_output = nn.Linear(width, width)
        self.text_output = nn.Linear(width, width)
        self.activation = OUTPUTS[settings.output]()
        self.decays = settings.weight_decay > 0
        self.head = Head(2 * width + sizes["table"][0], dropout, settings.endpoint.outputs)

    def forward(self, batch: Batch) -> tuple[Tensor, Aux]:
        """Logits (b,), the representations (b, width) that the losses compare, and `source` (b,)."""
        image = self.reduce_image(batch["image.vector"])
        text = self.reduce_text(batch["text"].flatten(1))
        image_as_text = self.image_to_text(image)
        joint = self.encoder(torch.stack([image_as_text, text], dim=1))
        joint_image, joint_text = joint.unbind(1)
        fused = [self.activation(self.image_output(joint_image)), self.activation(self.text_output(joint_text))]
        aux = {
            "image": image,
            "text": text,
            "image_as_text": image_as_text,
            "joint_image": joint_image,
            "joint_text": joint_text,
            "joint_text_as_text": self.text_to_text(joint_text),
            "source": batch["source"],
        }
        if self.decays:
            aux["squares"] = torch.stack([weights.square().sum() for weights in self.parameters()]).sum()
        return self.head(*fused, batch["table"]), aux


def two_layers(width: int) -> nn.Sequential:
    """A map between the two spaces."""
    return nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))


def angle(a: Tensor, b: Tensor) -> Tensor:
    """Angles in degrees between the rows of `a` and `b`, both (n, width): (n,)."""
    cosine = functional.cosine_similarity(a.double(), b.double(), dim=1).clamp(-1, 1)
    return torch.rad2deg(torch.arccos(cosine))


COMPARED = ("image", "text", "image_as_text", "joint_image", "joint_text_as_text")
"""The representations that the two losses compare."""


def unit(aux: Aux) -> Aux:
    """Those representations with length 1, made together, which spares a quarter of the losses' time."""
    return dict(zip(COMPARED, unit_vectors(*(aux[name] for name in COMPARED)), strict=True))


OUTPUTS = {"linear": nn.Identity, "relu": nn.ReLU}

SEMANTIC_DISTANCES = {
    "cosine": lambda a, b, temperature, source: 1 - (a * b).sum() / len(a),
    "mse": lambda a, b, temperature, source: functional.mse_loss(a, b),
    "infonce": matching,
}
"""Of directions; `mse` of the representations themselves."""
