"""Encoders, and the pairs of an image and a text encoder that have a name. One is imported when it is asked for."""

from pathlib import Path
from typing import Any

from strokebench.datasets.encoders.contract import Encoder, ImageEncoder, ModalityEncoder, TextEncoder
from strokebench.errors import StrokebenchError, unknown_name
from strokebench.plugins import Registry


def _is_encoder(_: str, thing: Any) -> bool:
    return isinstance(thing, type) and issubclass(thing, ImageEncoder | TextEncoder | ModalityEncoder)


_HERE = "strokebench.datasets.encoders"
ENCODERS: Registry[type[Encoder]] = Registry(
    "encoder",
    _is_encoder,
    {
        "untrained_resnet": f"{_HERE}.untrained_resnet:UntrainedResNet",
        "minilm": f"{_HERE}.minilm:MiniLM",
        "medicalnet": f"{_HERE}.medicalnet:MedicalNet",
        "biobert": f"{_HERE}.biobert:BioBERT",
    },
)
PAIRS = {"embedded": "untrained_resnet+minilm", "paper": "medicalnet+biobert"}
"""Names of an image and a text encoder that belong together: without a download, and as the paper."""


def find_encoders(encoders: str, weights: Path | None = None) -> tuple[ImageEncoder, TextEncoder]:
    """The encoders of this pair's name, or of `IMAGE+TEXT`.

    Args:
        weights: folder with downloaded weights, for encoders that need them; None: the usual place.

    Raises:
        StrokebenchError: there is none, one is not of its kind, or the package that brings it is broken.
    """
    first, plus, second = PAIRS.get(encoders, encoders).partition("+")
    known = ENCODERS.names()
    hint = f"Take {', '.join(PAIRS)}, or IMAGE+TEXT of {', '.join(known)}."
    if not plus:
        raise unknown_name("pair of encoders", encoders, PAIRS, hint)
    for name in (first, second):
        if name not in known:
            raise unknown_name("encoder", name, known, hint)
    image, text = (ENCODERS.find(name).make(weights) for name in (first, second))
    if not isinstance(image, ImageEncoder):
        raise StrokebenchError(f"{first!r} is no encoder of images.", "Write IMAGE+TEXT.")
    if not isinstance(text, TextEncoder):
        raise StrokebenchError(f"{second!r} is no encoder of texts.", "Write IMAGE+TEXT.")
    return image, text


def further_encoders(weights: Path | None = None) -> dict[str, ModalityEncoder]:
    """The encoder of each modality that other packages bring, by the modality's name.

    Args:
        weights: as in `find_encoders`.

    Raises:
        StrokebenchError: a modality has two.
    """
    found: dict[str, ModalityEncoder] = {}
    for name, encoder in ENCODERS.all().items():
        if issubclass(encoder, ModalityEncoder):
            if encoder.modality in found:
                raise StrokebenchError(
                    f"{encoder.modality} has two encoders: {found[encoder.modality].name} and {name}."
                )
            found[encoder.modality] = encoder.make(weights)
    return found
