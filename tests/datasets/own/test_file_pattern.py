"""A file belongs to the patient whose whole id it names, and whatever a pattern does not find is named."""

import unicodedata
from pathlib import Path

import pytest

from strokebench.datasets.own.file_pattern import resolve, stored_path


def files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def found(resolved, folder):
    return {id: path and Path(path).relative_to(folder).as_posix() for id, path in resolved.paths.items()}


def faults(resolved):
    return [(problem.patient, problem.code) for problem in resolved.problems]


@pytest.mark.parametrize(
    ("pattern", "name", "id", "fits"),
    [
        ("i/{id}*.nii", "i/k70_T2.nii", "k7", False),
        ("i/{id}*.nii", "i/k7_T2.nii", "k7", True),
        ("i/{id}*.nii", "i/k7.nii", "k7", True),
        ("i/{id}*.nii", "i/k7T2.nii", "k7", True),
        ("i/{id}?*.nii", "i/k70.nii", "k7", False),
        ("i/{id}[0-9].nii", "i/k70.nii", "k7", False),
        ("i/*{id}.nii", "i/scan17.nii", "7", False),
        ("i/*{id}.nii", "i/scan7.nii", "7", True),
        ("i/*{id}*.nii", "i/x_017_y.nii", "17", False),
        ("i/{id}*.nii", "i/Marianne.nii", "Maria", False),
        ("i/{id}T2.nii", "i/MariaT2.nii", "Maria", True),
        ("i/scan1{id}.nii", "i/scan17.nii", "7", True),
        ("i/{id}/*_{id}_*.nii", "i/k7/a_k7_b.nii", "k7", True),
        ("i/{id}/*_{id}_*.nii", "i/k7/a_k8_b.nii", "k7", False),
        ("i/**/{id}.nii", "i/ward/bed/k7.nii", "k7", True),
        ("i/**/{id}.nii", "i/k7.nii", "k7", True),
        ("i/*/{id}.nii", "i/ward/bed/k7.nii", "k7", False),
        ("i/{id}/**/T2.nii", "i/k7/a/b/T2.nii", "k7", True),
        ("i/{id}_[!T]*.nii", "i/k7_x.nii", "k7", True),
        ("i/{id}_[!T]*.nii", "i/k7_T2.nii", "k7", False),
        ("./i//{id}.nii", "i/k7.nii", "k7", True),
        ("i/{id}.nii", "i/a.b+c.nii", "a.b+c", True),
        ("i/{id}.nii", "i/aXb+c.nii", "a.b+c", False),
    ],
)
def test_a_wild_card_does_not_go_on_with_an_id(tmp_path, pattern, name, id, fits):
    files(tmp_path, name)
    assert found(resolve(tmp_path, pattern, [id]), tmp_path) == {id: name if fits else None}


def test_a_folder_whose_name_is_a_wild_card_is_found(tmp_path):
    folder = files(tmp_path / "study [2024]*", "i/k7.nii")
    assert found(resolve(folder, "i/{id}.nii", ["k7"]), folder) == {"k7": "i/k7.nii"}


def test_a_file_that_fits_two_patients_is_nobodys(tmp_path):
    files(tmp_path, "k7-2_T2.nii")
    resolved = resolve(tmp_path, "{id}*.nii", ["k7", "k7-2"])
    assert faults(resolved) == [("k7", "image_ambiguous"), ("k7-2", "image_ambiguous")]
    assert "k7-2_T2.nii fits patient k7-2 too" in resolved.problems[0].what
    assert resolved.paths.isna().all()
    excluded = resolve(tmp_path, "{id}*.nii", ["k7"], "text", ["k7-2"])
    assert faults(excluded) == [("k7", "text_ambiguous")]
    assert faults(resolve(files(tmp_path, "sub-3.nii"), "sub-{id}.nii", ["3", "sub-3"])) == [
        ("3", "image_ambiguous"),
        ("sub-3", "image_ambiguous"),
    ]


@pytest.mark.parametrize("what", ["image", "mask", "text"])
def test_a_pattern_that_fits_nothing_is_one_problem_and_says_where_it_breaks_off(tmp_path, what):
    files(tmp_path, "lesions/k1.nii", "lesions/k2.nii")
    resolved = resolve(tmp_path, "lesion/{id}.nii", ["k1", "k2"], what)
    assert faults(resolved) == [(None, "pattern_fits_nothing")]
    assert "did you mean 'lesions'?" in resolved.problems[0].what
    resolved = resolve(tmp_path, "lesions/{id}_mask.nii", ["k1", "k2"], what)
    assert "lesions holds k1.nii, k2.nii" in resolved.problems[0].what
    files(tmp_path, "series/k1/slice1.dcm")
    (folders,) = resolve(tmp_path, "series/{id}", ["k1"], what).problems
    assert "series holds k1/" in folders.what and "dcm2niix" in folders.remedy


def test_a_level_of_folders_that_a_pattern_leaves_out_is_hinted_at(tmp_path):
    (tmp_path / "bids/sub-a1/ses-01/anat").mkdir(parents=True)
    (tmp_path / "bids/sub-a1/ses-01/anat/sub-a1_ses-01_FLAIR.nii.gz").touch()
    (problem,) = resolve(tmp_path, "bids/sub-{id}/anat/*_FLAIR.nii.gz", ["a1"]).problems
    assert "is it bids/sub-a1/ses-01/anat/sub-a1_ses-01_FLAIR.nii.gz?" in problem.what
    assert "folders" not in problem.remedy
    (problem,) = resolve(tmp_path, "bids/sub-{id}", ["a1"]).problems
    assert "Name files, not folders" in problem.remedy


def test_a_patient_without_a_mask_is_named(tmp_path):
    files(tmp_path, "k1.nii")
    assert faults(resolve(tmp_path, "{id}.nii", ["k1", "k2"], "mask")) == [("k2", "mask_missing")]


@pytest.mark.parametrize(
    ("id", "hint"),
    [
        ("2", "is it 0002.nii? The id has lost its leading zeros"),
        ("K-5", "is it k_5.nii?"),
        ("3", None),
        ("k6", None),
    ],
)
def test_a_hint_names_no_other_patients_file(tmp_path, id, hint):
    files(tmp_path, "0002.nii", "0032.nii", "k_5.nii", "k_60.nii", "k.6.0.nii")
    (problem,) = resolve(tmp_path, "{id}.nii", [id]).problems
    assert (hint in problem.what) if hint else ("is it" not in problem.what)


def test_names_with_marks_apart_are_the_same_names(tmp_path):
    apart = unicodedata.normalize("NFD", "Zoë")
    files(tmp_path, f"{apart}.nii")
    assert resolve(tmp_path, "{id}.nii", ["Zoë"]).paths.notna().all()


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_folder_and_names_with_marks_apart_are_found(tmp_path, form):
    """As a Mac may write them; the cohort's file has them as one letter each."""
    files(tmp_path, *(unicodedata.normalize(form, name) for name in ("Größe/schädel_k7.nii", "größe.csv")))
    assert resolve(tmp_path, "Größe/schädel_{id}.nii", ["k7"]).paths.notna().all()
    assert stored_path(tmp_path, "größe.csv").is_file()


def test_a_link_without_its_content_is_told_how_to_fetch_it(tmp_path):
    (tmp_path / "k1.nii").symlink_to(".git/annex/objects/Xf/9z/MD5E-s83.nii/MD5E-s83.nii")
    (tmp_path / "k2.nii").symlink_to("elsewhere.nii")
    resolved = resolve(tmp_path, "{id}.nii", ["k1", "k2"])
    assert faults(resolved) == [("k1", "image_unreadable"), ("k2", "image_unreadable")]
    assert "datalad get k1.nii" in resolved.problems[0].remedy
    assert resolved.problems[1].remedy == "Mend the link."
