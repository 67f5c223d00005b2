"""What the text encoders share: CLS vectors of the last layers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strokebench.datasets.encoders.contract import LAYERS

BATCH, GPU_BATCH = 8, 64
"""Texts at once: on one thread 8 take half the time that they take one by one, more gain nothing."""


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


def cls_vectors(tokenizer: Any, model: Any, window: int, texts: Sequence[str], device: str) -> NDArray[np.float32]:
    """(n, 4, d) CLS vectors of the last four layers of n texts, each cut at `window` word pieces.

    In batches of similar length, of which a text's vector depends in its last digits (1e-5 of their spread at most).
    """
    import torch

    model.to(device)
    size = BATCH if device == "cpu" else GPU_BATCH
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
