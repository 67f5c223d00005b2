"""What is kept between calls is what would be found out anew."""

from dataclasses import replace
from io import StringIO
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from small_cohort import make_cohort

from strokebench.benchmarks.running import build
from strokebench.benchmarks.running.build import encode, remembered_split
from strokebench.benchmarks.running.settings import Settings
from strokebench.datasets.embeddings import Embeddings
from strokebench.datasets.encoders import encode as encoding
from strokebench.errors import StrokebenchError
from strokebench.tasks.endpoints.parse import parse_endpoint
from strokebench.tasks.protocols import make_split


@pytest.fixture
def asked():
    cohort = make_cohort()
    return parse_endpoint("nihss < 7").labels(cohort), cohort.site


@pytest.mark.parametrize("protocol", ["cv5", "holdout", "loho"])
def test_a_split_is_made_once(protocol: str, asked, monkeypatch: pytest.MonkeyPatch):
    made = remembered_split(protocol, *asked, (39, 40))
    monkeypatch.setattr(build, "make_split", lambda *_: pytest.fail("made again"))
    labels, site = asked
    read = remembered_split(protocol, labels.sample(frac=1, random_state=1), site, (39, 40))
    assert read == made == make_split(protocol, *asked, (39, 40)) and read.sha256 == made.sha256


def test_other_labels_sites_or_seeds_are_another_split(asked):
    labels, site = asked
    remembered_split("loho", labels, site, (39,))
    other = labels.copy()
    other.iloc[0] = 1 - other.iloc[0]
    assert remembered_split("loho", other, site, (39,)) == make_split("loho", other, site, (39,))
    swapped = site.replace({"north": "south", "south": "north"})
    assert remembered_split("loho", labels, swapped, (39,)) == make_split("loho", labels, swapped, (39,))
    assert {fold.seed for fold in remembered_split("loho", labels, site, (41,)).folds} == {41}


def test_a_split_that_was_tampered_with_is_made_again(asked, home: Path):
    made = remembered_split("cv5", *asked, (39,))
    [path] = (home / "splits" / "made").iterdir()
    path.write_text(path.read_text().replace("p001", "p999"))
    assert remembered_split("cv5", *asked, (39,)) == made
    path.write_text("[]")
    assert remembered_split("cv5", *asked, (39,)) == made


def test_texts_of_which_the_filter_leaves_nothing_are_counted(monkeypatch: pytest.MonkeyPatch):
    cohort = make_cohort()
    texts = pd.DataFrame({"report": "Infarkt rechts", "aspects": "ASPECTS 9"}, index=cohort.ids)
    monkeypatch.setattr(encoding, "encode_cohort", lambda *_: Embeddings(cohort.ids, {}, emptied=len(cohort)))
    console = Console(file=StringIO(), width=200)
    encode(Settings(), replace(cohort, texts=texts), parse_endpoint("nihss < 7"), console)
    assert f"Texts       {len(cohort)} of {2 * len(cohort)} hold no sentence" in console.file.getvalue()


def test_patients_without_a_modality_are_counted(monkeypatch: pytest.MonkeyPatch):
    cohort, n = make_cohort(), len(make_cohort())
    arrays = {"image.tokens": np.ones((n, 16, 2)), "image.vector": np.ones((n, 2)), "text": np.ones((n, 2, 3, 4))}
    console = Console(file=StringIO(), width=200)
    monkeypatch.setattr(encoding, "encode_cohort", lambda *_: Embeddings(cohort.ids, arrays))
    encode(Settings(), cohort, parse_endpoint("nihss < 7"), console)
    assert "Missing" not in console.file.getvalue()
    arrays["image.vector"][:5], arrays["text"][:3], arrays["text"][3, 0] = np.nan, np.nan, np.nan
    encode(Settings(), cohort, parse_endpoint("nihss < 7"), console)
    assert f"Missing     image of 5, text of 3 of {n} patients" in console.file.getvalue()


def test_patients_without_a_sequence_are_counted_by_sequence_and_single_gaps_are_no_missing_patient(monkeypatch):
    cohort, n = make_cohort(), len(make_cohort())
    vectors = np.ones((n, 6))
    vectors[:20, :3], vectors[10:40, 3:], vectors[50:60, 0], vectors[60:70, 3:5] = np.nan, np.nan, np.nan, np.nan
    arrays = {"image.tokens": np.ones((n, 16, 6)), "image.vector": vectors}
    monkeypatch.setattr(
        encoding, "encode_cohort", lambda *_: Embeddings(cohort.ids, arrays, sequences=("dwi", "flair"))
    )
    console = Console(file=StringIO(), width=200)
    encode(Settings(), cohort, parse_endpoint("nihss < 7"), console)
    assert f"Missing     image.dwi of 20, image.flair of 30 of {n} patients" in console.file.getvalue()


def test_hospitals_of_which_none_is_judged_are_not_left_out_one_by_one(monkeypatch: pytest.MonkeyPatch):
    whole, settings = make_cohort(), Settings(protocol="loho", outcome="nihss < 7", seeds=(39,))
    site = pd.Series([f"h{number // 3:02d}" for number in range(len(whole))], whole.table.index)
    for cohort, words in ((replace(whole, site=site), "hospitals have fewer than 10 patients"), (whole, "encoded")):
        monkeypatch.setattr(build, "load_cohort", lambda *_, cohort=cohort, **__: cohort)
        monkeypatch.setattr(build, "encode", Mock(side_effect=StrokebenchError("encoded")))
        with pytest.raises(StrokebenchError, match=words):
            build.build_context(settings, Console(file=StringIO()))
