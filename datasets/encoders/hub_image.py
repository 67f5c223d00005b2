"""A model for photographs of transformers, on slices: `hf:owner/name@revision` as an image encoder."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from strokebench.datasets.encoders.contract import ImageEncoder
from strokebench.datasets.encoders.repository import CONFIG, OfRepository, Repository
from strokebench.datasets.images.mri import PREPARATION
from strokebench.datasets.images.target import HALF_FINE, Target
from strokebench.errors import StrokebenchError
from strokebench.files import digest

SETTINGS = "preprocessor_config.json"


@dataclass(frozen=True)
class HubImage(OfRepository, ImageEncoder):  # type: ignore[override]
    """Any model that gives a map of features or patches in rows, ViT, DINOv2, ResNet or ConvNeXt say; six slices."""

    target: ClassVar[Target] = HALF_FINE

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"{self.repository} (six slices)"

    @cached_property
    def trained_on(self) -> tuple[str, ...]:
        return self.repository.about().trained_on

    @property
    def dim(self) -> int:
        config = self.repository.settings(CONFIG)
        sizes = config.get("hidden_sizes") or [config.get("hidden_size")]
        if not isinstance(sizes, list) or not isinstance(sizes[-1], int):
            raise StrokebenchError(f"{self.name} names no hidden_size.", "Take a ViT, DINOv2, ResNet or ConvNeXt.")
        return sizes[-1]

    def fingerprint(self) -> str:
        return digest({"class": "HubImage 1", "model": self.repository.fingerprint(), "mri": PREPARATION})

    def encode(
        self, volumes: NDArray[np.float32], device: str = "cpu"
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Vectors (b, d) and tokens (b, 16, d) of volumes (b, x, y, z), as `ImageEncoder` says."""
        from strokebench.datasets.encoders import slices

        model = _model(self.repository).to(device)
        settings = self.repository.settings(SETTINGS)
        colours = settings.get("image_mean") or slices.MEAN, settings.get("image_std") or slices.DEVIATION
        if any(not isinstance(part, list | tuple) or [type(one) for one in part] != [float] * 3 for part in colours):
            what = f"{self.repository.files[SETTINGS]}: image_mean and image_std are not three decimals each."
            raise StrokebenchError(what, f"Give the file of {self.repository}.")
        return slices.run(lambda pictures: _map(model, pictures), volumes, device, _side(model.config), *colours)


@lru_cache(maxsize=1)
def _model(repository: Repository) -> Any:
    from strokebench.datasets.encoders.bert import quiet_transformers
    from strokebench.datasets.encoders.repository import load_repository

    with quiet_transformers():
        model = load_repository(repository)
    if model.main_input_name != "pixel_values":
        raise StrokebenchError(f"{repository} is no model of pictures.", "Give it as --text-encoder, or take another.")
    return model


def _side(config: Any) -> int:
    size = getattr(config, "image_size", 224)
    return size if isinstance(size, int) else size[0]


def _map(model: Any, pictures: Any) -> Any:
    """The last layer as a map (n, d, rows, columns)."""
    last = model(pixel_values=pictures).last_hidden_state
    if last.ndim == 4:
        return last
    # Tokens of the picture as a whole stand before those of its patches.
    rows = int((last.shape[1]) ** 0.5)
    return last[:, -rows * rows :].transpose(1, 2).unflatten(2, (rows, rows))
