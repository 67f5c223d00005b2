"""A model that was fitted on several sequences reads those of another cohort by their names."""

from dataclasses import replace

import pandas as pd
import pytest
from small_cohort import make_cohort, make_embeddings

from strokebench.benchmarks.models.fit import fit
from strokebench.benchmarks.models.model import Model, load_model

SEQUENCES = ("dwi", "adc")


def with_images(folder, *sequences, lacks=()):
    """A cohort with a file for each patient and sequence; the first patient has none of those in `lacks`."""
    cohort = make_cohort(80, outcomes={"nihss": "nihss < 7"})
    file = folder / "any.nii.gz"
    file.write_bytes(b"x")
    images = pd.DataFrame({name: [str(file)] * len(cohort) for name in sequences}, index=cohort.ids, dtype=object)
    for name in lacks:
        images.loc["p000", name] = None
    return replace(cohort, images=images)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Model:
    cohort = with_images(tmp_path_factory.mktemp("model"), *SEQUENCES)
    embeddings = replace(make_embeddings(cohort), sequences=SEQUENCES)
    return fit("random_forest", cohort, embeddings=embeddings, params={"trees": 20, "inputs": "all"})


def test_others_are_left_out_and_lacking_ones_are_told(model, tmp_path):
    assert model.description.sequences == SEQUENCES
    found = model.examine(with_images(tmp_path, "flair", "adc", "dwi", lacks=["adc"]))
    assert found.cohort.sequences == SEQUENCES
    assert "the images flair are not read" in found.notes
    assert "adc: 1 of 80 patients have none; the training mean stands there" in found.notes
    lacking = model.examine(with_images(tmp_path, "flair", "dwi"))
    assert lacking.cohort.images["adc"].isna().all()
    assert "adc: 80 of 80 patients have none; the training mean stands there" in lacking.notes


def test_an_image_of_no_name_or_of_others_does_not_fit(model, tmp_path):
    for name in ("image", "flair"):
        found = model.examine(with_images(tmp_path, name))
        assert f"image: the cohort's is {name}, the model's dwi and adc" in found.problems


def test_a_sequence_of_another_spelling_is_not_taken_for_missing(model, tmp_path):
    found = model.examine(with_images(tmp_path, "DWI", "adc"))
    assert any("the cohort's DWI is called dwi by the model" in problem for problem in found.problems)


def test_what_the_model_says_of_its_sequences_is_kept_in_its_folder(model, tmp_path):
    model.save(tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert again.description.sequences == SEQUENCES and again.fits[0][1].sequences == SEQUENCES
