"""The preparation of volumes against MONAI's transforms: the same geometry, and lesions that MONAI's would lose."""

from itertools import permutations, product
from pathlib import Path

import nibabel
import numpy as np
import pytest

from strokebench.datasets.encoders.contract import Target
from strokebench.datasets.mri import prepare

TARGET = Target((24, 28, 24), 6.0)


def head(shape=(48, 56, 48), lesion=None, spacing=3.0):
    """A head that fades towards its edge, with an off-centre bright part: no two orientations look alike."""
    grid = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij"))
    radii = np.array([0.75, 0.85, 0.7])[:, None, None, None]
    data = np.clip(1 - ((grid / radii) ** 2).sum(0), 0, None) * (100.0 + 40 * grid[0] + 20 * grid[1])
    data[((grid - np.array([0.3, -0.3, 0.2])[:, None, None, None]) ** 2).sum(0) < 0.04] = 180
    if lesion is not None:
        data[lesion] = 400
    return data.astype(np.float32), np.diag([spacing, spacing, spacing, 1.0])


def with_monai(path: Path) -> np.ndarray:
    from monai.transforms import (
        Compose,
        EnsureChannelFirst,
        LoadImage,
        NormalizeIntensity,
        Orientation,
        ResizeWithPadOrCrop,
        Spacing,
    )

    steps = [
        LoadImage(image_only=True),
        EnsureChannelFirst(),
        Orientation("RAS", labels=None),
        NormalizeIntensity(nonzero=True),
        Spacing((TARGET.spacing,) * 3, mode="bilinear", padding_mode="zeros"),
        ResizeWithPadOrCrop(TARGET.shape),
    ]
    return np.asarray(Compose(steps)(path))[0]


def save(path: Path, data: np.ndarray, affine: np.ndarray, axes=(0, 1, 2), flips=(1, 1, 1)) -> Path:
    """The same head, stored with other axes and directions."""
    image = nibabel.Nifti1Image(data, affine)
    orientation = np.array([[axis, flip] for axis, flip in zip(axes, flips, strict=True)])
    nibabel.save(image.as_reoriented(orientation), path)
    return path


@pytest.mark.parametrize(("axes", "flips"), [*zip(permutations(range(3)), product((1, -1), repeat=3), strict=False)])
def test_geometry_is_monais_in_any_orientation(axes, flips, tmp_path):
    path = save(tmp_path / "head.nii.gz", *head(), axes, flips)
    ours, theirs = prepare(path, TARGET), with_monai(path)
    assert ours.shape == theirs.shape
    right = np.corrcoef(ours.ravel(), theirs.ravel())[0, 1]
    wrong = [np.corrcoef(ours.ravel(), np.flip(theirs, axis).ravel())[0, 1] for axis in range(3)]
    # Not 1: ours averages before it samples, and centres the head instead of the box.
    assert right > 0.85 > 0.1 + max(wrong)


def test_a_lesion_does_not_fall_between_the_samples(tmp_path):
    """A lesion of 3 mm in voxels of 1 mm, on a grid of 6 mm, wherever it lies."""
    kept = {"ours": [], "MONAI": []}
    plain = head((96, 112, 96), spacing=1.5)
    for corner in range(40, 44):
        place = tuple(slice(corner, corner + 2) for _ in range(3))
        path = save(tmp_path / f"{corner}.nii", *head((96, 112, 96), place, 1.5))
        bare = save(tmp_path / "bare.nii", *plain)
        kept["ours"].append(np.abs(prepare(path, TARGET) - prepare(bare, TARGET)).max())
        kept["MONAI"].append(np.abs(with_monai(path) - with_monai(bare)).max())
    assert min(kept["ours"]) > 2 * min(kept["MONAI"])
