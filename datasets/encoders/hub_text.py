"""A text model of transformers from the hub or a folder: `hf:owner/name@revision`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from strokebench.datasets.encoders.contract import LAYERS, About, TextEncoder
from strokebench.datasets.encoders.repository import CONFIG, OfRepository, Repository
from strokebench.errors import StrokebenchError
from strokebench.files import digest

LONGEST = 8192
"""Word pieces, where a tokenizer names no window."""


@dataclass(frozen=True)
class HubText(OfRepository, TextEncoder):  # type: ignore[override]
    """Any encoder of the BERT kind, with four layers or more and a CLS token."""

    @property
    def name(self) -> str:  # type: ignore[override]
        return str(self.repository)

    @cached_property
    def trained_on(self) -> tuple[str, ...]:
        return self.about.trained_on or self.repository.about().trained_on

    @property
    def dim(self) -> int:
        size = self.repository.settings(CONFIG).get("hidden_size")
        if not isinstance(size, int):
            raise StrokebenchError(f"{self.name} names no hidden_size.", "Take a model of the BERT kind.")
        return size

    def fingerprint(self) -> str:
        return digest({"class": "HubText 1", "model": self.repository.fingerprint()})

    def encode(self, texts: Sequence[str], device: str = "cpu") -> NDArray[np.float32]:
        """CLS vectors (n, 4, d) of n texts, as `TextEncoder` says."""
        from strokebench.datasets.encoders.bert import cls_vectors

        return cls_vectors(*_model(self.repository), texts, device)


@dataclass(frozen=True)
class BioClinicalModernBERT(HubText):
    """ModernBERT trained further on biomedical and clinical text; it reads a whole report (Sounack et al., 2025)."""

    about: ClassVar[About] = About(
        licence="MIT",
        trained_on=("53.5 billion tokens of biomedical and clinical text",),
        size="150 M parameters, 600 MB",
        source="https://huggingface.co/thomas-sounack/BioClinical-ModernBERT-base",
        preparation="word pieces, 8,190 at most",
    )

    @classmethod
    def make(cls, weights: Path | None) -> Self:
        return cls(Repository("thomas-sounack/BioClinical-ModernBERT-base", "main", weights))


@lru_cache(maxsize=1)
def _model(repository: Repository) -> tuple[Any, Any, int]:
    from transformers import AutoTokenizer

    from strokebench.datasets.encoders.bert import quiet_transformers
    from strokebench.datasets.encoders.repository import load_repository

    with quiet_transformers():
        try:
            tokenizer = AutoTokenizer.from_pretrained(
                repository.files[CONFIG].parent, local_files_only=True, trust_remote_code=False
            )
        except (OSError, ValueError, ImportError) as error:
            raise StrokebenchError(f"{repository} has no tokenizer that can be read: {error}".splitlines()[0]) from None
        model = load_repository(repository)
    layers = getattr(model.config, "num_hidden_layers", 0)
    if tokenizer.cls_token_id is None or model.config.is_encoder_decoder or layers < LAYERS:
        raise StrokebenchError(
            f"{repository} has no CLS vectors of {LAYERS} layers.", "Take a model of the BERT kind, no generating one."
        )
    # RoBERTa counts its places from 2 on.
    places = getattr(model.config, "max_position_embeddings", LONGEST) - 2
    return tokenizer, model, min(tokenizer.model_max_length, places, LONGEST)
