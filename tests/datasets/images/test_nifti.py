"""Files as hospitals have them: each is read as what it is, or named with what to do; a claim takes no memory."""

import gzip
import tracemalloc
from pathlib import Path

import nibabel
import numpy as np
import pytest

from strokebench.datasets.images.contact_sheet import slices_of
from strokebench.datasets.images.mri import prepare, read_volume
from strokebench.datasets.images.nifti import VolumeError, open_nifti
from strokebench.datasets.images.reading import Reading
from strokebench.datasets.images.target import Target

AFFINE = np.diag([2.0, 3, 4, 1])
TARGET = Target((12, 12, 12), 8.0)


def ball(shape=(20, 18, 16)):
    """A bright ball on black, brighter to the right."""
    x = np.indices(shape).T - np.array(shape) / 2
    return np.where(np.linalg.norm(x, axis=-1) < min(shape) / 3, 500.0 + 9 * x[..., 0], 0).T.astype(np.float32)


def save(path: Path, data=None, affine=AFFINE, kind=nibabel.Nifti1Image, **header) -> Path:
    image = kind(ball() if data is None else data, affine)
    for field, value in header.items():
        image.header[field] = value
    nibabel.save(image, path)
    return path


def patched(path: Path, **fields) -> Path:
    """The file with header fields that nibabel would not write."""
    content = bytearray(path.read_bytes())
    header = np.frombuffer(content, nibabel.nifti1.header_dtype, 1)
    for field, value in fields.items():
        header[field] = value
    path.write_bytes(bytes(content))
    return path


def test_a_file_is_read_by_its_content_whatever_its_name_says_of_compression(tmp_path):
    expected = read_volume(save(tmp_path / "a.nii")).data
    (tmp_path / "plain.nii.gz").write_bytes((tmp_path / "a.nii").read_bytes())
    (tmp_path / "zipped.nii").write_bytes(gzip.compress((tmp_path / "a.nii").read_bytes()))
    for name in ("plain.nii.gz", "zipped.nii"):
        np.testing.assert_array_equal(read_volume(tmp_path / name).data, expected)
    save(tmp_path / "pair.hdr", kind=nibabel.Nifti1Pair)
    for name in ("pair.hdr", "pair.img"):
        np.testing.assert_array_equal(read_volume(tmp_path / name).data, expected)
    for name in ("pair.hdr", "pair.img"):
        (tmp_path / name).rename(tmp_path / name.upper())
    np.testing.assert_array_equal(read_volume(tmp_path / "PAIR.HDR").data, expected)
    (tmp_path / "PAIR.HDR").unlink()
    with pytest.raises(VolumeError, match=r"no image at .*PAIR\.HDR"):
        read_volume(tmp_path / "PAIR.IMG")
    np.testing.assert_array_equal(read_volume(save(tmp_path / "two.nii", kind=nibabel.Nifti2Image)).data, expected)


@pytest.mark.parametrize(
    ("content", "said", "advice"),
    [
        (bytes(128) + b"DICM" + bytes(500), "is a DICOM file", "dcm2niix"),
        (gzip.compress(bytes(128) + b"DICM" + bytes(500), mtime=0), "is a DICOM file", "dcm2niix"),
        (b"\x08\x00\x05\x00CS" + bytes(500), "is a DICOM file", "dcm2niix"),
        (gzip.compress(gzip.compress(bytes(500), mtime=0), mtime=0), "is compressed (gzip)", "once"),
        (b"\xfd7zXZ\x00", "is compressed (xz)", "gzip again"),
        (bytes(257) + b"ustar" + bytes(300), "is an archive (tar)", "Unpack"),
        (b"NRRD0005\ntype: float\n", "is an NRRD file", "3D Slicer"),
        (b"ObjectType = Image\nNDims = 3\n", "is a MetaImage file", "NIfTI"),
        (b"\x89HDF\r\n\x1a\n", "HDF5", "NIfTI"),
        (b"\x89PNG\r\n", "is a picture", "series"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer", "git lfs pull"),
        (b"/annex/objects/MD5E-s83--0.nii.gz\n", "git-annex pointer", "datalad get"),
        (b"PK\x03\x04....", "ZIP", "Unpack"),
        (b"<html>404</html>", "web page", "Download"),
        (b"anything else" * 50, "it is no NIfTI file", "export it again"),
        (b"", "it is no NIfTI file", "export it again"),
    ],
)
def test_another_kind_of_file_is_named_with_what_to_do(tmp_path, content, said, advice):
    path = tmp_path / "a.nii.gz"
    path.write_bytes(content)
    with pytest.raises(VolumeError) as caught:
        read_volume(path, "k7")
    assert said in caught.value.message and "k7" in caught.value.message and str(path) in caught.value.message
    assert advice in caught.value.hint
    assert caught.value.fault == "unreadable"


def test_colours_and_complex_numbers_are_no_grey_image(tmp_path):
    colours = np.zeros((6, 6, 6), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    with pytest.raises(VolumeError, match=r"colour image \(RGB\).*grey-scale series"):
        read_volume(save(tmp_path / "rgb.nii", colours))
    with pytest.raises(VolumeError, match=r"complex.*magnitude"):
        read_volume(save(tmp_path / "complex.nii", np.ones((6, 6, 6), np.complex64)))


@pytest.mark.parametrize(
    "fields",
    [
        {"dim": [[3, 32767, 32767, 32767, 1, 1, 1, 1]]},
        {"dim": [[3, 900, 900, 120, 1, 1, 1, 1]]},
        {"dim": [[3, 24, 18, 16, 1, 1, 1, 1]]},
        {"dim": [[3, -3, 18, 16, 1, 1, 1, 1]]},
        {"vox_offset": 3e8},
        {"vox_offset": np.nan},
        {"datatype": 77},
        {"dim": [[9, 2, 2, 2, 1, 1, 1, 1]]},
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_a_claim_beyond_the_file_is_a_line_and_takes_no_memory(tmp_path, fields, zipped):
    path = patched(save(tmp_path / "a.nii"), **fields)
    if zipped:
        path.write_bytes(gzip.compress(path.read_bytes()))
    tracemalloc.start()
    with pytest.raises(VolumeError) as caught:
        read_volume(path)
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()
    assert caught.value.fault == "unreadable" and "\n" not in str(caught.value)
    assert slices_of(path) is None


def test_a_file_that_is_cut_within_its_voxels_is_unreadable(tmp_path):
    path = save(tmp_path / "a.nii.gz")
    path.write_bytes(path.read_bytes()[:-200])
    assert open_nifti(path).shape == (20, 18, 16)
    with pytest.raises(VolumeError, match="cannot be read"):
        read_volume(path)


@pytest.mark.parametrize("end", [-8, -4])
def test_voxels_that_do_not_fit_the_checksum_are_unreadable(tmp_path, end):
    path = save(tmp_path / "a.nii.gz")
    content = bytearray(gzip.compress(gzip.decompress(path.read_bytes()), 0))
    read_volume(path)
    path.write_bytes(content[:end])
    with pytest.raises(VolumeError, match="cannot be read"):
        read_volume(path)
    # One bit of one voxel, in a stream that is well formed.
    content[5000] ^= 0x40
    path.write_bytes(content)
    with pytest.raises(VolumeError, match="CRC"):
        read_volume(path)


def test_nan_is_background_where_that_is_declared(tmp_path):
    plain = ball()
    data = np.where(plain == 0, np.nan, plain)
    path = save(tmp_path / "spm.nii", data)
    with pytest.raises(VolumeError, match=r"image_nan: background") as caught:
        read_volume(path)
    assert caught.value.fault == "nan"
    declared = Reading(nan_is_background=True)
    np.testing.assert_array_equal(read_volume(path, reading=declared).data, plain)
    expected = prepare(save(tmp_path / "plain.nii", plain), TARGET)
    np.testing.assert_array_equal(prepare(path, TARGET, reading=declared), expected)
    # A brain that is darker than 0 keeps a background below it.
    np.testing.assert_array_equal(
        read_volume(save(tmp_path / "low.nii", data - 900), reading=declared).data.min(), np.nanmin(data) - 900
    )
    for bad in (np.where(plain == 0, np.inf, plain), np.full_like(plain, np.nan)):
        with pytest.raises(VolumeError, match="not finite"):
            read_volume(save(tmp_path / "bad.nii", bad), reading=declared)


def turned(axis: int):
    affine = AFFINE.copy()
    affine[axis] *= -1
    return affine


@pytest.mark.parametrize(
    ("qform", "codes", "said"),
    [
        (AFFINE, (1, 1), ""),
        (turned(0), (1, 0), ""),
        (turned(0), (0, 1), ""),
        (turned(0), (1, 1), "sform and qform disagree (left and right exchanged)"),
        (turned(1), (1, 2), "sform and qform disagree (front and back exchanged)"),
        (turned(0) @ np.diag([1.0, -1, 1, 1]), (1, 1), "(left and right and front and back exchanged)"),
        (AFFINE, (0, 0), "no orientation code"),
    ],
)
def test_a_side_that_is_a_guess_is_asked_about(tmp_path, qform, codes, said):
    image = nibabel.Nifti1Image(ball(), AFFINE)
    image.set_qform(qform, code=codes[0])
    image.set_sform(AFFINE, code=codes[1])
    nibabel.save(image, tmp_path / "a.nii")
    side = read_volume(tmp_path / "a.nii").side
    assert said in side and bool(side) == bool(said)


def test_analyze_does_not_say_which_side_is_left(tmp_path):
    nibabel.save(nibabel.AnalyzeImage(ball(), AFFINE), tmp_path / "a.img")
    volume = read_volume(tmp_path / "a.hdr")
    assert "Analyze" in volume.side and volume.data.shape == (20, 18, 16)
