"""The virtual cohort on disk: files, determinism, and what an interruption leaves."""

from __future__ import annotations

import json
import re
import shutil

import nibabel
import numpy as np
import pandas as pd
import pytest
from scipy import ndimage
from scipy.stats import spearmanr

from strokebench.datasets.images.lesion import Territories, measure_lesion
from strokebench.datasets.texts.prompts import PROMPTS
from strokebench.datasets.virtual import generate, load
from strokebench.datasets.virtual.anatomy import NAMES, TERRITORIES, anatomy
from strokebench.datasets.virtual.lesions import LOG_VOLUME, Lesion, draw_lesion, eloquence
from strokebench.datasets.virtual.patients import draw_patients
from strokebench.datasets.virtual.settings import SITES, Strengths
from strokebench.datasets.virtual.texts import answer
from strokebench.datasets.virtual.volumes import draw_volume
from strokebench.files import home
from strokebench.tasks.endpoints.parse import parse_endpoint

N = 24


@pytest.fixture(scope="module")
def at(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STROKEBENCH_HOME", str(tmp_path_factory.mktemp("home")))
        yield patch


@pytest.fixture(scope="module")
def cohort(at):
    return load(0, N, jobs=1)


def test_the_cohort_says_what_it_is(cohort):
    assert cohort.synthetic
    assert cohort.title == "virtual cohort"
    assert cohort.oracle_outcome == "nihss < 7" == cohort.outcomes["nihss"]
    assert len(cohort) == N
    assert (cohort.table["nihss"] < 7).sum() == round(N * 232 / 729)
    assert set(cohort.site) == {site.name for site in SITES}
    assert cohort.oracle.between(0, 1).all()
    assert cohort.about["attainable"] == "AUC 0.856 by the table, true volume and place of the infarct, on seed 11"
    assert "site" not in cohort.table
    assert list(cohort.texts.columns) == list(PROMPTS)
    assert cohort.outcomes == {"nihss": "nihss < 7", "dependent": "mrs90 > 2", "mrs90": "mrs90 0 to 6"}
    scanned = draw_patients(0, N).extra["scanned"] > 0
    assert cohort.texts[scanned].map(lambda text: isinstance(text, str) and len(text) > 10).all(axis=None)
    assert cohort.texts[~scanned].isna().all(axis=None)
    assert cohort.masks.isna().equals(~scanned) and cohort.images["image"].isna().equals(~scanned)


def test_inputs_are_what_is_known_by_the_outcome(cohort):
    """The course is never one; the NIHSS is one of the mRS alone."""
    afterwards = {"mrs90", "toast", "thrombolysis", "thrombectomy", "recanalised", "infarct_growth", "pneumonia"}
    severity, outcome = (parse_endpoint(rule).not_inputs(cohort) for rule in ("nihss < 7", "mrs90 0 to 6"))
    assert afterwards <= set(severity) and afterwards <= set(outcome)
    assert "nihss" in severity and "nihss" not in outcome
    assert {"gcs", "occlusion_site", "glucose"}.isdisjoint(severity)


def test_the_files_hold_what_was_drawn(cohort):
    folder = home("cohorts").joinpath(cohort.about["folder"])
    drawn = draw_patients(0, N)
    clinical = pd.read_csv(folder / "clinical.csv", index_col="patient_id")
    pd.testing.assert_frame_equal(clinical.drop(columns="site"), drawn.table, check_dtype=False, check_index_type=False)
    description = json.loads((folder / "cohort.json").read_text())
    assert description["title"] == "virtual cohort"
    assert description["oracle_auc"] == pytest.approx(generate.oracle_auc(drawn), abs=1e-4)
    assert description["strengths"]["volume"] == Strengths().volume


def test_images_are_valid_and_masks_lie_on_them(cohort):
    planned = dict(zip(draw_patients(0, N).table.index, draw_patients(0, N).lesions, strict=True))
    gain = []
    for patient in cohort.masks.dropna().index:
        image, mask = nibabel.load(cohort.images.loc[patient, "image"]), nibabel.load(cohort.masks[patient])
        assert image.get_data_dtype() == np.int16
        assert image.shape == mask.shape
        np.testing.assert_array_equal(image.affine, mask.affine)
        site = next(site for site in SITES if site.name == cohort.site[patient])
        np.testing.assert_allclose(image.header.get_zooms(), site.spacing, rtol=1e-5)
        values, lesion = image.get_fdata(), mask.get_fdata() > 0
        voxel_ml = np.prod(site.spacing) / 1000
        assert lesion.sum() * voxel_ml == pytest.approx(planned[patient].volume_ml, abs=5 * voxel_ml)
        brain = values > 0
        assert 1100 < brain.sum() * voxel_ml < 2000
        gain.append(np.median(values[lesion]) / np.median(values[brain & ~lesion]))
    assert np.median(gain) > 1.3


@pytest.fixture(scope="module")
def few(at):
    return load(3, 12, jobs=1)


def test_the_same_patients_whatever_the_number_of_workers(few, tmp_path, monkeypatch):
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path))
    monkeypatch.setattr(generate, "_BATCH", 5)
    other = load(3, 12, jobs=2)
    assert other.images.iloc[0, 0] != few.images.iloc[0, 0]
    assert other.fingerprint() == few.fingerprint()


def folder_of(seed, strengths=None):
    return generate.folder_of(generate.Recipe(seed, N, strengths or Strengths()))


def test_a_second_call_reads_and_a_changed_strength_generates(cohort, monkeypatch):
    monkeypatch.setattr(generate, "_write", lambda *_: pytest.fail("generated again"))
    assert load(0, N).fingerprint() == cohort.fingerprint()
    assert folder_of(0) != folder_of(0, Strengths(volume=0.7))
    assert folder_of(0) != folder_of(1)


@pytest.fixture
def copied(few, tmp_path, monkeypatch):
    """A home of this test's own, and a patch under which `few` is copied in place of being drawn again."""
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path))
    with pytest.MonkeyPatch.context() as patch:
        yield lambda: patch.setattr(
            generate, "_write", lambda folder, *_: shutil.copytree(few.about["folder"], folder, dirs_exist_ok=True)
        )


def test_an_interruption_leaves_nothing(copied, tmp_path, monkeypatch):
    monkeypatch.setattr(generate, "_BATCH", 2)

    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(3, 12, jobs=1, progress=interrupt)
    assert list((tmp_path / "cohorts").iterdir()) == []
    copied()
    assert len(load(3, 12, jobs=1)) == 12


def test_what_a_killed_generation_left_is_not_taken(copied, monkeypatch):
    folder = generate.folder_of(generate.Recipe(3, 12, Strengths()))
    left = folder.parent / f".{folder.name}.killed.part"
    (left / "dwi").mkdir(parents=True)
    monkeypatch.setattr(generate, "_STALE_SECONDS", -1)
    copied()
    assert len(load(3, 12, jobs=1)) == 12
    assert not left.exists()


def test_the_territory_map_is_whole_and_symmetric():
    atlas = anatomy()
    assert set(np.unique(atlas.labels)) == {0, *NAMES}
    for territory in TERRITORIES:
        left, right = len(atlas.points(territory, "left")), len(atlas.points(territory, "right"))
        assert 0.8 < left / right < 1.25, territory
        assert (atlas.points(territory, "left")[:, 0] <= 1).all()


def test_an_infarct_lies_where_it_was_planned():
    rng = np.random.default_rng(0)
    for k in range(12):
        lesion = draw_lesion(list(LOG_VOLUME)[k % 5], rng)
        if lesion.satellites or lesion.volume_ml > 100 or lesion.volume_ml < 2:
            continue
        volume = draw_volume(lesion, SITES[k % 4], anatomy(), np.random.default_rng(k), Strengths())
        found = measure_lesion(volume.mask, volume.affine, Territories(volume.labels, NAMES))
        share = {key: value for key, value in found.territories.items() if value > 0.01}
        assert (lesion.territory, lesion.side) in share
        assert found.side in (lesion.side, "both")
        assert ndimage.label(volume.mask, np.ones((3, 3, 3)))[1] <= 12


def test_small_arteries_make_small_infarcts():
    rng = np.random.default_rng(1)
    lacunes = [draw_lesion("small-artery occlusion", rng).volume_ml for _ in range(200)]
    emboli = [draw_lesion("cardioembolism", rng).volume_ml for _ in range(200)]
    assert np.median(lacunes) < 2 < 10 < np.median(emboli)
    assert min(lacunes) >= 0.3
    assert max(emboli) <= 260


def test_eloquence_knows_the_motor_tract_and_language():
    capsule = Lesion("lateral lenticulostriate", "left", (-22, -14, 6), 1.0)
    frontal_pole = Lesion("frontal MCA", "left", (-30, 56, 10), 1.0)
    wernicke = Lesion("temporal MCA", "left", (-54, -40, 14), 5.0)
    mirrored = Lesion("temporal MCA", "right", (54, -40, 14), 5.0)
    assert eloquence(capsule) > 0.8 > 0.3 > eloquence(frontal_pole)
    assert eloquence(wernicke) > eloquence(mirrored)


@pytest.fixture(scope="module")
def drawn():
    lesion = Lesion("parietal MCA", "left", (-46.0, -32.0, 40.0), 40.0)
    return draw_volume(lesion, SITES[0], anatomy(), np.random.default_rng(0), Strengths())


def sides(volume, strengths, seeds=24):
    """Of each patient's answers that name one side, the share that says left: one number a patient."""
    shares = []
    for seed in range(seeds):
        words = [text.lower() for text in answer(volume, np.random.default_rng(seed), strengths).values()]
        named = ["left" in text for text in words if ("left" in text) != ("right" in text)]
        shares.append(np.mean(named))
    return np.array(shares)


def test_texts_tell_the_lesion_unless_they_misread(drawn):
    assert (sides(drawn, Strengths(misread=0.0, wrong_side=0.0)) == 1).all()
    assert 0.2 < sides(drawn, Strengths(misread=1.0)).mean() < 0.8


@pytest.mark.parametrize("strengths", [Strengths(misread=1.0), Strengths(misread=0.0, wrong_side=0.5)])
def test_the_answers_of_one_patient_are_wrong_in_the_same_way(drawn, strengths):
    shares = sides(drawn, strengths)
    assert set(shares) == {0.0, 1.0}


def test_the_answers_of_one_patient_agree_on_a_misjudged_size(drawn):
    """A stated volume and a guessed NIHSS of one reading rise and fall together."""
    volumes, scores = [], []
    for seed in range(60):
        answers = answer(drawn, np.random.default_rng(seed), Strengths(misread=0.0, wrong_side=0.0, volume_reading=1.0))
        volumes.append(float(re.search(r"([\d.]+) ml", answers["infarct_volume"])[1]))
        scores.append(float(re.search(r"\d+", answers["nihss_range"])[0]))
    assert spearmanr(volumes, scores)[0] > 0.7
