"""A mask is the same whatever two values, trailing axes and order of axes it is stored in."""

import nibabel
import numpy as np
import pytest

from strokebench.datasets.images.mask import read_mask
from strokebench.datasets.images.nifti import VolumeError

AFFINE = np.diag([2.0, 2, 2, 1])
SHAPE = (10, 12, 8)


def block(shape=SHAPE):
    mask = np.zeros(shape, np.uint8)
    mask[2:6, 3:9, 2:7] = 1
    return mask


def save(path, data, affine=AFFINE, slope=None):
    image = nibabel.Nifti1Image(data, affine)
    if slope:
        image.header.set_slope_inter(slope, 0)
        image.header.set_data_dtype(np.uint8)
        # nibabel would divide by the slope when it writes.
        content = bytearray(image.__class__(data, affine).to_bytes())
        content[112:116] = np.float32(slope).tobytes()
        path.write_bytes(bytes(content))
    else:
        nibabel.save(image, path)
    return path


@pytest.mark.parametrize(
    ("data", "slope"),
    [
        (block(), None),
        (block() * 255, None),
        (block() * 255, 1 / 255),
        (block() * 255, 0.0039),
        (block(), 1 / 255),
        (block() * 7.0, None),
        (block()[..., None], None),
        (block()[..., None, None], None),
    ],
)
def test_two_values_are_a_mask(tmp_path, data, slope):
    found = read_mask(save(tmp_path / "m.nii", data, slope=slope), SHAPE, AFFINE)
    np.testing.assert_array_equal(found, block() > 0)


def test_an_empty_mask_is_a_mask(tmp_path):
    assert not read_mask(save(tmp_path / "m.nii", block() * 0), SHAPE, AFFINE).any()


def test_a_mask_may_reach_to_the_borders(tmp_path):
    cut = block() * 0 + 1
    cut[0, 0, 0] = 0
    assert read_mask(save(tmp_path / "m.nii", cut), SHAPE, AFFINE).sum() == cut.sum()


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (block() * np.arange(8, dtype=np.uint8), "values"),
        (block() + np.uint8(1), "values"),
        (block() * 0 + 255, "values"),
        (1 - block(), "values"),
        (np.where(block() > 0, 1.0, np.nan), "values"),
        (-block().astype(np.int16), "values"),
        (np.stack([block(), block()], -1), "values"),
        (block((10, 12, 9)), "grid"),
    ],
)
def test_what_is_no_mask_of_its_image_has_its_fault(tmp_path, data, fault):
    with pytest.raises(VolumeError) as caught:
        read_mask(save(tmp_path / "m.nii", data), SHAPE, AFFINE)
    assert caught.value.fault == fault


def test_the_same_voxels_in_another_order_are_the_same_mask(tmp_path):
    turned = nibabel.as_closest_canonical(nibabel.Nifti1Image(block(), AFFINE)).as_reoriented([[1, 1], [0, -1], [2, 1]])
    nibabel.save(turned, tmp_path / "m.nii")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.nii", SHAPE, AFFINE), block() > 0)


def test_a_mask_of_another_grid_is_resampled_on_request(tmp_path):
    fine = np.diag([1.0, 1, 1, 1])
    fine[:3, 3] = -0.5
    path = save(tmp_path / "m.nii", block().repeat(2, 0).repeat(2, 1).repeat(2, 2), fine)
    with pytest.raises(VolumeError, match="mask_grid: resample"):
        read_mask(path, SHAPE, AFFINE)
    np.testing.assert_array_equal(read_mask(path, SHAPE, AFFINE, resample=True), block() > 0)
    between = np.zeros((20, 24, 16), np.uint8)
    between[9, 11, 7] = 1
    found = read_mask(save(tmp_path / "n.nii", between, np.eye(4)), SHAPE, AFFINE, resample=True)
    assert found.sum() == 1 and found[4:6, 5:7, 3:5].any()
    shifted = AFFINE.copy()
    shifted[:3, 3] = 500
    with pytest.raises(VolumeError, match="outside its image"):
        read_mask(path, SHAPE, shifted, resample=True)
