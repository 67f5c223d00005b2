from __future__ import annotations

import numpy as np
import pytest

from strokebench.datasets.images.rendering import AFFINE, LESION, SHAPE, fill, render
from strokebench.errors import StrokebenchError

FINE = np.array([[-1.0, 0, 0, 78], [0, 1, 0, -112], [0, 0, 1, -50], [0, 0, 0, 1]])


def ball(x: float, y: float, z: float, radius: float) -> np.ndarray:
    shape = (157, 189, 136)
    world = np.moveaxis(np.indices(shape), 0, -1) @ FINE[:3, :3].T + FINE[:3, 3]
    return (((world - (x, y, z)) ** 2).sum(-1) <= radius**2).astype(np.uint8)


def test_the_lesion_keeps_its_place_and_volume():
    mask = ball(-40, 10, 20, 12)
    filled = fill(mask, FINE)
    assert filled.sum() * 27 == pytest.approx(mask.sum())
    where = (np.argwhere(filled) * filled[filled > 0][:, None]).sum(0) / filled.sum()
    assert where @ AFFINE[:3, :3] + AFFINE[:3, 3] == pytest.approx((-40, 10, 20), abs=0.2)


def test_image_and_mask_agree():
    image, lesion = render(ball(-40, 10, 20, 12), FINE)
    healthy, none = render(np.zeros((157, 189, 136)), FINE)
    assert image.shape == lesion.shape == SHAPE
    assert none.sum() == 0
    assert np.array_equal(image == healthy, fill(ball(-40, 10, 20, 12), FINE) == 0)
    assert image[lesion > 0].min() > healthy.max() >= 590
    assert image.max() == LESION
    for face in (healthy[0], healthy[-1], healthy[:, 0], healthy[:, -1], healthy[:, :, -1]):
        assert not face.any(), "the brain fits, but for its stem"
    assert np.allclose(AFFINE @ [SHAPE[0] - 1, 0, 0, 1], [-AFFINE[0, 3], *AFFINE[1:, 3]]), "as far right as left"
    # The template's own left and right, front and back: brain at the middle, air at the corners.
    assert healthy[26, 37, 30] > 0 and healthy[0, 0, 0] == healthy[-1, -1, -1] == 0


def test_a_lesion_of_one_voxel_survives():
    mask = np.zeros((157, 189, 136), np.uint8)
    mask[50, 90, 70] = 1
    image, lesion = render(mask, FINE)
    assert lesion.sum() == 1
    assert (image != render(mask * 0, FINE)[0]).sum() == 1


def test_masks_that_cannot_be_laid_on_the_template():
    far = FINE.copy()
    far[0, 3] = 5000
    with pytest.raises(StrokebenchError, match="outside"):
        render(ball(0, 0, 0, 5), far)
    with pytest.raises(StrokebenchError, match="voxels of 5"):
        render(np.ones((5, 5, 5)), np.diag([5.0, 5, 5, 1]))
