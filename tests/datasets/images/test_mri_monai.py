"""MONAI's steps do what the preparation needs: no orientation, spacing or place of a lesion is at a disadvantage."""

import subprocess
import sys
from itertools import permutations, product
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch

from strokebench.datasets.images import transforms as steps
from strokebench.datasets.images.mri import prepare
from strokebench.datasets.images.placing import LEFT_OUT, left_out, middle
from strokebench.datasets.images.target import WHOLE_HEAD, Target
from strokebench.errors import StrokebenchError

TARGET = Target((24, 28, 24), 6.0)


def head(shape=(48, 56, 48), lesion=None, spacing=(3.0, 3.0, 3.0), background=0.0):
    """A head that fades towards its edge, with an off-centre bright part: no two orientations look alike."""
    grid = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij"))
    radii = np.array([0.75, 0.85, 0.7])[:, None, None, None]
    data = np.clip(1 - ((grid / radii) ** 2).sum(0), 0, None) * (100.0 + 40 * grid[0] + 20 * grid[1])
    data[((grid - np.array([0.3, -0.3, 0.2])[:, None, None, None]) ** 2).sum(0) < 0.04] = 180
    if lesion is not None:
        data[lesion] = 400
    return (data + background).astype(np.float32), np.diag([*spacing, 1.0])


def save(path: Path, data: np.ndarray, affine: np.ndarray, axes=(0, 1, 2), flips=(1, 1, 1)) -> Path:
    """The same head, stored with other axes and directions."""
    image = nibabel.Nifti1Image(data, affine)
    orientation = np.array([[axis, flip] for axis, flip in zip(axes, flips, strict=True)])
    nibabel.save(image.as_reoriented(orientation), path)
    return path


def alike(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@pytest.mark.parametrize(("axes", "flips"), [*product(permutations(range(3)), product((1, -1), repeat=3))])
def test_each_of_the_48_orientations_gives_the_same_volume(axes, flips, tmp_path):
    expected = prepare(save(tmp_path / "ras.nii", *head()), TARGET)
    turned = prepare(save(tmp_path / "turned.nii", *head(), axes, flips), TARGET)
    np.testing.assert_allclose(turned, expected, atol=1e-4)
    # The head has no symmetry that would hide a flip.
    assert all(alike(np.flip(turned, axis), expected) < 0.9 for axis in range(3))


@pytest.mark.parametrize("shape", [(96, 112, 96), (97, 113, 95), (60, 112, 31), (144, 168, 30)])
def test_spacing_does_not_move_or_stretch_the_head(shape, tmp_path):
    """Also where the voxels of an axis are no multiple of a cell."""
    expected = prepare(save(tmp_path / "plain.nii", *head()), TARGET)
    spacing = tuple(3.0 * (n - 1) / (m - 1) for n, m in zip((48, 56, 48), shape, strict=True))
    other = prepare(save(tmp_path / "other.nii", *head(shape, spacing=spacing)), TARGET)
    inside = (expected > -1) & (other > -1) & (expected != 0) & (other != 0)
    assert inside.sum() > 0.8 * (expected != 0).sum()
    # Its rim mixes head and air in ways that depend on the sampling; a shift by one voxel gives 0.92 or less.
    assert alike(other[inside], expected[inside]) > 0.99


def test_an_oblique_volume_keeps_its_own_axes(tmp_path):
    data, affine = head()
    angle = np.deg2rad(20)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    expected = prepare(save(tmp_path / "straight.nii", data, affine), TARGET)
    np.testing.assert_allclose(
        prepare(save(tmp_path / "oblique.nii", data, turn @ affine), TARGET), expected, atol=1e-4
    )


def test_a_lesion_does_not_fall_between_the_samples(tmp_path):
    """A lesion of 3 mm in voxels of 1.5 mm, on a grid of 6 mm, wherever it lies."""
    kept, lost = [], []
    shape, spacing = (96, 112, 96), (1.5, 1.5, 1.5)
    bare = save(tmp_path / "bare.nii", *head(shape, spacing=spacing))
    plain = prepare(bare, TARGET)
    for corner in range(40, 44):
        place = tuple(slice(corner, corner + 2) for _ in range(3))
        path = save(tmp_path / f"{corner}.nii", *head(shape, place, spacing))
        kept.append(np.abs(prepare(path, TARGET) - plain).max())
        lost.append(np.abs(sampled(path) - sampled(bare)).max())
    assert min(kept) > 2 * min(lost)
    assert min(kept) > 0.1


def sampled(path: Path) -> np.ndarray:
    """The same steps without the mean over cells."""
    image: nibabel.Nifti1Image = nibabel.load(path)  # type: ignore[assignment]
    ras = steps.to_ras(np.asarray(image.dataobj, dtype=np.float32), image.affine)
    head = steps.find_head(ras)
    moved = steps.on_grid(ras, head, steps.grid_around(ras, head, TARGET), TARGET)
    return np.asarray(steps.standardised(*moved)[0])


@pytest.mark.parametrize("shift", [(0, 0, 0), (1, 1, 1), (3, 3, 3), (2, 0, 4)])
def test_the_variance_is_one_wherever_the_head_lies(shift, tmp_path):
    data, affine = head()
    padded = np.pad(data, [(step, 6 - step) for step in shift])
    volume = prepare(save(tmp_path / "head.nii", padded, affine), TARGET)
    inside = volume[volume != 0]
    assert abs(inside.mean()) < 1e-3 and abs(inside.std() - 1) < 1e-2


def test_a_cell_never_grows_beyond_the_target():
    for spacing, expected in [
        ((1.0, 1.0, 5.0), (3, 3, 1)),
        ((1.6, 2.9, 3.1), (1, 1, 1)),
        ((200.0, 3.0, 0.9), (1, 1, 3)),
    ]:
        image = steps.to_ras(np.ones((30, 30, 30), np.float32), np.diag([*spacing, 1.0]))
        cells = steps.averaged(image, 3.0)
        assert tuple(30 // n for n in cells.shape[1:]) == expected
        np.testing.assert_allclose(cells.pixdim, np.array(spacing) * expected, rtol=1e-6)


def test_a_background_above_zero_is_no_head(tmp_path):
    expected = prepare(save(tmp_path / "plain.nii", *head()), TARGET)
    for background in (50.0, -50.0):
        raised = save(tmp_path / "raised.nii", *head(background=background))
        np.testing.assert_allclose(prepare(raised, TARGET), expected, atol=1e-3)


def test_a_brain_mask_may_lie_in_another_orientation_and_the_image_below_zero(tmp_path):
    data, affine = head(background=-500.0)
    brain = (data > -500).astype(np.float32)
    skull = np.where(brain > 0, data, np.float32(700))
    image = save(tmp_path / "skull.nii", skull, affine)
    mask = save(tmp_path / "mask.nii", brain, affine, (2, 0, 1), (1, -1, 1))
    expected = prepare(save(tmp_path / "plain.nii", data, affine), TARGET)
    np.testing.assert_allclose(prepare(image, TARGET, brain_mask=mask), expected, atol=1e-3)


def test_a_few_specks_that_fall_between_the_samples_are_no_head(tmp_path):
    data, affine = head(spacing=(4.0, 4.0, 4.0))
    good = save(tmp_path / "good.nii", data, affine)
    data = np.zeros_like(data)
    data[5::14, 6::17, 4::15] = 100
    path = save(tmp_path / "specks.nii", data, affine)
    # On this grid no sample is near enough to a speck.
    target = Target((12, 14, 12), 9.0)
    for image, beside in ((path, None), (path, (good, None)), (good, (path, None))):
        with pytest.raises(StrokebenchError, match=r"Patient p: .*specks.nii shows no head"):
            prepare(image, target, "p", beside=beside)


def test_neither_the_input_file_nor_a_second_call_changes(tmp_path):
    path = save(tmp_path / "head.nii", *head())
    content = path.read_bytes()
    first = prepare(path, TARGET)
    np.testing.assert_array_equal(prepare(path, TARGET), first)
    assert path.read_bytes() == content
    assert type(first) is np.ndarray and first.dtype == np.float32


def test_monai_is_imported_when_a_volume_is_prepared_and_nothing_heavy_with_it():
    code = (
        "import sys, strokebench.datasets.images.mri, strokebench.benchmarks.cli.main; print('monai' in sys.modules);"
        "import strokebench.datasets.images.transforms, strokebench.datasets.encoders.resnet;"
        "print(sorted({'monai', 'matplotlib', 'mlflow', 'optuna', 'transformers'} & set(sys.modules)));"
        "import matplotlib.pyplot"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["False", "['monai']"]


def whole_head(height: float) -> tuple[np.ndarray, np.ndarray]:
    """A head with scalp, face and neck, this many mm tall, in voxels of 3 mm, and where its brain lies."""
    shape = (64, 80, round(height / 3) + 8)
    x, y, z = 3 * (np.indices(shape) - np.reshape([31.5, 39.5, shape[2] - 4 - 26], (3, 1, 1, 1)))
    brain = (x / 66) ** 2 + (y / 84) ** 2 + (z / 66) ** 2 < 1
    skin = (x / 78) ** 2 + (y / 96) ** 2 + (z / 78) ** 2 < 1
    end = z > 78 - height
    neck = (x**2 + (y + 15) ** 2 < 58**2) & (z < 0) & end
    face = (abs(x) < 55) & (y > 0) & (y < 105) & (z < -20) & (z > -110) & end
    return np.where(brain, 400, np.where(skin | neck | face, 500, 0)).astype(np.float32), brain


@pytest.mark.parametrize("height", [181, 206, 231, 256, 281])
def test_a_whole_head_keeps_its_brain_however_much_neck_it_shows(height):
    data, brain = whole_head(height)
    target = Target((56, 64, 48), 3.0)
    image = steps.to_ras(data, np.diag([3.0, 3, 3, 1]))
    inside = torch.from_numpy(brain)[None]
    _, kept = steps.on_grid(image, inside, steps.grid_around(image, steps.find_head(image), target), target)
    assert left_out(steps.find_head(image)[0].numpy(), np.full(3, 3.0), target) < LEFT_OUT, "no warning"
    assert kept.sum() > 0.99 * brain.sum()


@pytest.mark.parametrize("edges", [(2.0, 2.0, 2.0), (1.7, 3.1, 4.0)])
def test_axes_that_agree_are_interpolated_as_monai_does_it(edges):
    rng = np.random.default_rng(5)
    image = steps.to_ras(rng.random((20, 24, 18), dtype=np.float32), np.diag([*edges, 1.0]))
    inside = torch.from_numpy(rng.random((1, 20, 24, 18)) > 0.3)
    target = Target((16, 14, 15), 2.5)
    # Beyond the border on one side, and between voxels.
    grid = torch.from_numpy(np.array([[2.5, 0, 0, -3.2], [0, 2.5, 0, 4.4], [0, 0, 2.5, 7.7], [0, 0, 0, 1]]))
    moved, head = steps.on_grid(image, inside, grid, target)
    by_monai = steps.SpatialResample(mode="bilinear", padding_mode="zeros", dtype=np.float64)
    expected = by_monai(image, dst_affine=grid, spatial_size=target.shape).as_tensor()
    np.testing.assert_allclose(moved, expected, atol=1e-5)
    share = by_monai(torch.where(inside, 1.0, 0.0 * image), dst_affine=grid, spatial_size=target.shape).as_tensor()
    clear = (share - 0.5).abs() > 1e-4
    assert torch.equal(head[clear], (share > 0.5)[clear]) and head.any()
    assert (moved[0, 0] == 0).all(), "outside the image"


@pytest.mark.parametrize(
    ("length", "height", "share"),
    [(180, 140, 0), (240, 140, 48 / 240), (180, 300, 0), (204, 300, 0), (240, 300, 28 / 240)],
)
def test_what_a_grid_leaves_out_is_the_share_beyond_it_without_a_neck(length, height, share):
    head = np.zeros((75, 150, 160), bool)
    head[10 : 10 + 48, 5 : 5 + length // 2, 5 : 5 + height // 2] = True
    found = left_out(head, np.array([3.0, 2.0, 2.0]), WHOLE_HEAD)
    assert found == pytest.approx(share, abs=0.011)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_whole_head_has_one_middle_whatever_the_form_of_its_voxels(axis):
    head = whole_head(231)[0] > 0
    finer = np.full(3, 3.0)
    finer[axis] = 1.5
    middles = [
        (middle(one, edges, WHOLE_HEAD) + 0.5) * edges
        for one, edges in ((head, np.full(3, 3.0)), (head.repeat(2, axis), finer))
    ]
    np.testing.assert_allclose(*middles)


def test_nothing_is_left_out_of_a_head_that_begins_with_its_volume():
    head = np.zeros((60, 70, 50), bool)
    head[10:50, 10:60, :40] = True
    assert left_out(head, np.full(3, 3.0), WHOLE_HEAD) == 0
