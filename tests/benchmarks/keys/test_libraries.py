"""Versions in a key: those of what is called, and of a plugin all that it requires."""

import importlib
import sys
from functools import cache
from pathlib import Path

import pytest
from house_copy import forget

from strokebench.benchmarks.keys import libraries
from strokebench.benchmarks.keys.code import fit_code
from strokebench.benchmarks.keys.libraries import versions_of
from strokebench.tasks.endpoints.binary import Binary

PLUGIN = '''
from dataclasses import dataclass
import helperlib
import neighbour
from strokebench.methods.svm import SVM

@dataclass(kw_only=True, eq=False, repr=False)
class Dep(SVM):
    """Scores by a library.

    Source: made up.
    """
    name, label, paper_row = "depmethod", "Dep", None
    def predict_proba(self, x):
        return helperlib.score(x.table) + neighbour.more
'''


installed = cache(libraries.packages_distributions)


class Site:
    """A folder in which packages are installed.

    Args:
        path: called `site-packages`: what lies there counts by its version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def install(self, name: str, version: str, source: str = "", requires: str = "", points: str = "") -> None:
        about = self.path / f"{name}.dist-info"
        about.mkdir(exist_ok=True)
        needs = f"Requires-Dist: {requires}\n" if requires else ""
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
        (about / "entry_points.txt").write_text(points)
        if source:
            (self.path / f"{name}.py").write_text(source)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "site-packages"
    path.mkdir()
    # To look through all that is installed takes a second each time, and tells nothing of these.
    monkeypatch.setattr(libraries, "packages_distributions", lambda: installed())
    monkeypatch.syspath_prepend(str(path))
    site = Site(path)
    site.install("deeplib", "1.0")
    site.install("helperlib", "1.0", "def score(t): return t", requires="deeplib")
    (path / "neighbour.py").write_text("more = 1\n")
    points = "[strokebench.methods]\ndepmethod = plug_dep:Dep\n"
    site.install("plug_dep", "0.1", PLUGIN, requires="helperlib>=1", points=points)
    importlib.invalidate_caches()
    yield site
    for name in ("plug_dep", "helperlib", "neighbour"):
        sys.modules.pop(name, None)
    clear()


def clear() -> None:
    forget()
    for cached in vars(libraries).values():
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()
    importlib.invalidate_caches()


def code():
    clear()
    return fit_code("depmethod", "none", Binary)


def test_a_plugin_counts_with_all_that_it_requires(site: Site):
    before = code()
    assert {"plug_dep": "0.1", "helperlib": "1.0", "deeplib": "1.0"}.items() <= before.versions.items()
    assert "scikit-learn" in before.versions and "torch" not in before.versions
    site.install("helperlib", "2.0", requires="deeplib")
    assert code().versions["helperlib"] == "2.0" and code().sha256 == before.sha256
    site.install("deeplib", "1.1")
    assert code().versions["deeplib"] == "1.1"
    (site.path / "plug_dep.py").write_text(PLUGIN.replace("x.table)", "x.table + 1)"))
    assert code().sha256 != before.sha256


def test_a_module_of_no_distribution_counts_by_its_source(site: Site):
    before = code()
    (site.path / "neighbour.py").write_text("more = 2\n")
    assert code().sha256 != before.sha256


def test_what_a_library_requires_is_its_own_business(site: Site):
    clear()
    site.install("otherlib", "1.0", "x = 1", requires="deeplib")
    assert versions_of(["otherlib", "sklearn"]).keys() == {"otherlib", "scikit-learn"}


def test_each_method_counts_the_libraries_that_it_calls():
    forest, network = fit_code("random_forest", "none", Binary), fit_code("mlp", "smote", Binary)
    assert "scikit-learn" in forest.versions and not {"torch", "xgboost", "imbalanced-learn"} & set(forest.versions)
    assert {"torch", "imbalanced-learn"} <= set(network.versions) and "xgboost" not in network.versions
    assert "xgboost" in fit_code("xgboost", "none", Binary).versions
