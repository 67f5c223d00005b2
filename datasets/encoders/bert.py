"""What the text encoders share: CLS vectors of the last layers of a BERT."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strokebench.datasets.encoders.contract import LAYERS

GPU_BATCH = 64


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """No loading bars and no notes on unused heads: encoders drop the heads on purpose."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def load_bert(folder: Path, **tokenizer_options: Any) -> tuple[Any, Any]:
    """Tokenizer and model in evaluation mode from a folder, with no look at the network."""
    # The tokenizer's own threads would compete with the worker processes.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from transformers import AutoModel, AutoTokenizer

    with quiet_transformers():
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, **tokenizer_options)
        model = AutoModel.from_pretrained(folder, local_files_only=True)
    return tokenizer, model.eval()


def cls_vectors(tokenizer: Any, model: Any, texts: Sequence[str], device: str) -> NDArray[np.float32]:
    """(n, 4, d) CLS vectors of the last four layers.

    On a CPU one text at a time: on one thread a batch gains next to nothing, and so a text's vector, to the
    last bit, does not depend on its neighbours. On a GPU in batches of similar length.
    """
    import torch

    model.to(device)
    window = min(getattr(model.config, "max_position_embeddings", 512), 512)
    size = 1 if device == "cpu" else GPU_BATCH
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    vectors = np.empty((len(texts), LAYERS, model.config.hidden_size), dtype=np.float32)
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        inputs = tokenizer(
            [texts[row] for row in rows], padding=True, truncation=True, max_length=window, return_tensors="pt"
        ).to(device)
        with torch.inference_mode(), torch.autocast(device, enabled=device != "cpu"):
            layers = model(**inputs, output_hidden_states=True).hidden_states[-LAYERS:]
        vectors[rows] = torch.stack([layer[:, 0].float() for layer in layers], dim=1).cpu().numpy()
    return vectors
