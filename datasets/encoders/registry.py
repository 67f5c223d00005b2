"""Encoders, and the pairs of an image and a text encoder that have a name. One is imported when it is asked for."""

import re
from pathlib import Path
from pkgutil import resolve_name
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
        "untrained_stages": f"{_HERE}.untrained_resnet:UntrainedStages",
        "efficientnet_lite0": f"{_HERE}.efficientnet:EfficientNetLite0",
        "minilm": f"{_HERE}.minilm:MiniLM",
        "medicalnet": f"{_HERE}.medicalnet:MedicalNet",
        "simclr_mri": f"{_HERE}.brain.simclr_mri:SimCLRMRI",
        "resenc_l": f"{_HERE}.brain.resenc:ResEncL",
        "brainiac": f"{_HERE}.brain.brainiac:BrainIAC",
        "biobert": f"{_HERE}.biobert:BioBERT",
        "bioclinical_modernbert": f"{_HERE}.hub_text:BioClinicalModernBERT",
    },
)
PAIRS = {"embedded": "untrained_resnet+minilm", "paper": "medicalnet+biobert"}
"""Names of an image and a text encoder that belong together: without a download, and as the paper."""


ELSEWHERE: dict[tuple[str, type], str] = {
    ("hf", ImageEncoder): f"{_HERE}.hub_image:HubImage",
    ("hf", TextEncoder): f"{_HERE}.hub_text:HubText",
    ("monai", ImageEncoder): f"{_HERE}.monai_network:MonaiNetwork",
}
"""By what stands before the colon and by what is read: classes that are made of what stands behind it."""
FORMS = "hf:owner/name@revision", "monai:network@file"


def pair_of(encoders: str, image: str | None, text: str | None) -> str:
    """What a pair is called with another image or text encoder in it."""
    first, _, second = PAIRS.get(encoders, encoders).rpartition("+")
    chosen = f"{image or first}+{text or second}"
    return next((name for name, pair in PAIRS.items() if pair == chosen), chosen)


def without_folder(encoders: str) -> str:
    """A pair as it may leave the machine: of a file of weights its name alone, for a folder may tell whose it is."""
    image, plus, text = encoders.rpartition("+")
    return re.sub(r"^(monai:[^@]+@).*[/\\]", r"\1", image) + plus + text


def find_encoders(encoders: str, weights: Path | None = None) -> tuple[ImageEncoder, TextEncoder]:
    """The encoders of this pair's name, or of `IMAGE+TEXT`, each by its name or in one of `FORMS`.

    Args:
        weights: folder with downloaded weights, for encoders that need them; None: the usual place.

    Raises:
        StrokebenchError: there is none, one is not of its kind, or the package that brings it is broken.
    """
    # A file's path may hold a plus, a model of texts is named by the hub.
    first, plus, second = PAIRS.get(encoders, encoders).rpartition("+")
    hint = f"Take {', '.join(PAIRS)}, or IMAGE+TEXT of {', '.join([*ENCODERS.names(), *FORMS])}."
    if not plus:
        raise unknown_name("pair of encoders", encoders, PAIRS, hint)
    return _find(first, ImageEncoder, "images", weights, hint), _find(second, TextEncoder, "texts", weights, hint)


def _find(name: str, kind: type, what: str, weights: Path | None, hint: str) -> Any:
    scheme, colon, rest = name.partition(":")
    if colon and (place := ELSEWHERE.get((scheme, kind))):
        return resolve_name(place).parse(rest, weights)
    if name not in (known := ENCODERS.names()):
        raise unknown_name("encoder", name, known, hint)
    found = ENCODERS.find(name).make(weights)
    if not isinstance(found, kind):
        raise StrokebenchError(f"{name!r} is no encoder of {what}.", "Write IMAGE+TEXT.")
    return found


def further_encoders(weights: Path | None = None) -> dict[str, ModalityEncoder]:
    """The encoder of each modality that other packages bring, by the modality's name.

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
