"""Volumes of lesion masks."""

import os
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest

from strokebench.datasets.images.mask_volumes import lesion_volumes
from strokebench.errors import StrokebenchError


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "home"))


def mask(path: Path, voxels: int, size: tuple[float, float, float]) -> Path:
    data = np.zeros((10, 10, 10), np.uint8)
    data.flat[:voxels] = 1
    nibabel.save(nibabel.Nifti1Image(data, np.diag([*size, 1])), path)
    return path


def test_voxels_count_by_their_size_whichever_way_the_axes_point(tmp_path: Path):
    masks = pd.Series({"a": mask(tmp_path / "a.nii.gz", 50, (2, 2, 5)), "b": mask(tmp_path / "b.nii", 8, (-1, 1, 1))})
    masks["c"] = None
    np.testing.assert_allclose(lesion_volumes(masks), [1.0, 0.008, np.nan])


def test_a_mask_that_changes_is_measured_anew(tmp_path: Path):
    masks = pd.Series({"a": mask(tmp_path / "a.nii", 50, (1, 1, 1))})
    assert lesion_volumes(masks)["a"] == pytest.approx(0.05)
    before = masks["a"].stat()
    mask(tmp_path / "a.nii", 60, (1, 1, 1))
    # As an archive whose files all have one time unpacks it.
    os.utime(masks["a"], ns=(before.st_atime_ns, before.st_mtime_ns))
    assert masks["a"].stat().st_size == before.st_size
    assert lesion_volumes(masks)["a"] == pytest.approx(0.06)


def test_a_mask_that_cannot_be_read_names_the_patient(tmp_path: Path):
    (tmp_path / "a.nii").write_bytes(b"no image")
    with pytest.raises(StrokebenchError, match="Patient a"):
        lesion_volumes(pd.Series({"a": tmp_path / "a.nii"}))


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_mask_without_a_usable_affine_names_the_patient(tmp_path: Path, value: float):
    image = nibabel.load(mask(tmp_path / "a.nii", 50, (1, 1, 1)))
    for row in ("srow_x", "srow_y", "srow_z"):
        image.header[row] = value
    nibabel.save(nibabel.Nifti1Image(np.asarray(image.dataobj), None, image.header), tmp_path / "b.nii")
    with pytest.raises(StrokebenchError, match=r"Patient a: .*b\.nii has a singular affine"):
        lesion_volumes(pd.Series({"a": tmp_path / "b.nii"}))


def test_a_compressed_mask_that_is_not_named_so_is_measured(tmp_path: Path):
    packed = mask(tmp_path / "a.nii.gz", 50, (1, 1, 1)).rename(tmp_path / "a.nii")
    assert lesion_volumes(pd.Series({"a": packed}))["a"] == pytest.approx(0.05)


def test_of_a_pair_a_change_of_the_voxels_is_noticed(tmp_path: Path):
    data = np.zeros((10, 10, 10), np.uint8)
    nibabel.save(nibabel.Nifti1Pair(data, np.eye(4)), tmp_path / "b.hdr")
    for voxels in (50, 600):
        data.flat[:voxels] = 1
        (tmp_path / "b.img").write_bytes(data.tobytes(order="F"))
        assert lesion_volumes(pd.Series({"a": tmp_path / "b.hdr"}))["a"] == pytest.approx(voxels / 1000)
