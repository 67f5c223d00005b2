"""CT: Hounsfield units within a window, and questions where it is not clear what a volume is."""

import nibabel
import numpy as np
import pandas as pd
import pytest

from strokebench.datasets.images.contact_sheet import slices_of
from strokebench.datasets.images.mri import prepare
from strokebench.datasets.images.nifti import VolumeError
from strokebench.datasets.images.quality import examine_images
from strokebench.datasets.images.reading import PLAIN, Reading
from strokebench.datasets.images.slices import DEFAULT_SLICES, make_slices
from strokebench.datasets.images.target import Target

CT = Reading(window=(0.0, 80.0))
TARGET = Target((40, 48, 40), 4.0)
BRAIN, LESION, SKULL, AIR = 36.0, 20.0, 1100.0, -1000.0
SHADE = {hu: -2 + 6 * hu / 80 for hu in (BRAIN, LESION)}
"""What the window makes of them: black at -2, white at 4."""


def phantom(stripped=False, skull=SKULL, headrest=True):
    """A head of 140 x 176 x 136 mm in a skull of 8 mm, a lesion, and a headrest behind it; voxels of 4 mm."""
    points = (np.indices((56, 64, 48)).T - (27.5, 31.5, 23.5)).T * 4.0
    distance = np.linalg.norm(points / np.array([70, 88, 68])[:, None, None, None], axis=0)
    outer = np.linalg.norm(points / np.array([78, 96, 76])[:, None, None, None], axis=0)
    rng = np.random.default_rng(0)
    volume = np.full(points.shape[1:], 0.0 if stripped else AIR)
    if not stripped:
        volume[outer < 1] = skull
        if headrest:
            volume[:, :2] = 60
    volume[distance < 1] = BRAIN
    volume[np.linalg.norm(points - np.array([30.0, 10, 5])[:, None, None, None], axis=0) < 16] = LESION
    return (volume + rng.normal(0, 1, volume.shape) * (volume != 0)).astype(np.float32)


@pytest.fixture
def save(tmp_path):
    def write(volume, name="ct"):
        path = tmp_path / f"{name}.nii.gz"
        affine = np.diag([4.0, 4, 4, 1])
        affine[:3, 3] = -4 * (np.array(volume.shape) - 1) / 2
        nibabel.Nifti1Image(volume.astype(np.float32), affine).to_filename(path)
        return path

    return write


def middle(prepared):
    return float(np.median(prepared[14:26, 28:36, 22:30]))


@pytest.mark.parametrize("changes", [{}, {"skull": 1900}, {"headrest": False}, {"stripped": True}])
def test_tissue_has_one_shade_whatever_surrounds_it(save, changes):
    prepared = prepare(save(phantom(**changes)), TARGET, reading=CT)
    assert middle(prepared) == pytest.approx(SHADE[BRAIN], abs=0.1)
    lesion = np.abs(prepared - SHADE[LESION]) < 0.3
    assert 60 < lesion.sum() < 700, "the lesion keeps its shade and its size"
    assert prepared.max() <= 4 and prepared.min() >= -2


def test_a_headrest_neither_moves_the_head_nor_is_shown(save):
    with_it, without = (prepare(save(phantom(headrest=headrest)), TARGET, reading=CT) for headrest in (True, False))
    np.testing.assert_allclose(with_it, without, atol=0.1)


def test_outside_a_brain_mask_is_air(save):
    volume = phantom()
    mask = save(np.abs(volume - 28) < 20, "mask")
    prepared = prepare(save(volume), TARGET, brain_mask=mask, reading=CT)
    assert middle(prepared) == pytest.approx(SHADE[BRAIN], abs=0.1)
    assert (prepared > 3.5).mean() < 0.01, "no skull"


@pytest.mark.parametrize("change", [lambda v: v + 1024, lambda v: (v + 1000) * 3])
def test_what_is_said_to_be_ct_and_is_not_in_hounsfield_units_is_an_error(save, change):
    path = save(change(phantom()))
    with pytest.raises(VolumeError, match=r"Hounsfield units \(air at -1000\)"):
        prepare(path, TARGET, "p1", reading=CT)
    (problem,) = examine_images(pd.DataFrame({"ct": {"p1": path}}), jobs=1, reading=CT)
    assert (problem.patient, problem.code) == ("p1", "image_no_ct")


def test_a_ct_without_a_window_is_a_question(save):
    images = pd.DataFrame({"ct": {"p1": save(phantom())}})
    (problem,) = examine_images(images, jobs=1)
    assert problem.code == "image_ct" and "window: [0, 80]" in problem.remedy
    assert examine_images(images, jobs=1, reading=CT) == []


def test_a_table_in_the_air_is_no_ghost(save):
    """Of nine CTs one has a headrest, whose air would be a ghost's in an MRI."""
    paths = {}
    for n in range(9):
        volume = phantom(headrest=n == 3)
        # Each has a bleeding of its own.
        volume[20:28, 20 + 2 * n : 28 + 2 * n, 20:28] = LESION + 60
        paths[f"p{n}"] = save(volume, f"p{n}")
    assert examine_images(pd.DataFrame({"ct": paths}), jobs=1, reading=CT) == []


def test_pictures_show_the_window(save):
    path = save(phantom())
    axial = slices_of(path, window=CT.window)[0][0]
    assert np.median(axial[24:32, 20:28]) == pytest.approx(BRAIN / 80, abs=0.05)
    assert make_slices(path, reading=CT) != make_slices(path)
    known = DEFAULT_SLICES.fingerprint(path)
    assert DEFAULT_SLICES.fingerprint(path, PLAIN) == known != DEFAULT_SLICES.fingerprint(path, CT)


def test_what_decides_of_an_mri_is_what_it_was():
    assert Reading(nan_is_background=True).decides() == {"nan_is_background": True, "resample_masks": False}
