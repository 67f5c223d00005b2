"""What is used of MONAI, imported in two seconds instead of six.

MONAI imports all of itself, and with it what other parts of it have an optional use for; those are hidden meanwhile.
"""

import sys
from collections.abc import Sequence
from threading import get_ident
from types import ModuleType

__all__ = [
    "DivisiblePad",
    "Down",
    "MaskIntensity",
    "MetaTensor",
    "Orientation",
    "Resize",
    "SpatialResample",
    "TwoConv",
    "nets",
]

_HIDDEN = ("matplotlib", "mlflow", "optuna", "transformers")


class _Hiding:
    """Finds nothing of `_HIDDEN` for the thread that imports MONAI; for others everything stays where it is."""

    thread = get_ident()

    @classmethod
    def find_spec(cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> None:
        if get_ident() == cls.thread and name.partition(".")[0] in _HIDDEN:
            raise ModuleNotFoundError(f"{name} is hidden from MONAI", name=name)


sys.meta_path.insert(0, _Hiding)
try:
    from monai.data import MetaTensor
    from monai.networks import nets
    from monai.networks.nets.basic_unet import Down, TwoConv
    from monai.transforms import DivisiblePad, MaskIntensity, Orientation, Resize, SpatialResample
finally:
    sys.meta_path.remove(_Hiding)
