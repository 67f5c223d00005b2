from __future__ import annotations

import gzip
import os
import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest

from strokebench.datasets.images.lesion import JHU_NAMES, Territories, measure_lesion
from strokebench.datasets.soop import load as soop
from strokebench.datasets.soop.build import ATLAS, LESIONS, masks_by_patient, read_territories
from strokebench.datasets.texts.prompts import PROMPTS
from strokebench.errors import StrokebenchError

VARIABLE = "STROKEBENCH_SOOP"
AFFINE = np.diag([-3.0, 3, 3, 1])
AFFINE[:3, 3] = 78, -112, -50
SHAPE = (53, 63, 46)
HEADER = "participant_id\tsex\tage\trace\tacuteischaemicstroke\tpriorstroke\tbmi\tnihss\tgs_rankin_6isdeath\tetiology"
ROWS = [
    "sub-1\tF\t87\tw\t1\t1\t19.23\t15\t6\t5: Cryptogenic Stroke",
    "sub-2\tM\t89+\tn/a\t1\t0\tn/a\t1\tn/a\t3: Small-vessel disease (e.g., lacunar infarction <1.5 cm)",
    "sub-3\tF\t34\tb\t1\t0\t23.14\tn/a\t0\tn/a",
    "sub-4\tM\t60\tb\t0\t0\t23.14\t3\t1\tn/a",
    "sub-5\tM\t61\tb\t1\t0\t23.14\t4\t1\tn/a",
    "sub-6\tM\t62\tb\t1\t0\t23.14\t30\t5\t1: Large-artery atherosclerosis",
]


def nifti(array: np.ndarray, affine: np.ndarray = AFFINE) -> bytes:
    return gzip.compress(nibabel.Nifti1Image(array, affine).to_bytes())


def box(x: slice, dtype: type = np.uint8) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype)
    mask[x, 20:30, 20:30] = 1
    return mask


MASKS = {
    "sub-1": nifti(box(slice(40, 48))),  # the affine runs from right to left
    "sub-2": nifti(box(slice(5, 6), np.int16)),
    "sub-3": nifti(np.zeros(SHAPE, np.uint8)),
    "sub-4": nifti(box(slice(5, 6))),
    "sub-6": nifti(np.ones(SHAPE, np.uint8)),
    "sub-99": nifti(box(slice(5, 6))),
}


def write_folder(folder: Path, rows: list[str] = ROWS, masks: dict[str, bytes] = MASKS) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / soop.TABLE).write_text("\n".join([HEADER, *rows]) + "\n")
    with zipfile.ZipFile(folder / LESIONS, "w") as archive:
        for patient, data in masks.items():
            archive.writestr(f"bwsr{patient}_lesion.nii.gz", data)
        archive.writestr("README.txt", "lesions")
    labels = np.zeros(SHAPE, np.int16)
    labels[:26], labels[27:] = 8, 7
    (folder / ATLAS).write_bytes(nifti(labels))
    return folder


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(VARIABLE, raising=False)
    return write_folder(tmp_path / "soop")


def test_patients_are_kept_or_left_out_and_counted(folder):
    cohort = soop.load(folder)
    assert list(cohort.ids) == ["sub-1", "sub-2", "sub-3"]
    assert "no acute ischaemic stroke: 1" in cohort.about["left_out"]
    assert "no lesion mask: 1" in cohort.about["left_out"]
    assert "over 700 ml: 1" in cohort.about["left_out"]
    assert cohort.site is None and not cohort.synthetic
    assert dict(cohort.outcomes) == {"nihss": "nihss < 7", "dependent": "mrs > 2", "mrs": "mrs 0 to 6"}
    assert cohort.banned == ("mrs",)


def test_a_row_of_an_id_alone_is_not_called_a_patient_without_a_stroke(folder):
    write_folder(folder, rows=[*ROWS, "sub-7" + "\tn/a" * 9, "sub-8\tn/a\tn/a\tn/a\t0" + "\tn/a" * 5])
    left_out = soop.load(folder).about["left_out"]
    assert "no clinical values: 1" in left_out and "no acute ischaemic stroke: 2" in left_out


def test_table_values(folder):
    table = soop.load(folder).table
    assert "acuteischaemicstroke" not in table
    assert list(table["age"]) == [87, 89, 34]
    assert table["mrs"].isna().tolist() == [False, True, False]
    assert table["nihss"].isna().tolist() == [False, False, True]
    assert table["race"].isna().tolist() == [False, True, False]
    assert table["etiology"].tolist()[:2] == ["cryptogenic", "small-vessel disease"]
    assert pd.isna(table["etiology"].iloc[2])


def test_volumes_masks_and_text(folder):
    cohort = soop.load(folder)
    assert list(cohort.texts.columns) == list(PROMPTS)
    for patient, side in (("sub-1", "left"), ("sub-2", "right")):
        image, mask = nibabel.load(cohort.images.loc[patient, "image"]), nibabel.load(cohort.masks[patient])
        assert image.shape == mask.shape and np.array_equal(image.affine, mask.affine)
        x = np.argwhere(mask.get_fdata()).mean(0) @ mask.affine[0, :3] + mask.affine[0, 3]
        assert ("left" if x < 0 else "right") == side
        # A single answer may mistake the side; five of them together do not.
        words = " ".join(cohort.texts.loc[patient])
        assert words.count(side) > words.count({"left": "right", "right": "left"}[side])
    assert nibabel.load(cohort.masks["sub-3"]).get_fdata().sum() == 0


def test_a_second_load_reads_what_the_first_one_made(folder, monkeypatch):
    first = soop.load(folder)
    monkeypatch.setattr(soop, "build", lambda *_: pytest.fail("made again"))
    second = soop.load(folder)
    assert second.fingerprint() == first.fingerprint()


def test_the_same_source_gives_the_same_bytes_elsewhere(folder, tmp_path, monkeypatch):
    first = soop.load(folder).fingerprint()
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "elsewhere"))
    assert soop.load(folder).fingerprint() == first


def test_an_interrupted_build_is_not_taken_for_a_finished_one(folder, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(soop, "write_json", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            soop.load(folder)
    assert len(soop.load(folder)) == 3


def test_the_folder_comes_from_the_environment(folder, monkeypatch):
    with pytest.raises(StrokebenchError, match=f"cohort fetch soop.*{VARIABLE}"):
        soop.load()
    monkeypatch.setenv(VARIABLE, str(folder))
    assert len(soop.load()) == 3


def test_masks_and_atlas_as_they_are_published_are_the_same_patients(folder):
    from_archive = soop.load(folder).fingerprint()
    (folder / "NIfTI").mkdir()
    (folder / ATLAS).rename(folder / "NIfTI" / ATLAS)
    (folder / LESIONS).unlink()
    for patient, data in MASKS.items():
        (folder / "NIfTI" / f"bwsr{patient}_lesion.nii.gz").write_bytes(data)
    assert soop.load(folder).fingerprint() == from_archive


@pytest.mark.parametrize("name", [soop.TABLE, LESIONS, ATLAS])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(StrokebenchError, match=name):
        soop.load(folder)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (nifti(np.ones((4, 4, 4, 2), np.uint8)), "sub-1.*shape"),
        (gzip.compress(b"no image", mtime=0), "sub-1"),
        (b"no archive", "sub-1"),
        (MASKS["sub-1"][:-200], "sub-1"),
        (nifti(box(slice(40, 48)), np.diag([1e-9, 1, 1, 1])), "sub-1"),
        (nifti(box(slice(40, 48)), np.diag([1.0, 1, 1, 1]) + 9000 * np.eye(4, k=3)), "sub-1.*outside"),
    ],
    ids=["4-D", "no NIfTI", "no gzip", "cut", "flat affine", "far away"],
)
def test_a_mask_that_cannot_be_used_names_the_patient(folder, data, message):
    write_folder(folder, masks={**MASKS, "sub-1": data})
    with pytest.raises(StrokebenchError, match=message):
        soop.load(folder)


def test_an_archive_that_is_damaged_within_names_the_patient(folder):
    archive = folder / LESIONS
    archive.write_bytes(archive.read_bytes().replace(MASKS["sub-1"][40:44], b"xxxx", 1))
    with pytest.raises(StrokebenchError, match=r"sub-1.*damaged"):
        soop.load(folder)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\t87\t", "\told\t", "sub-1.*age.*old"),
        ("\t87\t", "\t870\t", "sub-1.*age"),
        ("5: Cryptogenic Stroke", "unclear", "sub-1.*etiology"),
        ("sub-2\t", "sub-1\t", "sub-1 stands 2 times"),
    ],
)
def test_a_value_that_cannot_be_read_names_the_patient(folder, old, new, message):
    write_folder(folder, rows=[row.replace(old, new) for row in ROWS])
    with pytest.raises(StrokebenchError, match=message):
        soop.load(folder)


def test_a_missing_column_is_named(folder):
    path = folder / soop.TABLE
    path.write_text(path.read_text().replace("gs_rankin_6isdeath", "rankin"))
    with pytest.raises(StrokebenchError, match="gs_rankin_6isdeath"):
        soop.load(folder)


REAL = Path(os.environ.get("STROKEBENCH_SOOP", "absent"))
real = pytest.mark.skipif(not (REAL / LESIONS).is_file(), reason="STROKEBENCH_SOOP is not set to the SOOP data")


@real
@pytest.mark.skipif(not (REAL / "artery.tsv").is_file(), reason="no artery.tsv to compare with")
def test_measurements_agree_with_the_published_ones():
    published = pd.read_csv(REAL / "artery.tsv", sep="\t", index_col=0)
    territories = read_territories(REAL / ATLAS)
    masks = masks_by_patient(REAL)
    columns = dict(zip(sorted(JHU_NAMES), published.columns[1:], strict=False))
    with zipfile.ZipFile(REAL / LESIONS) as archive:
        for patient in sorted(masks)[::30]:
            image = nibabel.Nifti1Image.from_bytes(gzip.decompress(archive.read(masks[patient][1])))
            findings = measure_lesion(np.asarray(image.dataobj), image.affine, territories)
            row = published.loc[patient]
            assert findings.volume_ml * 1000 == pytest.approx(row["lesion_volume"])
            for label, column in columns.items():
                assert findings.territories.get(JHU_NAMES[label], 0.0) == pytest.approx(row[column])
            # Odd columns are left, even ones right.
            left, right = (sum(row[c] for k, c in columns.items() if k % 2 == odd) for odd in (1, 0))
            if findings.side != "both" and max(left, right) > 0.05:
                assert findings.side == ("left" if left > right else "right")


@real
def test_the_atlas_has_left_at_negative_x():
    territories: Territories = read_territories(REAL / ATLAS)
    for label, (_, side) in JHU_NAMES.items():
        x = np.argwhere(territories.labels == label)[:, 0] * territories.affine[0, 0] + territories.affine[0, 3]
        assert ("left" if x.mean() < 0 else "right") == side


@real
def test_the_real_cohort(tmp_path, monkeypatch):
    """Of every thirtieth patient: the volumes of all take half a minute."""
    everyone = masks_by_patient(REAL)
    acute, _ = soop.take_acute(soop.read_table(REAL / soop.TABLE))
    assert acute.index.isin(everyone).sum() > 500
    assert 0.4 < (pd.to_numeric(acute["nihss"]) < 7).mean() < 0.7
    assert pd.to_numeric(acute["age"]).max() == 89

    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path))
    monkeypatch.setattr(soop, "masks_by_patient", lambda _: {id: everyone[id] for id in sorted(everyone)[::30]})
    cohort = soop.load(REAL)
    assert len(cohort) >= 20
    assert cohort.texts.notna().all(axis=None)
    # The text knows what the lesion knows, and not more: its volume goes with the NIHSS, loosely.
    stated = cohort.texts["infarct_volume"].str.extract(r"([\d.]+) ml")[0].astype(float)
    assert 0.3 < stated.corr(cohort.table["nihss"], method="spearman") < 0.75
