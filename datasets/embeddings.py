"""What the encoders make of a cohort: arrays by patient id, ready to be shared between processes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from strokebench.errors import StrokebenchError


@dataclass(frozen=True)
class Embeddings:
    """Frozen image and text features of each patient.

    Args:
        ids: patient ids, one a row of each array.
        image: pooled image vector, float32 (n, d_image); None for a cohort without images. A patient
            without an image is a row of NaN.
        image_tokens: float32 (n, 16, d_image), a 4 x 4 in-plane grid, row by row; None likewise.
        text: float32 (n, prompts, layers, d_text): CLS vector of each of the last four layers for each
            prompt's answer. A missing answer is NaN. None for a cohort without text.
        prompts: names of the prompts, in the order of the second axis of `text`.
        image_encoder, text_encoder: what made them, for every table's caption.
        untrained: names of those of them that learnt from nothing.
        fingerprint: hash of the inputs, the encoders and their settings.

    Raises:
        StrokebenchError: a part whose number of rows is not that of `ids`.
    """

    ids: pd.Index
    image: NDArray[np.float32] | None
    image_tokens: NDArray[np.float32] | None
    text: NDArray[np.float32] | None
    prompts: tuple[str, ...] = ()
    image_encoder: str = ""
    text_encoder: str = ""
    untrained: tuple[str, ...] = ()
    fingerprint: str = ""

    def __post_init__(self) -> None:
        for name in ("image", "image_tokens", "text"):
            value = getattr(self, name)
            if value is not None and len(value) != len(self.ids):
                raise StrokebenchError(f"Embeddings: {name} has {len(value)} rows for {len(self.ids)} ids.")

    def rows(self, ids: pd.Index) -> NDArray[np.intp]:
        """Row number of each id.

        Raises:
            StrokebenchError: a patient without embeddings, by name.
        """
        rows = self.ids.get_indexer(ids)
        if (rows < 0).any():
            raise StrokebenchError(f"Patient {ids[rows < 0][0]} has no embeddings.", "Encode again.")
        return rows
