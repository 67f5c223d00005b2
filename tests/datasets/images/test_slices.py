import gzip
import io
import struct

import nibabel
import numpy as np
import pytest
from PIL import Image

from strokebench.datasets.images.slices import SliceSettings, make_slices
from strokebench.errors import StrokebenchError

SETTINGS = SliceSettings(count=5, size=64)


def head(lesion: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """A ball of tissue in RAS+, 3 mm, with a bright lesion at the patient's right front."""
    grid = np.indices((50, 60, 50))
    centre = np.array([25, 30, 25])[:, None, None, None]
    volume = np.where(((grid - centre) ** 2).sum(0) < 20**2, 300.0, 0.0)
    if lesion:
        volume[32:38, 38:44, 20:32] = 900
    return volume.astype(np.float32), np.diag([3.0, 3, 3, 1])


def save(path, volume, affine, orientation="RAS"):
    image = nibabel.Nifti1Image(volume, affine)
    target = nibabel.orientations.axcodes2ornt(tuple(orientation))
    change = nibabel.orientations.ornt_transform(nibabel.io_orientation(affine), target)
    image = image.as_reoriented(change)
    image.header["descrip"] = b"Doe, John 1950"
    image.to_filename(path)
    return path


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png))).astype(float)


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "LAS", "PIR", "SRA", "ASL"])
def test_pictures_are_radiological_whatever_the_orientation_of_the_file(tmp_path, orientation):
    volume, affine = head()
    pictures = make_slices(save(tmp_path / "a.nii.gz", volume, affine, orientation), SETTINGS)
    reference = make_slices(save(tmp_path / "b.nii", volume, affine), SETTINGS)
    assert pictures == reference
    middle = pixels(pictures[2])
    row, column = np.argwhere(middle > 240).mean(0)
    assert row < 32 and column < 32, "the patient's right front belongs to the upper left"


def test_a_png_holds_pixels_and_nothing_else(tmp_path):
    for png in make_slices(save(tmp_path / "Doe_John.nii.gz", *head()), SETTINGS):
        kinds, position = [], 8
        while position < len(png):
            (length,) = struct.unpack(">I", png[position : position + 4])
            kinds.append(png[position + 4 : position + 8])
            position += length + 12
        assert set(kinds) == {b"IHDR", b"IDAT", b"IEND"}
        assert pixels(png).shape == (64, 64)


def test_slices_go_from_base_to_vertex_and_leave_the_neck_out(tmp_path):
    volume, affine = head(lesion=False)
    tall = np.zeros((50, 60, 120), np.float32)
    tall[:, :, 70:] = volume
    tall[16:34, 21:39, :75] = 300  # a neck
    widths = [(pixels(p) > 20).sum() for p in make_slices(save(tmp_path / "a.nii", tall, affine), SETTINGS)]
    assert len(widths) == 5
    assert widths[2] == max(widths), "the widest slice is the middle one"


def test_square_pixels_for_thick_and_oblong_voxels(tmp_path):
    volume, _ = head(lesion=False)
    thick = save(tmp_path / "a.nii", volume[:, ::2, ::4], np.diag([3.0, 6, 12, 1]))
    middle = pixels(make_slices(thick, SETTINGS)[-2]) > 60
    height, width = middle.any(1).sum(), middle.any(0).sum()
    assert abs(height - width) <= 4


def test_the_head_fills_the_picture(tmp_path):
    volume, affine = head(lesion=False)
    wide = np.zeros((150, 160, 50), np.float32)
    wide[70:120, 90:150] = volume
    wide[3, 3, 20] = wide[140, 9, 20] = 900  # specks in the air
    large = SliceSettings(count=5, size=440)
    middle = pixels(make_slices(save(tmp_path / "a.nii", wide, affine), large)[2]) > 60
    # Two voxels of air stay on either side of 39, and a voxel is ten pixels.
    for axis in (0, 1):
        filled = np.flatnonzero(middle.any(axis))
        assert filled[0] == pytest.approx(20, abs=5) and 440 - 1 - filled[-1] == pytest.approx(20, abs=5)


def test_a_head_is_shown_to_the_border_that_it_touches(tmp_path):
    volume = np.zeros((50, 60, 20), np.float32)
    volume[:30, 15:45] = 300
    volume[0, 15:45] = 900
    middle = pixels(make_slices(save(tmp_path / "a.nii", volume, np.diag([3.0, 3, 3, 1])), SETTINGS)[2])
    assert middle[32].argmax() == np.flatnonzero(middle[32] > 60).max(), "the patient's left border, on the right"
    assert middle[32].max() > 200


def test_the_widest_slice_is_shown_whole_be_it_the_last(tmp_path):
    volume = np.zeros((90, 100, 30), np.float32)
    volume[30:60, 35:65, 5:23] = 300
    volume[10:80, 15:85, 23:25] = 300
    last = pixels(make_slices(save(tmp_path / "a.nii", volume, np.diag([3.0, 3, 3, 1])), SETTINGS)[-1]) > 60
    assert 50 < last.any(0).sum() < 62


@pytest.mark.parametrize("wrong", [{"count": 0}, {"count": 101}, {"size": 31}, {"size": 2049}])
def test_numbers_and_sizes_have_limits(wrong):
    SliceSettings(count=1, size=32), SliceSettings(count=100, size=2048)
    with pytest.raises(StrokebenchError, match=f"{next(iter(wrong.values()))} "):
        SliceSettings(**wrong)


def test_a_volume_with_few_slices_gives_each_once(tmp_path):
    volume, affine = head()
    path = save(tmp_path / "a.nii", volume[:, :, 24:27], affine)
    assert len(make_slices(path, SliceSettings(count=12, size=64))) == 3


def test_intensity_scale_and_offset_do_not_matter(tmp_path):
    volume, affine = head()
    plain = make_slices(save(tmp_path / "a.nii", volume, affine), SETTINGS)
    moved = make_slices(save(tmp_path / "b.nii", volume / 37 - 4, affine), SETTINGS)
    for a, b in zip(plain, moved, strict=True):
        assert np.abs(pixels(a) - pixels(b)).max() <= 1


def test_the_fingerprint_follows_the_file_and_the_settings_not_its_name(tmp_path):
    volume, affine = head()
    a = save(tmp_path / "a.nii", volume, affine)
    b = save(tmp_path / "b.nii", volume, affine)
    assert SETTINGS.fingerprint(a) == SETTINGS.fingerprint(b)
    assert SETTINGS.fingerprint(a) != SliceSettings(count=6, size=64).fingerprint(a)
    volume[25, 30, 25] += 1
    assert SETTINGS.fingerprint(a) != SETTINGS.fingerprint(save(b, volume, affine))


def test_what_cannot_be_shown_is_named(tmp_path):
    volume, affine = head()
    whole = save(tmp_path / "whole.nii.gz", volume, affine).read_bytes()
    (tmp_path / "cut.nii.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "junk.nii.gz").write_bytes(gzip.compress(b"no volume" * 99))
    nibabel.Nifti1Image(np.stack([volume, volume], -1), affine).to_filename(tmp_path / "4d.nii")
    nibabel.Nifti1Image(volume * 0 + 7, affine).to_filename(tmp_path / "constant.nii")
    volume[3:6] = np.nan
    save(tmp_path / "nan.nii", volume, affine)
    for name in ("cut.nii.gz", "junk.nii.gz", "4d.nii", "constant.nii", "nan.nii", "none.nii"):
        with pytest.raises(StrokebenchError, match=name):
            make_slices(tmp_path / name, SETTINGS)
