"""The paper's text encoder: BioBERT v1.1, BERT trained on PubMed abstracts.

Source: Lee et al., Bioinformatics 2020;36:1234; weights dmis-lab/biobert-base-cased-v1.1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from strokebench.datasets.encoders.contract import About, OfWeights, TextEncoder
from strokebench.datasets.encoders.repository import load_model
from strokebench.datasets.encoders.weights import Published, find_weights, load_state, weights_digest
from strokebench.errors import StrokebenchError
from strokebench.files import digest, read_json

REPOSITORY = "dmis-lab/biobert-base-cased-v1.1"
CONFIG = Published(REPOSITORY, "config.json", "1 kB")
VOCABULARY = Published(REPOSITORY, "vocab.txt", "213 kB")
WEIGHTS = Published(REPOSITORY, "pytorch_model.bin", "436 MB")


@dataclass(frozen=True)
class BioBERT(OfWeights, TextEncoder):
    """Twelve-layer cased BERT; the paper's 3072-d embedding is its last four CLS vectors side by side.

    The repository has no tokenizer settings, and transformers would lower the case: it is set not to.

    Args:
        weights: folder with the three files, or None for the hub.
    """

    name: ClassVar[str] = "BioBERT v1.1"
    published: ClassVar[tuple[Published, ...]] = (CONFIG, VOCABULARY, WEIGHTS)
    about: ClassVar[About] = About(
        licence="Apache-2.0",
        trained_on=("PubMed abstracts", "PMC articles"),
        size="108 M parameters, 436 MB",
        source=f"https://huggingface.co/{REPOSITORY}",
        preparation="cased word pieces, 512 at most",
    )

    @property
    def dim(self) -> int:
        path = find_weights(CONFIG, self.weights)
        size = read_json(path).get("hidden_size")
        if not isinstance(size, int):
            raise StrokebenchError(f"{path} names no hidden_size.", f"Give the file of {REPOSITORY}.")
        return size

    def fingerprint(self) -> str:
        files = {part.file: weights_digest(find_weights(part, self.weights)) for part in self.published}
        return digest({"class": "BioBERT 1", "files": files})

    def encode(self, texts: Sequence[str], device: str = "cpu") -> NDArray[np.float32]:
        """CLS vectors (n, 4, d) of n texts, as `TextEncoder` says."""
        from strokebench.datasets.encoders.bert import cls_vectors

        return cls_vectors(*_model(self), texts, device)


@lru_cache(maxsize=1)
def _model(encoder: BioBERT) -> tuple[Any, Any, int]:
    from transformers import BertConfig, BertModel, BertTokenizer

    from strokebench.datasets.encoders.bert import quiet_transformers

    path = find_weights(WEIGHTS, encoder.weights)
    state = load_state(path)
    with quiet_transformers():
        tokenizer = BertTokenizer(vocab=str(find_weights(VOCABULARY, encoder.weights)), do_lower_case=False)
        config = BertConfig(**read_json(find_weights(CONFIG, encoder.weights)))
        model = load_model(BertModel, config, state, path, REPOSITORY)
    return tokenizer, model, config.max_position_embeddings
