"""Alarms on cohorts of which not every patient can be held against every other."""

from dataclasses import replace

import numpy as np
import pytest

from strokebench.benchmarks.leaks import nearness, untouched
from strokebench.benchmarks.leaks.nearness import near_pairs
from strokebench.benchmarks.leaks.untouched import preprocessing_touched


@pytest.fixture
def patients() -> np.ndarray:
    """300 patients with two equal pairs, one nearly equal pair, and one unknown patient."""
    x = np.random.default_rng(0).normal(size=(300, 4, 100)).astype(np.float32)
    x[290], x[291] = x[3], x[150]
    x[7] = x[5] + 0.01
    x[200] = np.nan
    return x


def test_all_pairs_are_found_in_blocks_of_any_size(patients, monkeypatch: pytest.MonkeyPatch):
    whole = near_pairs([patients], 0.25)
    assert set(whole) == {(3, 290), (5, 7), (150, 291)} and whole[3, 290] == whole[150, 291] == 0 < whole[5, 7]
    monkeypatch.setattr(nearness, "BLOCK", 17)
    assert near_pairs([patients], 0.25) == pytest.approx(whole)


def test_equal_patients_are_found_wherever_few_are_examined(patients):
    assert {(3, 290), (150, 291)} <= set(near_pairs([patients], 0.25, examined=10))


def test_arrays_are_read_from_maps(patients, tmp_path):
    np.save(tmp_path / "x.npy", patients)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert near_pairs([mapped], 0.25) == near_pairs([patients], 0.25)


def test_a_leak_of_the_pipeline_moves_a_part_of_the_patients_too(make, monkeypatch: pytest.MonkeyPatch):
    seen = []

    def leaky(cohort, embeddings, labels, fold, *rest):
        seen.append(len(embeddings.ids))
        age = cohort.table["age"]
        table = cohort.table.assign(age=age.fillna(age.mean()))
        return untouched.prepare(replace(cohort, table=table), embeddings, labels, fold, *rest)

    monkeypatch.setattr(untouched, "SEEN", 90)
    assert preprocessing_touched(make()) == []
    [finding] = preprocessing_touched(make(), leaky)
    assert finding.severity == "alarm" and max(seen) <= 90
