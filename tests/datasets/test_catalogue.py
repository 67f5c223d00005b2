from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from strokebench.datasets.catalogue import COHORTS, load_cohort
from strokebench.datasets.virtual import generate
from strokebench.errors import StrokebenchError


def test_the_default_comes_first_and_says_that_it_is_invented():
    assert COHORTS.names()[0] == "virtual"
    assert "invented" in COHORTS.find("virtual").__doc__ and "invented" not in COHORTS.find("soop").__doc__


def test_each_official_seed_is_a_cohort_of_its_own_name(monkeypatch):
    first = generate.load(0, 12, jobs=1)
    monkeypatch.setattr(generate, "load", lambda seed: replace(first, about={"seed": seed}))
    for seed in range(1, 5):
        cohort = load_cohort(f"virtual-{seed}")
        assert (cohort.about["seed"], cohort.name) == (seed, f"virtual-{seed}") and str(seed) in cohort.title
        assert f"seed {seed}" in COHORTS.find(cohort.name).__doc__


@pytest.mark.parametrize("given", ["virtuel", Path("virtuel")])
def test_an_unknown_name_lists_the_known_ones(given):
    with pytest.raises(StrokebenchError) as error:
        load_cohort(given)
    assert "Did you mean virtual?" in error.value.message
    assert all(name in error.value.hint for name in COHORTS.names())


def test_a_missing_yaml_file_is_named(tmp_path):
    with pytest.raises(StrokebenchError, match=r"mine\.yaml"):
        load_cohort(str(tmp_path / "mine.yaml"))


@pytest.mark.parametrize("suffix", [".yaml", ".YML"])
def test_a_yaml_file_goes_to_the_folder_loader(tmp_path, monkeypatch, suffix):
    folder = ModuleType("strokebench.datasets.own.load")
    folder.load = lambda path: ("loaded", path)
    monkeypatch.setitem(sys.modules, "strokebench.datasets.own.load", folder)
    path = tmp_path / f"mine{suffix}"
    path.touch()
    assert load_cohort(str(path)) == ("loaded", path)


def test_a_name_goes_to_its_own_loader(monkeypatch):
    monkeypatch.setitem(COHORTS.own, "mine", lambda: "loaded")
    with pytest.raises(StrokebenchError, match="'mine' gives no cohort but str"):
        load_cohort("mine")


def test_listing_brings_in_nothing_heavy():
    code = (
        "import sys; import strokebench.datasets.catalogue;"
        "heavy = {'torch', 'nilearn', 'nibabel', 'sklearn', 'matplotlib'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
