"""Several images a patient: found by name, read on one grid, encoded by themselves, and counted where they lack."""

import shutil
from dataclasses import replace

import nibabel
import numpy as np
import pandas as pd
import pytest
from sequences_folder import GRIDS, LACKS, LESION, affine_of, named, path_of, write_sequence, write_sequences

from strokebench.datasets.encoders import registry, work
from strokebench.datasets.encoders.encode import encode_cohort
from strokebench.datasets.encoders.untrained_resnet import UntrainedResNet
from strokebench.datasets.images import mri
from strokebench.datasets.images.contact_sheet import slices_of
from strokebench.datasets.images.mri import prepare
from strokebench.datasets.images.target import Target
from strokebench.datasets.own.load import load
from strokebench.errors import StrokebenchError
from strokebench.files import write_text
from strokebench.reports.cohort.check import check_cohort
from strokebench.reports.cohort.describe import describe_cohort, write_page

pytestmark = pytest.mark.slow

TARGET = Target((40, 48, 40), 4.0)
ALL = ("dwi", "adc", "flair")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sequences")
    write_sequences(folder)
    return folder


@pytest.fixture
def folder(original, tmp_path, own_home):
    return shutil.copytree(original, tmp_path / "cohort")


class SmallResNet(UntrainedResNet):
    """Makes one of small width."""

    @classmethod
    def make(cls, weights):
        return UntrainedResNet(planes=(2, 2, 4, 4))


@pytest.fixture
def encode(monkeypatch):
    monkeypatch.setitem(registry.ENCODERS.own, "small", SmallResNet)
    return lambda cohort: encode_cohort(cohort, "small+minilm", jobs=1, device="cpu")


def said(folder, **changes):
    """What is wrong with the file with these lines in place of its own."""
    text = (folder / "sequences.yaml").read_text()
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new)
    with pytest.raises(StrokebenchError) as error:
        load(write_text(folder / "other.yaml", text) or folder / "other.yaml")
    return str(error.value)


def test_each_sequence_is_found_and_who_lacks_one_is_counted(folder):
    cohort = load(folder / "sequences.yaml")
    assert cohort.sequences == ALL and cohort.masked == "dwi"
    assert cohort.about["missing"] == "adc image: 1; flair image: 2"
    report = check_cohort(str(folder / "sequences.yaml"), jobs=1)
    assert report.problems == []
    assert report.sequences == {"dwi": 10, "adc": 9, "flair": 8} and report.images == 27
    assert "no flair image (2): p02, p05" in report.notes


def test_a_misspelt_file_and_a_patient_without_any_image_are_problems(folder):
    flair = path_of(folder, "flair", 4)
    flair.rename(flair.with_name("sub-p4_FLAIR.nii.gz"))
    for sequence in ALL:
        path_of(folder, sequence, 7).unlink()
    found = check_cohort(str(folder / "sequences.yaml"), jobs=1).problems
    assert [(problem.patient, problem.code) for problem in found] == [("p07", "image_missing")]
    pattern = (folder / "sequences.yaml").read_text().replace("*_FLAIR", "sub-{id}_FLAIR")
    write_text(folder / "sequences.yaml", pattern)
    found = check_cohort(str(folder / "sequences.yaml"), jobs=1).problems
    assert [(problem.patient, problem.code) for problem in found] == [
        ("p04", "image_missing"),
        ("p07", "image_missing"),
    ]
    assert "is it sub-p04/anat/sub-p4_FLAIR.nii.gz" in found[0].what


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("masks: {dwi: ", "masks: {dwo: ", "no image is called 'dwo', but dwi, adc, flair"),
        ('masks: {dwi: "sub-{id}/dwi/*_mask.nii.gz"}', 'masks: "sub-{id}/m.nii.gz"', "say in which grid they lie"),
        ("*_adc.nii.gz", "*_dwi.nii.gz", "dwi and adc have the same pattern"),
        ("  flair:", "  T2 flair:", "'T2 flair' is no name of a sequence"),
        ('{dwi: "sub', '{adc: "m/{id}.nii.gz", dwi: "sub', "give the masks of one sequence"),
    ],
)
def test_what_the_file_has_wrong_is_named(folder, old, new, words):
    assert words in said(folder, change=(old, new))


def test_all_sequences_lie_on_the_grid_of_the_first(folder):
    first = (path_of(folder, "dwi", 3), None)
    volumes = {name: prepare(path_of(folder, name, 3), TARGET, beside=first) for name in ALL}
    brightest = np.argwhere(volumes["dwi"] > 0.8 * volumes["dwi"].max()).mean(axis=0)
    darkest = np.argwhere(volumes["adc"] < 0.8 * volumes["adc"].min()).mean(axis=0)
    flair = np.argwhere(volumes["flair"] > 0.8 * volumes["flair"].max()).mean(axis=0)
    np.testing.assert_allclose(darkest, brightest, atol=0.5)
    np.testing.assert_allclose(flair, brightest, atol=0.5)
    np.testing.assert_array_equal(volumes["dwi"], prepare(first[0], TARGET))
    # By itself the turned one keeps its own axes.
    assert np.abs(np.argwhere(prepare(path_of(folder, "flair", 3), TARGET) > 2.5).mean(axis=0) - brightest).max() > 0.8


def test_vectors_and_tokens_lie_side_by_side_and_a_missing_sequence_is_nan(folder, encode):
    cohort = load(folder / "sequences.yaml")
    found = encode(cohort)
    assert found.sequences == ALL
    assert found.arrays["image.vector"].shape == (10, 12) and found.arrays["image.tokens"].shape == (10, 16, 12)
    for number, name in enumerate(ALL):
        part = found.arrays["image.tokens"][:, :, 4 * number : 4 * number + 4]
        assert list(np.flatnonzero(np.isnan(part).all(axis=(1, 2)))) == LACKS.get(name, [])
        vector = found.arrays["image.vector"][:, 4 * number : 4 * number + 4]
        np.testing.assert_allclose(part.mean(axis=1), vector, atol=0.2)
    # The first one is what it would be alone, out of the same cache.
    alone = encode(replace(cohort, images=named(folder, "dwi"), masked="", masks=None))
    np.testing.assert_array_equal(alone.arrays["image.vector"], found.arrays["image.vector"][:, :4])
    assert alone.sequences == () and alone.arrays["image.tokens"].shape == (10, 16, 4)


def test_the_sequence_beside_which_the_others_are_laid_is_read_once(folder, encode, monkeypatch):
    monkeypatch.setattr(work, "IMAGES", 30)
    read, real = [], mri.open_nifti
    monkeypatch.setattr(mri, "open_nifti", lambda path: read.append(path) or real(path))
    encode(load(folder / "sequences.yaml"))
    assert len(read) == len(set(read)) == 27


def test_the_name_of_a_lone_sequence_decides_nothing(folder, encode):
    cohort = replace(load(folder / "sequences.yaml"), images=named(folder, "dwi"), masked="")
    other = replace(cohort, images=named(folder, "dwi").to_frame("flair"), masked="")
    assert cohort.sequences == ("image",) and other.sequences == ("flair",)
    assert cohort.fingerprint() == other.fingerprint()
    assert encode(cohort).fingerprint == encode(other).fingerprint


def test_sequences_that_lie_apart_are_named_and_not_encoded(folder, encode):
    write_sequence(path_of(folder, "flair", 6), "flair", 6, moved=120)
    (problem,) = check_cohort(str(folder / "sequences.yaml"), jobs=1).problems
    assert (problem.patient, problem.code, problem.sequence) == ("p06", "image_apart", "flair")
    with pytest.raises(StrokebenchError, match=r"Patient p06.*lies elsewhere"):
        encode(load(folder / "sequences.yaml"))


def test_the_lesion_is_outlined_where_it_lies_in_each_grid(folder):
    mask = path_of(folder, "mask", 3)
    for name in ALL:
        for picture, lesion in slices_of(path_of(folder, name, 3), mask):
            inside, outside = picture[lesion > 0].mean(), picture[(lesion == 0) & (picture > 0.1)].mean()
            assert (inside < outside) if name == "adc" else (inside > outside)
    assert LESION[0] > 0  # to the patient's right, which is on a picture's left
    axial = slices_of(path_of(folder, "flair", 3), mask)[0][1]
    assert np.argwhere(axial)[:, 1].mean() < axial.shape[1] / 2


def test_each_sequence_is_shown_at_the_same_place(folder):
    """Of two lesions, one a little larger, the coarser grid would choose the other."""
    lesions = np.zeros(GRIDS["dwi"][0], np.uint8)
    lesions[10:13, 22:25, 14:16] = 1
    lesions[26:30, 22:24, 19:21] = 1
    mask = folder / "two.nii.gz"
    nibabel.Nifti1Image(lesions, affine_of("dwi")).to_filename(mask)
    for name in ALL:
        axial, _, _ = slices_of(path_of(folder, name, 3), mask)
        columns = np.argwhere(axial[1])[:, 1]
        # The larger lies to the patient's left, which is on a picture's right.
        assert len(columns) and columns.min() > axial[1].shape[1] / 2, name


def test_the_page_shows_each_sequence_and_says_which_lacks(folder):
    description = describe_cohort(load(folder / "sequences.yaml"))
    assert description.parts["Images, flair"] == "8 of 10 patients"
    page = write_page(description, 10).read_text()
    assert "p00: dwi, adc, flair" in page and "p02: dwi, adc, no flair" in page


def test_an_image_without_a_mask_of_its_grid_is_told(folder):
    path = path_of(folder, "mask", 8)
    image = nibabel.load(path)
    nibabel.Nifti1Image(np.asarray(image.dataobj)[:-2], image.affine).to_filename(path)
    (problem,) = check_cohort(str(folder / "sequences.yaml"), jobs=1).problems
    assert (problem.patient, problem.code, problem.sequence) == ("p08", "mask_grid", "dwi")
    assert pd.isna(load(folder / "sequences.yaml").images.loc["p02", "flair"])
