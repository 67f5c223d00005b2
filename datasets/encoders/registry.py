"""The pairs of encoders, by name. A pair is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from strokebench.datasets.encoders.contract import ImageEncoder, TextEncoder
from strokebench.errors import StrokebenchError


@dataclass(frozen=True)
class Pair:
    """An image and a text encoder that belong together.

    Args:
        description: one line for lists and captions.
        image, text: make the encoder; given the folder of `--weights`, or None for the usual place.
    """

    description: str
    image: Callable[[Path | None], ImageEncoder]
    text: Callable[[Path | None], TextEncoder]


def _untrained_resnet(weights: Path | None) -> ImageEncoder:
    from strokebench.datasets.encoders.untrained_resnet import UntrainedResNet

    return UntrainedResNet()


def _minilm(weights: Path | None) -> TextEncoder:
    from strokebench.datasets.encoders.minilm import MiniLM

    return MiniLM()


def _medicalnet(weights: Path | None) -> ImageEncoder:
    from strokebench.datasets.encoders.medicalnet import MedicalNet

    return MedicalNet(weights)


def _biobert(weights: Path | None) -> TextEncoder:
    from strokebench.datasets.encoders.biobert import BioBERT

    return BioBERT(weights)


PAIRS: Mapping[str, Pair] = {
    "embedded": Pair("untrained 3D ResNet and MiniLM, no download", _untrained_resnet, _minilm),
    "paper": Pair("MedicalNet ResNet-50 and BioBERT v1.1, as the paper", _medicalnet, _biobert),
}


def find_pair(name: str) -> Pair:
    """The pair of that name.

    Raises:
        StrokebenchError: there is none; the hint lists those that there are.
    """
    if name not in PAIRS:
        raise StrokebenchError(f"There are no encoders {name!r}.", f"Take one of: {', '.join(PAIRS)}.")
    return PAIRS[name]
