"""Lesion masks reach methods: as a text and as columns of the table, measured in their own grid or in MNI space."""

import nibabel
import numpy as np
import pandas as pd
import pytest
from sequences_folder import LESION, path_of, write_sequences

from strokebench.datasets.images.lesion import JHU_NAMES
from strokebench.datasets.images.mask_volumes import lesion_volumes
from strokebench.datasets.own.load import load
from strokebench.errors import StrokebenchError
from strokebench.reports.cohort.check import check_cohort
from strokebench.tasks.endpoints.parse import parse_endpoint

pytestmark = pytest.mark.usefixtures("own_home")
BOTH = "text: {from: masks}\nlesion_columns: true\n"


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("masks")
    write_sequences(folder, 4)
    return folder


@pytest.fixture
def cohort_of(original, tmp_path):
    def write(keys, *changes, masks="sub-{id}/dwi/*_mask.nii.gz"):
        text = (original / "sequences.yaml").read_text().replace("sub-", f"{original}/sub-")
        text = text.replace("table: patients.csv", f"table: {original}/patients.csv")
        text = text.replace(f"{original}/sub-{{id}}/dwi/*_mask.nii.gz", masks.replace("sub-", f"{original}/sub-"))
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "c.yaml"
        path.write_text(text + keys)
        return path

    return write


def write_ball(path, centre, radius, edge=4.0, shape=(44, 52, 40)):
    """A mask on a grid of MNI space, about which its affine says so."""
    affine = np.diag([edge, edge, edge, 1.0])
    affine[:3, 3] = -edge * (np.array(shape) - 1) / 2
    points = np.moveaxis(np.indices(shape), 0, -1) * edge + affine[:3, 3]
    inside = np.linalg.norm(points - centre, axis=-1) < radius
    nibabel.Nifti1Image(inside.astype(np.uint8), affine).to_filename(path)
    return points, affine


@pytest.fixture
def atlas(tmp_path):
    """Left and right, each in front the frontal MCA's territory and behind the occipital PCA's."""
    path = tmp_path / "atlas.nii.gz"
    points, affine = write_ball(path, [0, 0, 0], 1)
    front, behind = (
        next(label for label, name in JHU_NAMES.items() if name == (territory, "left"))
        for territory in ("frontal MCA", "occipital PCA")
    )
    labels = np.where(points[..., 1] > 0, front, behind) + (points[..., 0] > 0)
    labels[np.linalg.norm(points, axis=-1) > 76] = 0
    nibabel.Nifti1Image(labels.astype(np.int16), affine).to_filename(path)
    return path


def test_a_mask_in_its_own_grid_is_measured_against_the_head(cohort_of):
    cohort = load(cohort_of(BOTH))
    ball = 4 / 3 * np.pi * 14**3 / 1000
    assert cohort.table["lesion_volume"].between(0.8 * ball, 1.2 * ball).all()
    # The lesion lies at x = 30, the head about x = 3.
    assert LESION[0] == 30 and set(cohort.table["lesion_side"]) == {"right"}
    volume = cohort.table["lesion_volume"].iloc[0]
    assert cohort.texts["lesion"].iloc[0] == (
        f"The lesion measures {volume:.1f} ml and lies in the right hemisphere, in one focus."
    )
    said = cohort.about["from_masks"]
    assert "volume, side, foci" in said and "2 columns of the table (lesion_volume, lesion_side)" in said


def test_the_side_is_of_the_head_wherever_it_lies_in_the_scanner(original, cohort_of, tmp_path):
    """All of a patient's volumes 60 mm to the left: the lesion's x is below 0, and it is still on the right."""
    for number in range(4):
        for name in ("dwi", "mask"):
            image = nibabel.load(path_of(original, name, number))
            affine = image.affine.copy()
            affine[0, 3] -= 60
            moved = nibabel.Nifti1Image(np.asarray(image.dataobj)[::-1], affine @ _flipped(image.shape[0]))
            moved.to_filename(tmp_path / f"p{number:02d}_{name}.nii.gz")
    changes = ((f"{original}/sub-{{id}}/dwi/*_dwi.nii.gz", f"{tmp_path}/{{id}}_dwi.nii.gz"),)
    cohort = load(cohort_of("lesion_columns: true\n", *changes, masks=f"{tmp_path}/{{id}}_mask.nii.gz"))
    assert set(cohort.table["lesion_side"]) == {"right"}


def test_a_small_lesion_on_a_finer_grid_than_the_image_is_measured_as_it_was_drawn(cohort_of, tmp_path):
    """Also a lacune between the centres of all voxels of the image, as between thick slices."""
    balls = [([30, 10, 2], 2.7), ([32, 12, 4], 1.6), ([-30, 10, 2], 2.7), ([-32, 12, 4], 1.6)]
    for number, (centre, radius) in enumerate(balls):
        write_ball(tmp_path / f"p{number:02d}_fine.nii.gz", centre, radius, 1.0, (161, 193, 129))
    keys, masks = "lesion_columns: true\nmask_grid: resample\n", f"{tmp_path}/{{id}}_fine.nii.gz"
    cohort = load(cohort_of(keys, masks=masks))
    np.testing.assert_allclose(cohort.table["lesion_volume"], lesion_volumes(cohort.masks))
    assert cohort.table["lesion_volume"].max() < 0.1
    assert list(cohort.table["lesion_side"]) == ["right", "right", "left", "left"]
    assert check_cohort(str(cohort_of(keys, masks=masks)), jobs=1).problems == []


def test_a_mask_without_a_usable_affine_is_a_problem_of_its_patient(original, cohort_of, tmp_path):
    spoilt = {0: np.full(16, np.nan), 1: np.zeros(16), 2: np.array([4.0, 4, 0, 0] * 3 + [0] * 4), 3: None}
    for number, affine in spoilt.items():
        image = nibabel.load(path_of(original, "mask", number))
        if affine is not None:
            image.header["srow_x"], image.header["srow_y"], image.header["srow_z"], _ = affine.reshape(4, 4)
            image = nibabel.Nifti1Image(np.asarray(image.dataobj), None, image.header)
            assert image.header["sform_code"]
        image.to_filename(tmp_path / f"p{number:02d}.nii.gz")
    path = cohort_of("lesion_columns: true\n", masks=f"{tmp_path}/{{id}}.nii.gz")
    with pytest.raises(StrokebenchError, match=r"p00: .*p00.nii.gz has a singular affine .2 more problems"):
        load(path)
    problems = check_cohort(str(path), jobs=1).problems
    assert [(p.patient, p.code) for p in problems] == [(f"p0{n}", "mask_unreadable") for n in range(3)]


def _flipped(n):
    flip = np.diag([-1.0, 1, 1, 1])
    flip[0, 3] = n - 1
    return flip


def test_in_mni_space_territories_and_aspects_are_measured(cohort_of, atlas, tmp_path):
    centres = {"p00": [-30, 40, 0], "p01": [30, -40, 0], "p02": [0, 0, 500], "p03": [-30, 40, 10]}
    for id, centre in centres.items():
        write_ball(tmp_path / f"{id}_mni.nii.gz", centre, 25)
    keys = BOTH + f"atlas: {atlas}\nroles: {{}}\n"
    cohort = load(cohort_of(keys, masks=f"{tmp_path}/{{id}}_mni.nii.gz"))
    table = cohort.table
    assert list(table["lesion_side"]) == ["left", "right", "none", "left"]
    assert (table["lesion_frontal_mca"] > 0.1).tolist() == [True, False, False, True]
    assert (table["lesion_occipital_pca"] > 0.1).tolist() == [False, True, False, False]
    assert table["lesion_aspects"].isna().tolist() == [False, True, True, False]
    texts = cohort.texts["lesion"]
    assert "left lateral frontal lobe" in texts["p00"] and "ASPECTS is " in texts["p00"]
    assert "occipital lobe" in texts["p01"] and "ASPECTS is not applicable" in texts["p01"]
    assert texts["p02"] == "No lesion."
    assert "territories, ASPECTS" in cohort.about["from_masks"]


def test_a_mask_in_another_space_than_the_atlas_is_a_question(cohort_of, atlas, tmp_path):
    for id, centre in {"p00": [-30, 40, 0], "p01": [80, 90, 60], "p02": [0, 10, 0], "p03": [10, 0, 0]}.items():
        write_ball(tmp_path / f"{id}_mni.nii.gz", centre, 25)
    keys, masks = f"atlas: {atlas}\n{BOTH}", f"{tmp_path}/{{id}}_mni.nii.gz"
    with pytest.raises(StrokebenchError, match=r"p01: .*outside the atlas.*MNI space"):
        load(cohort_of(keys, masks=masks))
    assert len(load(cohort_of(keys + "accept: {mask_space: [p01]}\n", masks=masks))) == 4


def test_a_mask_of_a_brain_or_of_another_patient_is_a_question(cohort_of, atlas, tmp_path):
    balls = {"p00": ([-30, 40, 0], 25), "p01": ([0, 0, 0], 70), "p02": ([-30, 40, 0], 25), "p03": ([10, 0, 0], 25)}
    for id, (centre, radius) in balls.items():
        write_ball(tmp_path / f"{id}_mni.nii.gz", centre, radius)
    keys, masks = f"atlas: {atlas}\nlesion_columns: true\n", f"{tmp_path}/{{id}}_mni.nii.gz"
    with pytest.raises(StrokebenchError, match=r"p01: the mask p01_mni.nii.gz marks 14\d\d ml .*brain_masks"):
        load(cohort_of(keys, masks=masks))
    with pytest.raises(StrokebenchError, match=r"p02: the mask p02_mni.nii.gz is that of patient p00"):
        load(cohort_of(keys + "accept: {mask_doubtful: [p01]}\n", masks=masks))
    assert len(load(cohort_of(keys + "accept: {mask_doubtful: [p01, p02]}\n", masks=masks))) == 4


def test_a_lesion_in_the_air_is_named(original, cohort_of, tmp_path):
    for number in range(4):
        image = nibabel.load(path_of(original, "mask", number))
        data = np.asarray(image.dataobj).copy()
        if number == 2:
            data[:] = 0
            data[2:4, 2:4, 2:4] = 1
        nibabel.Nifti1Image(data, image.affine).to_filename(tmp_path / f"p{number:02d}.nii.gz")
    with pytest.raises(StrokebenchError, match=r"p02: .*p02.nii.gz lies outside the head of its image"):
        load(cohort_of("lesion_columns: true\n", masks=f"{tmp_path}/{{id}}.nii.gz"))


def test_an_image_without_a_head_is_a_problem_of_its_patient(original, cohort_of, tmp_path):
    for number in range(4):
        for name in ("dwi", "mask"):
            image = nibabel.load(path_of(original, name, number))
            data = np.asarray(image.dataobj).copy()
            if number == 1:
                data[:] = 100 * (name == "dwi")
                data[20, 20, 20:22] = 0
            nibabel.Nifti1Image(data, image.affine).to_filename(tmp_path / f"p{number:02d}_{name}.nii.gz")
    changes = ((f"{original}/sub-{{id}}/dwi/*_dwi.nii.gz", f"{tmp_path}/{{id}}_dwi.nii.gz"),)
    with pytest.raises(StrokebenchError, match=r"patient p01: .*p01_dwi.nii.gz shows no head"):
        load(cohort_of("lesion_columns: true\n", *changes, masks=f"{tmp_path}/{{id}}_mask.nii.gz"))


def test_a_patient_without_a_mask_has_neither_text_nor_measures(original, cohort_of, tmp_path):
    for number in (0, 1, 2):
        mask = path_of(original, "mask", number)
        (tmp_path / f"p{number:02d}.nii.gz").write_bytes(mask.read_bytes())
    path = cohort_of(BOTH + "accept: {mask_missing: [p03]}\n", masks=f"{tmp_path}/{{id}}.nii.gz")
    cohort = load(path)
    assert cohort.texts["lesion"].isna().tolist() == [False, False, False, True]
    assert cohort.table.loc["p03", ["lesion_volume", "lesion_side"]].isna().all()
    assert check_cohort(str(path), jobs=1).problems == []


def test_measures_stay_inputs_and_their_columns_may_not_be_taken(original, cohort_of, tmp_path):
    changes = (("outcome: none", "outcome: mrs > 2"),)
    cohort = load(cohort_of("lesion_columns: true\n", *changes))
    endpoint = parse_endpoint("mrs > 2")
    assert not {"lesion_volume", "lesion_side"} & endpoint.not_inputs(cohort).keys()
    table = pd.read_csv(original / "patients.csv").rename(columns={"glucose": "lesion_volume"})
    table.to_csv(tmp_path / "other.csv", index=False)
    taken = (f"{original}/patients.csv", "other.csv"), ("glucose: numeric", "lesion_volume: numeric")
    with pytest.raises(StrokebenchError, match="makes columns that the table has: lesion_volume"):
        load(cohort_of("lesion_columns: true\n", *taken))


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("text: {from: images}\n", "from: masks"),
        ("text: {from: masks, prompts: [a]}\n", "from: masks"),
        ("lesion_columns: yes\n", "give true"),
        ("atlas: a.nii.gz\n", "nothing is measured by it"),
        ("text: {from: masks}\natlas: a.nii.gz\n", "a.nii.gz"),
    ],
)
def test_a_faulty_key_is_named(cohort_of, keys, words):
    with pytest.raises(StrokebenchError, match=words):
        load(cohort_of(keys))


@pytest.mark.parametrize("key", ["text: {from: masks}\n", "lesion_columns: true\n"])
def test_without_masks_or_a_head_there_is_nothing_to_measure(tmp_path, key):
    (tmp_path / "c.yaml").write_text("table: t.csv\nid: id\noutcome: mrs > 2\n" + key)
    with pytest.raises(StrokebenchError, match="made of lesion masks, and there are no `masks:`"):
        load(tmp_path / "c.yaml")
    (tmp_path / "c.yaml").write_text("table: t.csv\nid: id\noutcome: mrs > 2\nmasks: '{id}.nii'\n" + key)
    with pytest.raises(StrokebenchError, match="found in the head of the image"):
        load(tmp_path / "c.yaml")
