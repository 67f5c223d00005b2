import io
import os
import re
from pathlib import Path

import nibabel
import numpy as np
import pytest
from bucket_server import BucketServer
from PIL import Image
from rich.console import Console
from soop_bucket import published

from strokebench.benchmarks.obtain import obtain
from strokebench.datasets.catalogue import MANIFESTS, load_cohort
from strokebench.datasets.images.rendering import AFFINE
from strokebench.datasets.soop.flair import lay, read_picture, take_off_red
from strokebench.errors import StrokebenchError


def compose(volume: np.ndarray) -> np.ndarray:
    """A picture's greys (189, 692) from a volume on the masks' own grid (157, 189, 136), by the stated geometry."""
    grey = np.zeros((189, 692), np.uint8)
    grey[:, :157] = volume[:, :, 68].T[::-1, ::-1]
    grey[53:, 157:346] = volume[117].T[::-1]
    grey[53:, 346:503] = volume[:, 94, :].T[::-1, ::-1]
    return grey


def painted(grey: np.ndarray, lesion: np.ndarray, rounding=np.floor) -> np.ndarray:
    colours = np.repeat(grey[..., None], 3, axis=2)
    half = np.stack([(grey + 255.0) / 2, grey / 2, grey / 2], axis=2)
    return np.where(lesion[..., None], rounding(half), colours).astype(np.uint8)


def png(colours: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(colours).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("rounding", [np.floor, np.ceil, np.rint])
def test_the_grey_below_the_paint_comes_back_and_neither_red_nor_parity_tells_the_lesion(rounding):
    random = np.random.default_rng(0)
    grey = random.integers(0, 256, (189, 692), dtype=np.uint8)
    lesion = random.random(grey.shape) < 0.4
    found = take_off_red(painted(grey, lesion, rounding))
    assert np.array_equal(found[~lesion], grey[~lesion]) and np.abs(found - grey.astype(int)).max() <= 1
    lesion[:] = False
    lesion[60:150, :157] = True
    voxels = lay(take_off_red(painted(grey, lesion, rounding)))[1:-1, 10:-10, 30]
    # The lesion fills the rows in the middle of this slice.
    for part in (voxels[:, 8:28], voxels[:, 34:]):
        assert (part > 0).all() and 0.45 < (part % 2).mean() < 0.55


@pytest.mark.parametrize(
    ("voxel", "world"),
    [
        ((10, 20, 68), (68, -92, 18)),  # in the axial slice, on the patient's right, at the back
        ((150, 180, 68), (-72, 68, 18)),
        ((117, 40, 120), (-39, -72, 70)),
        ((20, 94, 10), (58, -18, -40)),
    ],
)
def test_a_bright_spot_lies_where_it_is_in_the_head(voxel, world):
    volume = np.zeros((157, 189, 136), np.uint8)
    volume[voxel] = 252
    found = np.argwhere(lay(compose(volume)))
    nearest = found @ AFFINE[:3, :3].T + AFFINE[:3, 3]
    assert np.abs(nearest - world).max() <= 4.5, "within its voxel of 3 mm, or a neighbour across the slice"
    # In the slice itself, where it is a voxel of its own.
    assert np.abs(nearest.mean(axis=0) - world).max() <= 2.5


def test_the_cohort_has_slices_where_there_is_a_picture_and_is_called_so(tmp_path, monkeypatch):
    volume = np.full((157, 189, 136), 100, np.uint8)
    picture = png(painted(compose(volume), np.zeros((189, 692), bool)))
    manifest, files = published(tmp_path, {"sub-2": picture, "sub-10": picture})
    for name in ("soop", "soop-flair"):
        monkeypatch.setitem(MANIFESTS, name, manifest)
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("STROKEBENCH_SOOP", raising=False)
    with BucketServer(files) as server:
        monkeypatch.setenv("STROKEBENCH_MIRROR", server.mirror)
        obtain("soop", Console(quiet=True), yes=True)
        with pytest.raises(StrokebenchError, match=r"no PNG/.*cohort fetch"):
            load_cohort("soop-flair")
        obtain("soop-flair", Console(quiet=True), yes=True)
    cohort = load_cohort("soop-flair")
    assert cohort.name == "soop-flair" and "FLAIR" in cohort.title and "slices" in cohort.about["image"]
    assert list(cohort.images["image"].notna()) == [True, False, True, False] and "image: 2" in cohort.about["missing"]
    assert nibabel.load(cohort.images.loc["sub-2", "image"]).get_fdata().max() == 100
    assert list(load_cohort("soop").texts.iloc[0]) == list(cohort.texts.iloc[0])


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"no picture", "cannot be read"), (png(np.zeros((10, 20, 3), np.uint8)), "20 x 10")],
)
def test_what_is_no_such_picture_is_named(data, message):
    with pytest.raises(StrokebenchError, match=message):
        read_picture(data)


PICTURES = sorted((Path(os.environ.get("STROKEBENCH_SOOP", "absent")) / "png").glob("*.png"))


@pytest.mark.skipif(not PICTURES, reason="no real pictures")
def test_real_pictures_agree_with_slices_that_were_read_elsewhere():
    kept = np.load(PICTURES[0].parent.parent / "flair_slices_2mm.npz")
    ids = list(map(str, kept["participant_id"]))
    for path in PICTURES:
        axial = take_off_red(read_picture(path.read_bytes()))[:, :157]
        other = kept["axial"][ids.index(re.search(r"sub-\d+", path.name)[0])]
        half = axial[:188, :156].reshape(94, 2, 78, 2).mean(axis=(1, 3))
        assert np.corrcoef(half.ravel(), other[:94, :78].ravel())[0, 1] > 0.9
