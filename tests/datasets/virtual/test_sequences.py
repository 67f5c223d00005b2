"""DWI, ADC and FLAIR of one virtual patient agree, and age as those of patients do."""

import nibabel
import numpy as np
import pytest

from strokebench.datasets.virtual import load
from strokebench.datasets.virtual.anatomy import anatomy
from strokebench.datasets.virtual.lesions import Lesion
from strokebench.datasets.virtual.sequences import draw_sequences, fall_of_diffusion
from strokebench.datasets.virtual.settings import SITES, Strengths
from strokebench.datasets.virtual.volumes import draw_volume

LESION = Lesion("parietal MCA", "left", (-46.0, -32.0, 40.0), 40.0)


@pytest.fixture(scope="module")
def contrast():
    """Median of an infarct over that of the rest of the brain, by age in hours and sequence, over some scans."""

    def at(hours):
        ratios = []
        for seed in range(4):
            volume = draw_volume(LESION, SITES[0], anatomy(), np.random.default_rng(0), Strengths(), onset_hours=hours)
            drawn = draw_sequences(volume, hours, SITES[0], np.random.default_rng(seed)) | {"dwi": volume.image}
            lesion = volume.mask > 0
            rest = (volume.tissue > 0.9) & ~lesion
            ratios.append({name: np.median(image[lesion]) / np.median(image[rest]) for name, image in drawn.items()})
        return {name: np.median([ratio[name] for ratio in ratios]) for name in ratios[0]}

    return {hours: at(hours) for hours in (1.5, 24.0, 220.0, 240.0)}


def test_diffusion_is_low_where_the_weighted_image_is_bright(contrast):
    for hours in (1.5, 24.0):
        assert contrast[hours]["dwi"] > 1.3 and contrast[hours]["adc"] < 0.8


def test_the_coefficient_is_normal_again_in_the_second_week_while_the_weighted_image_stays_bright(contrast):
    assert contrast[220.0]["adc"] == pytest.approx(1.0, abs=0.08) and contrast[220.0]["dwi"] > 1.3
    assert fall_of_diffusion(24) > 0.3 > fall_of_diffusion(220) == 0 > fall_of_diffusion(300)


def test_flair_turns_bright_after_hours(contrast):
    assert contrast[1.5]["flair"] < 1.15 < 1.35 < contrast[24.0]["flair"]


def test_healthy_tissue_diffuses_as_in_life_and_water_freely():
    volume = draw_volume(LESION, SITES[0], anatomy(), np.random.default_rng(1), Strengths())
    adc = draw_sequences(volume, 12.0, SITES[0], np.random.default_rng(1))["adc"]
    healthy = (volume.tissue > 0.95) & (volume.mask == 0) & (volume.scene.cavity < 0.01)
    assert 650 < np.median(adc[healthy]) < 950
    assert adc.max() > 1800 and (adc[volume.scene.brain < 0.3] == 0).all()


def test_the_cohort_of_three_sequences_is_the_virtual_one(tmp_path, monkeypatch):
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path))
    one, three = load(5, 12, jobs=1), load(5, 12, jobs=1, sequences=True)
    assert three.sequences == ("dwi", "adc", "flair") and one.sequences == ("image",)
    assert three.table.equals(one.table) and three.texts.equals(one.texts)
    patient = one.masks.dropna().index[0]
    paths = [one.images.loc[patient, "image"], *three.images.loc[patient]]
    dwi, same, adc, flair = (nibabel.load(path) for path in paths)
    np.testing.assert_array_equal(np.asarray(dwi.dataobj), np.asarray(same.dataobj))
    assert adc.shape == flair.shape == dwi.shape
    np.testing.assert_array_equal(adc.affine, dwi.affine)
