"""What the paper did, each fact once: experiments repeat it, reports set ours beside it.

What it printed is in `reports/paper/paper_numbers.csv`.
"""

from collections.abc import Mapping
from typing import Any

PROPOSED = "vdafm"

OUTCOME = "nihss < 7"
"""What the paper predicts; its numbers stand beside no other outcome."""

REFERENCE = "Reference, not in the paper"
"""The category of what the paper's methods are held against; it stands beneath them and is never ranked among them."""

PAPER_ORDER = ("text", "image", "table")
"""The modalities as its Table 2 has them."""

POSITIVES, NEGATIVES, RUNS = 46, 100, 4
"""The paper's test part and its runs on it, as its printed numbers tell."""

ANGLE_SEED = 42
"""The seed whose test patients' angles the paper compares (section 4.3)."""

SIZES: Mapping[str, Mapping[str, int]] = {
    "small": {"hidden": 128, "width": 64},
    "paper": {"hidden": 512, "width": 256},
}
"""Hidden units and width of all the networks of Table 1, one size for all of them, so that none is at an advantage.

`paper` is VDAFM's final setting (section 4.5), for the rivals our choice. `small`, the default, is the smallest of the
paper's own grid: a training part has a few hundred patients. No result was looked at for it."""

CHOSEN: Mapping[str, Any] = {"layers": 1, "heads": 16, **SIZES["paper"], "dropout": 0.5}
"""The final setting (section 4.5): VDAFM's default but for its size."""

LOSS_WEIGHTS = ("contrastive_weight", "alignment_weight")
ALL_LOSSES = "cls+con+sem"
LOSSES: Mapping[str, Mapping[str, float]] = {
    "cls": dict.fromkeys(LOSS_WEIGHTS, 0.0),
    "cls+con": {"alignment_weight": 0.0},
    "cls+sem": {"contrastive_weight": 0.0},
    ALL_LOSSES: {},
}
"""Label in the paper's Table 3 -> what differs from the defaults."""

LOSS_LABELS: Mapping[str, str] = {
    "cls": "Classification",
    "cls+con": "+ contrastive",
    "cls+sem": "+ alignment",
    ALL_LOSSES: "All losses",
}
"""The same rows as tables of ours call them."""

GRIDS: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "figure2": {"layers": (1, 2, 3), "heads": (4, 8, 16, 32)},
    # The paper's upper ends are 0.5 and 0.1; the other values are ours.
    "figure3": {"contrastive_weight": (0.05, 0.1, 0.2, 0.5), "alignment_weight": (0.01, 0.02, 0.05, 0.1)},
    "figure4": {"hidden:width": ("128:64", "256:128", "512:256", "512:512")},
    "dropout": {"dropout": (0.3, 0.4, 0.5, 0.6, 0.7)},
}
"""What section 4.5 varies, by experiment: axis -> values; `a:b` are parameters that vary together."""

NEW_HOSPITAL_METHODS = (PROPOSED, "sparsemm", "concat", "random_forest")
"""The methods of figure 5 (section 4.6)."""


def apart(axis: str, value: Any) -> dict[str, Any]:
    """A point of an axis by parameter: `hidden:width` at `512:256` is `{"hidden": 512, "width": 256}`."""
    names = axis.split(":")
    return {axis: value} if len(names) == 1 else dict(zip(names, map(int, value.split(":")), strict=True))
