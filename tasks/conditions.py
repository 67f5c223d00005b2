"""Which modalities a method may see: the paper's ablation by zeroing (section 4.4), and missing ones at random."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from strokebench.errors import StrokebenchError
from strokebench.large import take
from strokebench.tasks.fold import PARTS
from strokebench.tasks.inputs import Inputs, all_modalities, in_order, modality_of, units_of
from strokebench.tasks.paper_setup import PAPER_ORDER

When = Literal["always", "test_only"]
Fill = Literal["mean", "zero"]


@dataclass(frozen=True)
class Condition:
    """Modalities that are kept; the others are filled with a constant.

    Args:
        keep: names of the modalities, and of single sequences of the image (`image.dwi`), that stay; None: all that
            there are.
        when: `always` takes away in training, validation and test (the paper's way: the method is trained
            without the modality); `test_only` trains on everything and takes it away at the end (ours).
        rate: share of patients who lack a modality that is not kept, each drawn on its own (ours; 1: all).
        fill: `mean` puts zeros after standardisation, which is the training part's mean; `zero` puts zeros
            before it (ours: the paper does not say which of the two its zero matrix is).

    Raises:
        ValueError: a rate outside (0, 1].
        StrokebenchError: no modality has that name.
    """

    keep: frozenset[str] | None = None
    when: When = "always"
    rate: float = 1.0
    fill: Fill = "mean"

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 1:
            raise ValueError(f"The rate of missing patients is {self.rate}, not within (0, 1].")
        if self.keep and (unknown := set(map(modality_of, self.keep)) - set(all_modalities())):
            raise StrokebenchError(
                f"No modality is called {min(unknown)!r}.", f"Choose from: {', '.join(all_modalities())}."
            )

    @property
    def id(self) -> str:
        """What names it in predictions and runs: two conditions that differ in anything have two of them.

        `complete`, `image+table`, `image+table@test`, `image+text@test,rate=0.3,fill=zero`.
        """
        if self.keep is None:
            return "complete"
        kept = "+".join(in_order(self.keep)) or "none"
        other = [f"rate={self.rate!r}"] if self.rate < 1 else []
        other += [f"fill={self.fill}"] if self.fill != "mean" else []
        return ",".join([kept + ("@test" if self.when == "test_only" else ""), *other])

    @property
    def name(self) -> str:
        """What people call it: `complete`, `image+table`, `image+text 30 % lack the rest@test`; never a join key."""
        if self.keep is None:
            return "complete"
        kept = "+".join(in_order(self.keep)) or "none"
        kept += f" {100 * self.rate:g} % lack the rest" if self.rate < 1 else ""
        kept += " raw zero" if self.fill == "zero" else ""
        return kept + ("@test" if self.when == "test_only" else "")

    @property
    def trained(self) -> Condition:
        """The condition that a method is trained under: with everything, if this one is of the test part only."""
        return COMPLETE if self.when == "test_only" else self

    def apply(
        self,
        x: Inputs,
        part: Literal["train", "validation", "test"],
        seed: int = 0,
        zeros: Mapping[str, NDArray[np.float32]] | None = None,
    ) -> Inputs:
        """`x` with the modalities taken away that this condition takes away from this part; they are not present.

        Args:
            seed: decides who lacks a modality, where not all do.
            zeros: what zeros of each array became by standardisation, (*row), for `fill="zero"`.
        """
        if self.keep is None or (self.when == "test_only" and part != "test"):
            return x
        arrays, present = dict(x.arrays), x.present.copy()
        for number, modality in enumerate(all_modalities().values()):
            units = [unit for unit in x.units if modality_of(unit) == modality.name]
            lost = [place for place, unit in enumerate(units) if unit not in self.keep]
            if modality.name in self.keep or not lost:
                continue
            names = modality.arrays.keys() & arrays.keys()
            arrays |= {name: take(arrays[name], np.arange(len(x))) for name in names}
            for place in lost:
                # All sequences of an image are lost together, single ones each on its own.
                stream = np.random.default_rng(
                    [seed, PARTS.index(part), number, place if len(lost) < len(units) else 0]
                )
                lacking = stream.random(len(x)) < self.rate
                present[lacking, x.units.index(units[place])] = False
                for name in names:
                    width = arrays[name].shape[-1] // len(units)
                    own = np.s_[..., place * width : (place + 1) * width]
                    filling = zeros[name][own] if self.fill == "zero" and zeros else modality.filled_with
                    arrays[name][(lacking, *own)] = filling
        return Inputs(arrays, present, x.source, x.sequences)


COMPLETE = Condition()


def by_sequence(modalities: Collection[str], sequences: Sequence[str], when: When = "always") -> list[Condition]:
    """Without each sequence of the image, then with each as the only one; nothing where there are not several.

    Of two these are the same conditions, which come once.
    """
    if len(sequences) < 2 or "image" not in modalities:
        return []
    others = frozenset(modalities) - {"image"}
    units = frozenset(units_of(["image"], sequences))
    kept = [units - {unit} for unit in sorted(units)] + [frozenset({unit}) for unit in sorted(units)]
    return list(dict.fromkeys(Condition(others | own, when) for own in kept))


def all_subsets(modalities: Collection[str] = PAPER_ORDER, when: When = "always") -> list[Condition]:
    """The non-empty subsets of these modalities, the whole last: seven of three, in the order of the paper's Table 2.

    The whole is `COMPLETE`, and so shares its runs with every other table.
    """
    order = in_order(modalities, PAPER_ORDER)
    parts = [frozenset(kept) for size in range(1, len(order)) for kept in combinations(order, size)]
    return [*(Condition(kept, when) for kept in parts), COMPLETE]
