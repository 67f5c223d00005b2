"""Which modalities a method may see: the paper's ablation by zeroing (section 4.4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np

from strokebench.tasks.trimodal import Modality, TriModal

When = Literal["always", "test_only"]


@dataclass(frozen=True)
class Condition:
    """Modalities that are kept; the others are zeros after standardisation.

    Args:
        keep: what stays.
        when: `always` zeroes in training, validation and test (the paper's way: the method is trained
            without the modality); `test_only` trains on everything and takes it away at the end (ours).
    """

    keep: frozenset[Modality] = frozenset(Modality)
    when: When = "always"

    @property
    def name(self) -> str:
        """`complete`, or the kept modalities, e.g. `image+table`, with `@test` if zeroed there only."""
        if self.keep == frozenset(Modality):
            return "complete"
        kept = "+".join(modality.value for modality in Modality if modality in self.keep) or "none"
        return kept + ("@test" if self.when == "test_only" else "")

    def apply(self, x: TriModal, part: Literal["train", "validation", "test"]) -> TriModal:
        """`x` with the modalities taken away that this condition takes away from this part."""
        if self.when == "test_only" and part != "test":
            return x
        zeros = {
            name: np.zeros_like(getattr(x, name))
            for modality, names in ARRAYS.items()
            if modality not in self.keep
            for name in names
        }
        return replace(x, **zeros)


ARRAYS = {
    Modality.IMAGE: ("image", "image_tokens"),
    Modality.TEXT: ("text",),
    Modality.TABLE: ("table",),
}

COMPLETE = Condition()


def all_subsets(when: When = "always") -> list[Condition]:
    """The seven non-empty subsets, in the order of the paper's Table 2."""
    order = (Modality.TEXT, Modality.IMAGE, Modality.TABLE)
    return [Condition(frozenset(kept), when) for size in range(1, len(order) + 1) for kept in combinations(order, size)]
