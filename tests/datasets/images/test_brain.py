"""Brain masks on request: in the space of their image, kept, measured, and refused where they make no sense."""

import sys
from types import SimpleNamespace

import nibabel
import numpy as np
import pandas as pd
import pytest

from strokebench.datasets.images import brain
from strokebench.datasets.images.brain import make_brain_masks
from strokebench.datasets.images.mask import read_mask
from strokebench.datasets.images.reading import Reading
from strokebench.errors import StrokebenchError

AFFINE = np.diag([-3.0, 2.0, 4.0, 1.0])


class Bright:
    """Stands for deepbet's network: the brain is what is brighter than its skull."""

    def __init__(self, no_gpu):
        assert no_gpu

    def run(self, image):
        inside = np.asarray(image.dataobj) > 200
        # As deepbet says it.
        assert inside.any(), "Not enough foreground"
        return None, nibabel.Nifti1Image(inside.astype(np.uint8), image.affine), 0.0


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    monkeypatch.setitem(sys.modules, "deepbet", SimpleNamespace(BrainExtraction=Bright))
    brain._deepbet.cache_clear()
    yield
    brain._deepbet.cache_clear()


def head(path, bright=300):
    data = np.zeros((20, 24, 16), np.float32)
    data[3:15, 4:20, 3:13] = 150
    data[5:13, 6:18, 5:11] = bright
    nibabel.save(nibabel.Nifti1Image(data, AFFINE), path)
    return str(path), data > 200


def test_masks_lie_in_the_space_of_their_images_and_those_there_are_kept(tmp_path):
    one, inside = head(tmp_path / "one.nii.gz")
    images = pd.DataFrame({"dwi": [one, one], "flair": [one, None]}, index=["p1", "p2"], dtype=object)
    done = []
    volumes = make_brain_masks(images, tmp_path / "masks", 1, lambda *step: done.append(step))
    assert {path.name for path in (tmp_path / "masks").iterdir()} == {
        "p1_dwi.nii.gz", "p2_dwi.nii.gz", "p1_flair.nii.gz",
    }  # fmt: skip
    np.testing.assert_array_equal(read_mask(tmp_path / "masks" / "p2_dwi.nii.gz", inside.shape, AFFINE), inside)
    assert volumes["p1", "flair"] == pytest.approx(inside.sum() * 24 / 1000) and done[-1] == (3, 3)
    # A mask that was mended by hand is not made again.
    nibabel.save(nibabel.Nifti1Image(np.ones(inside.shape, np.uint8), AFFINE), tmp_path / "masks" / "p1_dwi.nii.gz")
    again = make_brain_masks(images, tmp_path / "masks", 1)
    assert again["p1", "dwi"] == pytest.approx(inside.size * 24 / 1000)


def test_one_sequence_has_masks_by_patient_alone(tmp_path):
    images = pd.DataFrame({"image": [head(tmp_path / "one.nii.gz")[0]]}, index=["p1"])
    make_brain_masks(images, tmp_path / "masks", 1)
    assert (tmp_path / "masks" / "p1.nii.gz").is_file()


def test_no_brain_ct_and_a_missing_package_are_one_line(tmp_path, monkeypatch):
    images = pd.DataFrame({"image": [head(tmp_path / "dark.nii.gz", 160)[0]]}, index=["p1"])
    with pytest.raises(StrokebenchError, match=r"Patient p1: deepbet finds no brain in .*dark"):
        make_brain_masks(images, tmp_path / "masks", 1)
    with pytest.raises(StrokebenchError, match="CT"):
        make_brain_masks(images, tmp_path / "masks", 1, reading=Reading(window=(0, 80)))
    monkeypatch.setitem(sys.modules, "deepbet", None)
    brain._deepbet.cache_clear()
    with pytest.raises(StrokebenchError, match="is not installed") as caught:
        make_brain_masks(images, tmp_path / "masks", 1)
    assert "strokebench[brain]" in caught.value.hint and not list((tmp_path / "masks").glob("*.gz"))
