"""What is compared with what: the networks of other programs, those of ours, and how both are run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Way(StrEnum):
    """How fits are run; a worker is started for each.

    FIT: one at a time on one thread, which compares the code of a training step and what surrounds it.
    CROSS_VALIDATION: all folds as each program fits them on all cores, which compares how long a user waits.
    """

    FIT = "One fit at a time, one thread"
    CROSS_VALIDATION = "A cross-validation, all cores"


@dataclass(frozen=True)
class Pair:
    """A network of a peer and the one of ours that it is compared with.

    Args:
        peer, network: name in `strokebench.benchmarks.measuring.peers.PEERS`, and of the network in the peer's script.
        ours: registry name of our method.
        label: what the peer's side is, short: the table's row.
        same_network: whether both have the same layers of the same widths.
        differs: what is not the same, in words.
        way: how both are run.
    """

    peer: str
    network: str
    ours: str
    label: str
    same_network: bool
    differs: str
    way: Way = Way.FIT

    @property
    def key(self) -> str:
        """Its name in results."""
        return f"{self.way.name.lower()}-{self.peer}-{self.network}-{self.ours}"


_PLAIN = "theirs trains with plain Adam at a constant rate, without clipping, noise or MixUp"
_BARE = (
    f"{_PLAIN}; and its model and data loaders run in a Lightning `Trainer` without its checkpoints, log, progress bar"
    " and early stopping: less than fusilli offers"
)
_ATTENTION = (
    "theirs, as shipped, attends between the patients of a batch on pooled vectors, ours between 16 image tokens and"
    f" text; {_PLAIN}"
)
_COMPONENTS = f"the layers are its custom components; {_PLAIN}, and without validation AUC"
_TABMLP = f"one network for all columns; {_PLAIN}, and without validation AUC"
_ONE_AFTER_OTHER = f"{_PLAIN}; it fits one fold after the other, ours one fold a core"
PAIRS = (
    Pair("fusilli", "concat_same", "concat", "fusilli, our layers", True, _PLAIN),
    Pair("fusilli", "concat_bare", "concat", "fusilli, our layers, bare", True, _BARE),
    Pair("fusilli", "concat", "concat", "fusilli, feature maps", False, f"their layers as shipped; {_PLAIN}"),
    Pair("fusilli", "attention", "cross_attention", "fusilli, cross-attention", False, _ATTENTION),
    Pair(
        "fusilli", "attention", "vdafm", "fusilli, cross-attention", False, f"ours is much the larger network; {_PLAIN}"
    ),
    Pair("widedeep", "concat_same", "concat", "widedeep, our layers", True, _COMPONENTS),
    Pair("widedeep", "tabmlp", "concat", "widedeep, TabMlp", False, _TABMLP),
    Pair("fusilli", "concat_same", "concat", "fusilli, our layers", True, _ONE_AFTER_OTHER, Way.CROSS_VALIDATION),
)
