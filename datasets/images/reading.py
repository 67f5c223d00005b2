"""What the owner of a cohort declares of its volumes."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

Files = tuple[Path, Path | None]
"""An image, and its brain mask where there is one."""


@dataclass(frozen=True)
class Reading:
    """How files are to be read that could mean several things.

    Args:
        nan_is_background: NaN marks what lies outside the brain, as SPM writes it.
        resample_masks: masks lie in the space of their image, perhaps on another grid.
        window: Hounsfield units from black to white, for the images are CT; None: MRI.
    """

    nan_is_background: bool = False
    resample_masks: bool = False
    window: tuple[float, float] | None = None

    def decides(self) -> dict[str, Any]:
        """What of it decides how a volume is read; of an MRI as it was before there was CT."""
        return {name: value for name, value in asdict(self).items() if value is not None}


PLAIN = Reading()
