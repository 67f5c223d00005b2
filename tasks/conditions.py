"""Which modalities a method may see: the paper's ablation by zeroing (section 4.4), and missing ones at random."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from strokebench.large import take
from strokebench.tasks.fold import PARTS
from strokebench.tasks.inputs import Modality, TriModal

When = Literal["always", "test_only"]
Fill = Literal["mean", "zero"]


@dataclass(frozen=True)
class Condition:
    """Modalities that are kept; the others are filled with a constant.

    Args:
        keep: what stays.
        when: `always` takes away in training, validation and test (the paper's way: the method is trained
            without the modality); `test_only` trains on everything and takes it away at the end (ours).
        rate: share of patients who lack a modality that is not kept, each drawn on its own (ours; 1: all).
        fill: `mean` puts zeros after standardisation, which is the training part's mean; `zero` puts zeros
            before it (ours: the paper does not say which of the two its zero matrix is).

    Raises:
        ValueError: a rate outside (0, 1].
    """

    keep: frozenset[Modality] = frozenset(Modality)
    when: When = "always"
    rate: float = 1.0
    fill: Fill = "mean"

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 1:
            raise ValueError(f"The rate of missing patients is {self.rate}, not within (0, 1].")

    @property
    def id(self) -> str:
        """What names it in predictions and runs: two conditions that differ in anything have two of them.

        `complete`, `image+table`, `image+table@test`, `image+text@test,rate=0.3,fill=zero`.
        """
        if self.keep == frozenset(Modality):
            return "complete"
        kept = "+".join(modality.value for modality in Modality if modality in self.keep) or "none"
        other = [f"rate={self.rate!r}"] if self.rate < 1 else []
        other += [f"fill={self.fill}"] if self.fill != "mean" else []
        return ",".join([kept + ("@test" if self.when == "test_only" else ""), *other])

    @property
    def name(self) -> str:
        """What people call it: `complete`, `image+table`, `image+text 30 % lack the rest@test`; never a join key."""
        if self.keep == frozenset(Modality):
            return "complete"
        kept = "+".join(modality.value for modality in Modality if modality in self.keep) or "none"
        kept += f" {100 * self.rate:g} % lack the rest" if self.rate < 1 else ""
        kept += " raw zero" if self.fill == "zero" else ""
        return kept + ("@test" if self.when == "test_only" else "")

    @property
    def trained(self) -> Condition:
        """The condition that a method is trained under: with everything, if this one is of the test part only."""
        return COMPLETE if self.when == "test_only" else self

    def apply(
        self,
        x: TriModal,
        part: Literal["train", "validation", "test"],
        seed: int = 0,
        zeros: Mapping[str, NDArray[np.float32]] | None = None,
    ) -> TriModal:
        """`x` with the modalities taken away that this condition takes away from this part.

        Args:
            seed: decides who lacks a modality, where not all do.
            zeros: what zeros of each array became by standardisation, for `fill="zero"`.
        """
        if self.when == "test_only" and part != "test":
            return x
        changed = {}
        for modality in Modality:
            if modality in self.keep:
                continue
            stream = np.random.default_rng([seed, PARTS.index(part), list(Modality).index(modality)])
            lacking = stream.random(len(x)) < self.rate
            for name in ARRAYS[modality]:
                values = take(getattr(x, name), np.arange(len(x)))
                values[lacking] = 0 if self.fill == "mean" or zeros is None else zeros[name]
                changed[name] = values
        return replace(x, **changed)


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
