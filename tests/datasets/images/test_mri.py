"""A prepared volume is the same whatever the file's axes and spacing; a bad file is named and explained."""

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, ornt_transform

from strokebench.datasets.images.mri import prepare, read_volume
from strokebench.datasets.images.target import Target
from strokebench.errors import StrokebenchError

TARGET = Target((28, 32, 24), 6.0)


def head(spacing=(2.0, 2.0, 2.0), shift=(0.0, 0.0, 0.0)) -> nibabel.Nifti1Image:
    """An ellipsoid with a bright ball at its right front."""
    shape = tuple(int(side / edge) for side, edge in zip((150, 180, 140), spacing, strict=True))
    grid = np.indices(shape).T * spacing - np.array([75, 90, 70]) - shift
    data = np.where(((grid / [60, 75, 55]) ** 2).sum(axis=-1) < 1, 400.0 + grid[..., 2], 0)
    data[np.linalg.norm(grid - [30, 40, 0], axis=-1) < 12] = 900
    return nibabel.Nifti1Image(data.T.astype(np.int16), np.diag([*spacing, 1.0]))


def save(image: nibabel.Nifti1Image, path: Path) -> Path:
    nibabel.save(image, path)
    return path


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Median difference inside the head; its rim mixes head and air in ways that depend on the sampling."""
    inside = (one > -1) & (other > -1) & (one != 0) & (other != 0)
    assert inside.sum() > 0.6 * (one != 0).sum()
    return float(np.median(np.abs(one - other)[inside]))


def brightest(volume: np.ndarray) -> np.ndarray:
    """Centre of the bright ball in voxels from the grid's middle."""
    return np.argwhere(volume > 3).mean(axis=0) - (np.array(volume.shape) - 1) / 2


def test_prepared_volume_is_standardised_on_the_grid(tmp_path):
    volume = prepare(save(head(), tmp_path / "a.nii.gz"), TARGET)
    assert volume.shape == TARGET.shape and volume.dtype == np.float32
    inside = volume[volume != 0]
    assert abs(inside.mean()) < 0.1 and 0.7 < inside.std() < 1.1
    assert volume[0, 0, 0] == 0
    # Right is the far end of the first axis, front that of the second.
    assert np.allclose(brightest(volume), [5, 40 / 6, 0], atol=0.7)


def test_two_slices_are_a_volume_and_one_is_not(tmp_path):
    two = nibabel.Nifti1Image(np.arange(32, dtype=np.int16).reshape(4, 4, 2), np.eye(4))
    assert read_volume(save(two, tmp_path / "two.nii")).shape == (4, 4, 2)
    with pytest.raises(StrokebenchError, match=r"single slice \(4, 4, 1\)"):
        read_volume(save(two.slicer[:, :, :1], tmp_path / "one.nii"))


@pytest.mark.parametrize("axes", ["LPS", "PIR", "ASL", "SRA"])
def test_orientation_of_the_file_does_not_matter(tmp_path, axes):
    image = head()
    turn = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(axes))
    turned = image.as_reoriented(turn)
    assert "".join(nibabel.aff2axcodes(turned.affine)) == axes
    expected = prepare(save(image, tmp_path / "ras.nii.gz"), TARGET)
    assert np.allclose(prepare(save(turned, tmp_path / "x.nii.gz"), TARGET), expected, atol=1e-4)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 5.0), (3.0, 1.5, 2.0)])
def test_spacing_of_the_file_hardly_matters(tmp_path, spacing):
    expected = prepare(save(head(), tmp_path / "a.nii.gz"), TARGET)
    volume = prepare(save(head(spacing), tmp_path / "b.nii.gz"), TARGET)
    assert difference(volume, expected) < 0.1
    assert np.allclose(brightest(volume), brightest(expected), atol=0.7)


def test_place_in_the_field_of_view_and_intensity_scale_do_not_matter(tmp_path):
    expected = prepare(save(head(), tmp_path / "a.nii.gz"), TARGET)
    moved = head(shift=(6.0, -6.0, 4.0))
    scaled = nibabel.Nifti1Image(moved.get_fdata().astype(np.float32) * 0.01, moved.affine)
    volume = prepare(save(scaled, tmp_path / "b.nii.gz"), TARGET)
    assert difference(volume, expected) < 0.1


def test_a_bright_speck_in_the_air_does_not_move_the_head(tmp_path):
    expected = prepare(save(head(), tmp_path / "a.nii.gz"), TARGET)
    speck = head()
    data = speck.get_fdata().astype(np.int16)
    data[1, 1, 1] = 900
    volume = prepare(save(nibabel.Nifti1Image(data, speck.affine), tmp_path / "b.nii.gz"), TARGET)
    assert difference(volume, expected) < 0.02


def test_a_trailing_axis_of_one_is_no_fourth_dimension(tmp_path):
    image = head()
    single = nibabel.Nifti1Image(image.get_fdata().astype(np.int16)[..., None], image.affine)
    assert read_volume(save(single, tmp_path / "a.nii")).data.ndim == 3


def truncated(path: Path) -> None:
    save(head(), path)
    path.write_bytes(path.read_bytes()[:5000])


def not_nifti(path: Path) -> None:
    path.write_bytes(gzip.compress(b"PatientName" * 500))


def with_affine(affine):
    """A file whose header holds that affine; nibabel would refuse to write one."""

    def write(path: Path) -> None:
        save(head(), path)
        content = bytearray(gzip.decompress(path.read_bytes()))
        content[280:328] = np.array(affine[:3], np.float32).tobytes()
        path.write_bytes(gzip.compress(bytes(content), 1))

    return write


def writer(data):
    return lambda path: nibabel.save(nibabel.Nifti1Image(data, np.eye(4)), path)


def with_value(value: float):
    data = head().get_fdata().astype(np.float32)
    data[3, 4, 5] = value
    return writer(data)


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda path: None, "no image"),
        (truncated, "cannot be read"),
        (not_nifti, "cannot be read"),
        (writer(np.ones((20, 20, 20, 7), np.float32)), "4-dimensional"),
        (writer(np.ones((64, 64), np.float32)), "single slice"),
        (with_value(np.nan), "not finite"),
        (with_value(np.inf), "not finite"),
        (writer(np.zeros((20, 20, 20), np.int16)), "constant"),
        (with_affine(np.diag([2.0, 2, 0, 1])), "singular affine"),
        (with_affine(np.array([[2.0, 2, 0, 0], [0, 0, 2, 0], [0, 0, 2, 0]])), "singular affine"),
        (with_affine(np.diag([np.nan, 2, 2, 1])), "singular affine"),
        (with_affine(np.diag([0.001, 2, 2, 1])), "voxels of"),
    ],
    ids=[
        "missing",
        "truncated",
        "not nifti",
        "4D",
        "2D",
        "nan",
        "inf",
        "constant",
        "flat",
        "skewed",
        "nan affine",
        "tiny",
    ],
)
def test_a_bad_file_is_named_with_its_patient_and_defect(tmp_path, write, said):
    path = tmp_path / "bad.nii.gz"
    write(path)
    with pytest.raises(StrokebenchError) as caught:
        prepare(path, TARGET, "P-07")
    assert said in caught.value.message
    assert "P-07" in caught.value.message and str(path) in caught.value.message
    assert caught.value.hint and "\n" not in str(caught.value)


def test_what_lies_outside_the_brain_mask_does_not_count(tmp_path):
    plain = head()
    data = np.asarray(plain.dataobj)
    brain = (data > 0).astype(np.uint8)
    skull = data.copy()
    skull[data == 0] = np.random.default_rng(0).integers(300, 900, (data == 0).sum())
    mask = save(nibabel.Nifti1Image(brain, plain.affine), tmp_path / "mask.nii.gz")
    expected = prepare(save(plain, tmp_path / "plain.nii.gz"), TARGET)
    dirty = save(nibabel.Nifti1Image(skull, plain.affine), tmp_path / "skull.nii.gz")
    np.testing.assert_allclose(prepare(dirty, TARGET, brain_mask=mask), expected, atol=0.05)
    assert np.abs(prepare(dirty, TARGET) - expected).max() > 1


def test_a_brain_mask_on_another_grid_names_the_patient(tmp_path):
    image = save(head(), tmp_path / "image.nii.gz")
    mask = save(nibabel.Nifti1Image(np.eye(9)[None].repeat(9, 0), np.eye(4)), tmp_path / "mask.nii.gz")
    with pytest.raises(StrokebenchError, match=r"Patient p7: .*mask\.nii\.gz.*grid"):
        prepare(image, TARGET, "p7", mask)
