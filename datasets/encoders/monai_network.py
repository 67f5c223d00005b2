"""A network of MONAI with a file of weights: `monai:network@file`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from strokebench.datasets.encoders.contract import ImageEncoder
from strokebench.datasets.encoders.weights import weights_digest
from strokebench.datasets.images.mri import PREPARATION
from strokebench.datasets.images.target import WHOLE_HEAD, Target
from strokebench.errors import StrokebenchError, unknown_name
from strokebench.files import digest

if TYPE_CHECKING:
    import torch

CHANNELS = {
    **{f"resnet{depth}": 512 if depth < 50 else 2048 for depth in (10, 18, 34, 50, 101, 152, 200)},
    **{"densenet121": 1024, "densenet169": 1664},
}
"""Networks that can be read, and the channels of their last map."""
SHORTCUT_A = ("resnet18", "resnet34")
"""MedicalNet publishes these with another shortcut than its other depths."""


@dataclass(frozen=True)
class MonaiNetwork(ImageEncoder):
    """A ResNet (in MedicalNet's form) or DenseNet of MONAI on volumes of one channel.

    Args:
        network: a key of `CHANNELS`. file: its weights, `state_dict` or tensors by name.
    """

    target: ClassVar[Target] = WHOLE_HEAD

    network: str
    file: Path

    @classmethod
    def parse(cls, given: str, weights: Path | None) -> Self:
        """Of `network@file`; the file is looked for in the folder of weights, if it is not named from the root.

        Raises:
            StrokebenchError: it is not of this form, or there is no such network.
        """
        network, at, file = given.partition("@")
        if not at or not file or any(len(part.encode()) > 255 for part in Path(file).parts):
            raise StrokebenchError(
                f"monai:{given[:99]} names no file.", "Write monai:network@file, e.g. resnet18@my.pth."
            )
        if network not in CHANNELS:
            raise unknown_name("network of MONAI", network, CHANNELS)
        return cls(network, (weights or Path()) / Path(file).expanduser())

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"{self.network} ({self.file.name})"

    @property
    def dim(self) -> int:
        return CHANNELS[self.network]

    def fingerprint(self) -> str:
        if not self.file.is_file():
            raise StrokebenchError(f"There is no file {self.file}.", "Give its path, or its folder by --weights.")
        parts = {"class": "MonaiNetwork 1", "network": self.network, "weights": weights_digest(self.file)}
        return digest({**parts, "mri": PREPARATION})

    def encode(
        self, volumes: NDArray[np.float32], device: str = "cpu"
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Vectors (b, d) and tokens (b, 16, d) of volumes (b, x, y, z), as `ImageEncoder` says."""
        from strokebench.datasets.encoders.resnet import pool, run, stage_maps

        # A file that is written anew within one process is read anew.
        network = _network(self, self.file.stat().st_mtime_ns)
        body = getattr(network, "features", None) or (lambda inputs: stage_maps(network, inputs)[-1])
        return run(network, volumes, device, lambda inputs: pool(body(inputs)))


@lru_cache(maxsize=1)
def _network(encoder: MonaiNetwork, changed: int) -> torch.nn.Module:
    import torch

    from strokebench.datasets.encoders.resnet import load_body
    from strokebench.datasets.images.light_monai import nets

    name, path = encoder.network, encoder.file
    with torch.random.fork_rng(devices=[]):
        if name.startswith("resnet"):
            other = name in SHORTCUT_A
            network = getattr(nets, name)(
                spatial_dims=3,
                n_input_channels=1,
                feed_forward=False,
                shortcut_type="A" if other else "B",
                bias_downsample=other,
            )
        else:
            network = getattr(nets, name.replace("densenet", "DenseNet"))(spatial_dims=3, in_channels=1, out_channels=1)
            network.class_layers = torch.nn.Identity()
    load_body(network, path, name, "the file of this network")
    return network.eval()
