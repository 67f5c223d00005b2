"""How a network for photographs sees a volume: six axial slices."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from strokebench.datasets.encoders.contract import GRID

SLICES = 6
HEIGHTS = (0.12, 0.88)
"""Between these shares of the head's height the slices are spread evenly (ours)."""
GREYS = (-2.0, 4.0)
"""Standardised intensities that become black and white (ours)."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of red, green and blue in ImageNet's photographs, as networks for them expect to have them taken out."""


def slices(volumes: NDArray[np.float32]) -> torch.Tensor:
    """Slices (b, 6, y, x) of volumes (b, x, y, z), bottom to top, greys 0 to 1, the forehead up."""
    rows = []
    for volume in volumes:
        inside = np.flatnonzero((volume != 0).any(axis=(0, 1)))
        low, high = (int(inside[0]), int(inside[-1])) if len(inside) else (0, volume.shape[2] - 1)
        heights = low + np.linspace(*HEIGHTS, SLICES) * (high - low)
        rows.append(volume[:, ::-1, np.rint(heights).astype(int)].transpose(2, 1, 0))
    greys = (np.stack(rows) - GREYS[0]) / (GREYS[1] - GREYS[0])
    return torch.from_numpy(np.clip(greys, 0, 1).astype(np.float32))


def run(
    features: Callable[[torch.Tensor], torch.Tensor],
    volumes: NDArray[np.float32],
    device: str,
    side: int,
    mean: Sequence[float] = MEAN,
    deviation: Sequence[float] = DEVIATION,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vectors (b, d) and tokens (b, 16, d) of volumes (b, x, y, z): means over the slices and over space or a cell.

    Args:
        features: from pictures (n, 3, side, side) to a map (n, d, rows, columns).
        mean, deviation: of the three colours, as the network was trained.
    """
    found = slices(volumes)
    pictures = found.flatten(0, 1)[:, None].expand(-1, 3, -1, -1)
    if side != pictures.shape[-1]:
        pictures = torch.nn.functional.interpolate(pictures, (side, side), mode="bilinear", antialias=True)
    centre, scale = (torch.tensor(values, dtype=torch.float32)[:, None, None] for values in (mean, deviation))
    with torch.inference_mode(), torch.autocast(device, enabled=device != "cpu"):
        maps = features(((pictures - centre) / scale).to(device)).float()
    maps = maps.unflatten(0, found.shape[:2]).mean(1)
    # From rows and columns of a picture to left to right, back to front.
    cells = torch.nn.functional.adaptive_avg_pool2d(maps.flip(2).transpose(2, 3), GRID)
    vectors, tokens = maps.mean((2, 3)), cells.flatten(2).transpose(1, 2)
    return vectors.cpu().numpy(), tokens.cpu().contiguous().numpy()
