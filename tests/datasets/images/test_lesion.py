from __future__ import annotations

import gzip

import nibabel
import numpy as np
import pytest

from strokebench.datasets.images.lesion import (
    ASPECTS_REGIONS,
    JHU_NAMES,
    TERRITORY_NAMES,
    Territories,
    measure_lesion,
    read_territories,
)
from strokebench.errors import StrokebenchError

SHAPE = (40, 40, 40)
AFFINE = np.array([[2.0, 0, 0, -39], [0, 2, 0, -40], [0, 0, 2, -40], [0, 0, 0, 1]])
ML = 0.008
LEFT = {name: 2 * i + 1 for i, name in enumerate(TERRITORY_NAMES)}


def slabs() -> Territories:
    """Frontal, parietal, insular, inferior cerebellar in slabs of ten along z, left and right."""
    labels = np.zeros(SHAPE, np.int16)
    for i, name in enumerate(("frontal MCA", "parietal MCA", "insular MCA", "inferior cerebellar")):
        labels[:20, :, 10 * i : 10 * i + 10] = LEFT[name]
        labels[20:, :, 10 * i : 10 * i + 10] = LEFT[name] + 1
    return Territories(labels, JHU_NAMES, AFFINE)


def box(*, x=(0, 0), y=(0, 40), z=(0, 10), dtype=np.uint8) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype)
    mask[slice(*x), slice(*y), slice(*z)] = 1
    return mask


def test_aspects_regions_sum_to_ten():
    assert sum(ASPECTS_REGIONS.values()) == 10
    assert set(ASPECTS_REGIONS) <= set(TERRITORY_NAMES)


def test_volume_comes_from_the_affine():
    mask = box(x=(0, 5))
    assert measure_lesion(mask, AFFINE, slabs()).volume_ml == pytest.approx(5 * 40 * 10 * ML)
    finer = AFFINE.copy()
    finer[:3, :3] /= 2
    without_affine = Territories(slabs().labels, JHU_NAMES)
    assert measure_lesion(mask, finer, without_affine).volume_ml == pytest.approx(5 * 40 * 10 * ML / 8)


@pytest.mark.parametrize(("x", "side"), [((0, 10), "left"), ((30, 40), "right"), ((10, 30), "both"), ((2, 21), "left")])
def test_side(x, side):
    assert measure_lesion(box(x=x), AFFINE, slabs()).side == side


def test_side_follows_the_affine_where_there_is_no_territory():
    empty = Territories(np.zeros(SHAPE, np.int16), {})
    mirrored = np.diag([-1.0, 1, 1, 1]) @ AFFINE
    assert measure_lesion(box(x=(0, 10)), AFFINE, empty).side == "left"
    assert measure_lesion(box(x=(0, 10)), mirrored, empty).side == "right"


def test_share_of_each_territory():
    findings = measure_lesion(box(x=(0, 5), z=(0, 20)), AFFINE, slabs())
    assert findings.territories == {
        ("frontal MCA", "left"): pytest.approx(0.25),
        ("parietal MCA", "left"): pytest.approx(0.25),
    }
    assert [*findings.territories] == [("frontal MCA", "left"), ("parietal MCA", "left")]


@pytest.mark.parametrize(
    ("x", "z", "score"),
    [
        ((0, 1), (0, 10), 10),  # 5 % of the frontal territory
        ((0, 3), (0, 10), 9),  # 15 %: the first of its two regions
        ((0, 13), (0, 10), 8),  # 65 %: both
        ((0, 3), (20, 30), 10),  # 15 % of the insula, which is one region
        ((0, 5), (20, 30), 9),
        ((0, 20), (0, 30), 5),
        ((0, 10), (30, 40), None),  # cerebellum
    ],
)
def test_aspects(x, z, score):
    assert measure_lesion(box(x=x, z=z), AFFINE, slabs()).aspects == score


def test_aspects_is_of_the_worse_hemisphere():
    mask = box(x=(0, 3)) | box(x=(20, 40), z=(0, 30))
    assert measure_lesion(mask, AFFINE, slabs()).aspects == 5


@pytest.mark.parametrize(
    ("x", "z", "grade"),
    [
        ((0, 2), (0, 10), "none"),
        ((0, 18), (0, 15), "mild"),  # 86 ml
        ((0, 18), (0, 30), "marked"),  # 173 ml
        ((0, 18), (10, 25), "mild"),
        ((1, 23), (0, 15), "marked"),  # 92 ml of the left, but 5 mm over the midline
        ((0, 8), (30, 40), "mild"),  # 26 ml of the cerebellum
        ((0, 14), (30, 40), "marked"),
    ],
)
def test_mass_effect(x, z, grade):
    assert measure_lesion(box(x=x, z=z), AFFINE, slabs()).mass_effect == grade


def test_separate_lesions_are_counted():
    mask = box(x=(0, 2), y=(0, 2)) | box(x=(6, 8), y=(0, 2)) | box(x=(8, 10), y=(2, 4))
    assert measure_lesion(mask, AFFINE, slabs()).n_components == 2


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float64, bool])
def test_the_type_of_the_mask_does_not_matter(dtype):
    assert measure_lesion(box(x=(0, 5), dtype=dtype), AFFINE, slabs()) == measure_lesion(box(x=(0, 5)), AFFINE, slabs())


def test_nan_is_no_lesion_and_memory_order_does_not_matter():
    mask = box(x=(0, 5), dtype=np.float32)
    mask[30] = np.nan
    expected = measure_lesion(box(x=(0, 5)), AFFINE, slabs())
    assert measure_lesion(mask, AFFINE, slabs()) == expected
    assert measure_lesion(np.asfortranarray(mask), AFFINE, slabs()) == expected


def test_an_empty_mask_is_no_lesion():
    findings = measure_lesion(np.zeros(SHAPE), AFFINE, slabs())
    assert (findings.volume_ml, findings.n_components, findings.territories) == (0, 0, {})
    assert (findings.aspects, findings.mass_effect) == (None, "none")


def test_territories_are_brought_to_the_grid_of_the_mask():
    flipped = np.diag([-1.0, 1, 1, 1])
    flipped[0, 3] = SHAPE[0] - 1
    mask = box(x=(0, 5), z=(0, 20))
    expected = measure_lesion(mask, AFFINE, slabs())
    assert measure_lesion(mask[::-1], AFFINE @ flipped, slabs()) == expected

    coarse = AFFINE @ np.diag([2.0, 2, 2, 1])
    coarse[:3, 3] += 1
    # The grid holds only a part of the brain: shares are of the whole territory all the same.
    half = measure_lesion(mask[:4:2, ::2, ::2], coarse, slabs())
    assert half.side == "left"
    assert half.territories["frontal MCA", "left"] == pytest.approx(0.2)


def save_atlas(path, shape=(20, 24, 20)):
    labels = np.random.default_rng(0).integers(0, 33, shape).astype(np.int16)
    nibabel.Nifti1Image(labels, np.diag([-2.0, 2, 2, 1])).to_filename(path)
    return labels


def test_an_atlas_is_read_as_it_was_written(tmp_path):
    labels = save_atlas(tmp_path / "atlas.nii.gz")
    found = read_territories(tmp_path / "atlas.nii.gz")
    np.testing.assert_array_equal(found.labels, labels)
    assert found.labels.dtype == np.int16 and found.names is JHU_NAMES
    np.testing.assert_array_equal(found.affine, np.diag([-2.0, 2, 2, 1]))


@pytest.mark.parametrize("damage", ["checksum", "middle", "cut", "header", "affine"])
def test_a_damaged_atlas_is_to_be_fetched_again(tmp_path, damage):
    path = tmp_path / "atlas.nii.gz"
    save_atlas(path)
    content, plain = bytearray(path.read_bytes()), bytearray(gzip.decompress(path.read_bytes()))
    plain[40:42] = b"\x09\x09" if damage == "header" else plain[40:42]
    plain[280:328] = np.full(12, np.nan, "<f4").tobytes() if damage == "affine" else plain[280:328]
    content[-8] ^= damage == "checksum"
    middle = len(content) // 2
    content[middle : middle + 40] = bytes(40) if damage == "middle" else content[middle : middle + 40]
    spoilt = {"cut": content[:middle], "header": gzip.compress(plain), "affine": gzip.compress(plain)}
    path.write_bytes(spoilt.get(damage, content))
    with pytest.raises(StrokebenchError) as caught:
        read_territories(path)
    assert str(path) in caught.value.message and caught.value.hint == "Fetch it again."


@pytest.mark.parametrize("shape", [(20, 24), (20, 24, 20, 2)])
def test_what_is_no_map_of_territories_is_named(tmp_path, shape):
    save_atlas(tmp_path / "atlas.nii.gz", shape)
    with pytest.raises(StrokebenchError, match="no map of territories"):
        read_territories(tmp_path / "atlas.nii.gz")


def test_other_grid_without_affine_is_an_error():
    with pytest.raises(StrokebenchError, match="grid"):
        measure_lesion(np.ones((8, 8, 8)), AFFINE, Territories(slabs().labels, JHU_NAMES))


@pytest.mark.parametrize(
    ("mask", "affine"),
    [
        (np.ones((4, 4)), AFFINE),
        (np.ones((4, 4, 4, 2)), AFFINE),
        (np.ones((4, 4, 4)), np.zeros((4, 4))),
        (np.ones((4, 4, 4)), np.eye(3)),
        (np.ones((4, 4, 4)), np.full((4, 4), np.nan)),
    ],
)
def test_masks_that_cannot_be_measured(mask, affine):
    with pytest.raises(StrokebenchError):
        measure_lesion(mask, affine, slabs())


def test_a_fourth_axis_of_length_one_is_dropped():
    mask = box(x=(0, 5))
    assert measure_lesion(mask[..., None], AFFINE, slabs()) == measure_lesion(mask, AFFINE, slabs())
