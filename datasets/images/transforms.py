"""The steps from a volume in RAS orientation to an encoder's grid, each made of MONAI's transforms.

Imported where a volume is prepared, never earlier: MONAI takes seconds to import.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from strokebench.datasets.images.light_monai import (
    DivisiblePad,
    MaskIntensity,
    MetaTensor,
    Orientation,
    Resize,
    SpatialResample,
)
from strokebench.datasets.images.mask import largest_piece
from strokebench.datasets.images.placing import middle
from strokebench.datasets.images.target import Target

Image = Any
"""A `MetaTensor` (1, x, y, z); the annotations of MONAI and PyTorch lose its class on the way."""
CLIP_PERCENTILES = (0.1, 99.9)
"""Our choice. Narrower limits would cut acute infarcts of a few millilitres down to healthy tissue."""
AIR_HU, TISSUE_HU = -1000.0, -250.0
"""Hounsfield units of air, and from which a voxel is no air, lung or foam (our choice)."""
SHADES = (-2.0, 4.0)
"""What the ends of a CT's window become: the standardised intensities that encoders show as black and white (ours)."""
FOREGROUND = 0.06
"""Share of the bright end above the background from which a voxel belongs to the head."""


def to_ras(data: NDArray[np.float32], affine: NDArray[np.float64]) -> Image:
    """A volume (x, y, z) in any orientation as (1, x, y, z), left to right, back to front, bottom to top.

    An oblique volume keeps its own axes, named by the nearest anatomical ones.
    """
    image = MetaTensor(torch.from_numpy(np.ascontiguousarray(data))[None], affine=torch.from_numpy(affine))
    return Orientation("RAS", labels=None)(image)


def within(image: Image, mask: Image, hounsfield: bool = False) -> Image:
    """The image (1, x, y, z) with background outside the mask (1, x, y, z): air, where it is in Hounsfield units.

    Else it is shifted first where it is negative, so that 0 is background.
    """
    if hounsfield:
        return MaskIntensity()(image - AIR_HU, mask) + AIR_HU
    return MaskIntensity()(image - image.min().clamp(max=0), mask)


def averaged(image: Image, spacing: float) -> Image:
    """Average voxels (1, x, y, z) that are finer than the target's: a lesion must not fall between its samples.

    The mean over cells, not `GaussianSmooth`: it keeps a lesion of 3 mm as evenly wherever it lies (peaks vary by
    29 % of their mean from 1 to 6 mm, 33 % with a Gaussian of scikit-image's width), takes 0.03 s of a head at
    1 mm where the Gaussian takes 4.6 s, and does not darken the edges, which show the background.

    Args:
        spacing: of the target in mm. A cell never grows beyond it.
    """
    factors = np.maximum(np.floor(spacing / _edges(image) + 1e-3).astype(int), 1)
    if factors.max() == 1:
        return image
    # Where cells do not fit, PyTorch's would overlap and blur; beyond the border there is more of the same.
    fitted = DivisiblePad(factors.tolist(), mode="edge")(image)
    return Resize([n // factor for n, factor in zip(fitted.shape[1:], factors, strict=True)], mode="area")(fitted)


def find_head(image: Image, hounsfield: bool = False) -> torch.Tensor:
    """Voxels (1, x, y, z) that stand out from the background, which the twelve edges of the box show.

    In Hounsfield units with air around, the largest piece of tissue and bone: a headrest is another.

    MONAI's `ForegroundMask` wants a threshold on the scale of the image, or Otsu's, which parts bright tissue
    from dark and not the head from the air.
    """
    data = image[0].numpy()
    edges = [np.moveaxis(data, axis, 0)[:, [0, 0, -1, -1], [0, -1, 0, -1]].ravel() for axis in range(3)]
    background = np.median(np.concatenate(edges))
    if hounsfield and background < TISSUE_HU:
        return torch.from_numpy(largest_piece(data > TISSUE_HU))[None]
    difference = np.abs(data - background)
    return torch.from_numpy(difference > FOREGROUND * np.percentile(difference, 99))[None]


def grid_around(image: Image, head: torch.Tensor, target: Target) -> torch.Tensor:
    """The target's grid about the middle of the head, (1, x, y, z): voxel to world millimetres, (4, 4)."""
    scale = target.spacing / _edges(image)
    # To voxels of the image from those of the grid: one interpolation settles spacing and field of view alike.
    grid = np.diag([*scale, 1.0])
    grid[:3, 3] = middle(head[0].numpy(), _edges(image), target) - scale * (np.array(target.shape) - 1) / 2
    return image.affine @ torch.from_numpy(grid)


def on_grid(image: Image, head: torch.Tensor, grid: torch.Tensor, target: Target) -> tuple[torch.Tensor, torch.Tensor]:
    """Image and head, each (1, x, y, z), on a grid (4, 4) of the target's shape; linear, 0 outside."""
    both: Image = torch.cat([image, head.to(image.dtype)])
    # To voxels of the image from those of the grid.
    step = torch.linalg.solve(image.affine, grid.to(image.affine.dtype))
    if torch.allclose(step[:3, :3], torch.diag(step.diagonal()[:3]), atol=1e-6):
        # Axes that agree are interpolated one after the other, in a tenth of the time.
        moved = both.as_tensor()
        for axis, n in enumerate(target.shape):
            places = step[axis, axis] * torch.arange(n) + step[axis, 3]
            distance = (places[:, None] - torch.arange(both.shape[1 + axis])).abs()
            moved = torch.tensordot(moved, (1 - distance).clamp(min=0).to(moved.dtype), dims=([1], [1]))
    else:
        resample: Any = SpatialResample(mode="bilinear", padding_mode="zeros", dtype=np.float32)
        moved = resample(both, dst_affine=grid, spatial_size=target.shape).as_tensor()
    return moved[:1], moved[1:] > 0.5


def standardised(image: torch.Tensor, head: torch.Tensor) -> torch.Tensor:
    """Intensities (1, x, y, z) clipped to percentiles of the head, mean 0 and variance 1 within it, 0 outside.

    The last step, since an interpolation afterwards would shrink the variance, by as much as the grid's place says.
    """
    # The limits by NumPy: `ClipIntensityPercentiles` sorts all voxels twice, which takes as long as the other steps.
    inside = image[head]
    low, high = np.percentile(inside.numpy(), CLIP_PERCENTILES)
    inside = inside.clamp(float(low), float(high))
    deviation, mean = torch.std_mean(inside, correction=0)
    result = torch.zeros_like(image)
    result[head] = (inside - mean) / (deviation if deviation > 0 else 1)
    return result


def windowed(image: torch.Tensor, head: torch.Tensor, window: tuple[float, float]) -> torch.Tensor:
    """A CT's intensities (1, x, y, z) between the ends of the window, which become `SHADES`; 0 outside the head.

    Hounsfield units mean the same in every patient, which a patient's own mean and variance would undo.
    """
    low, high = window
    result = torch.zeros_like(image)
    shades = SHADES[0] + (SHADES[1] - SHADES[0]) * (image[head].clamp(low, high) - low) / (high - low)
    result[head] = shades
    return result


def _edges(image: Image) -> NDArray[np.float64]:
    """Edges of a voxel in mm."""
    return np.asarray(image.pixdim, dtype=np.float64)
