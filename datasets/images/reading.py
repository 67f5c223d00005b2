"""What the owner of a cohort declares of its volumes."""

from dataclasses import dataclass
from pathlib import Path

Files = tuple[Path, Path | None]
"""An image, and its brain mask where there is one."""


@dataclass(frozen=True)
class Reading:
    """How files are to be read that could mean several things.

    Args:
        nan_is_background: NaN marks what lies outside the brain, as SPM writes it.
        resample_masks: masks lie in the space of their image, perhaps on another grid.
    """

    nan_is_background: bool = False
    resample_masks: bool = False


PLAIN = Reading()
