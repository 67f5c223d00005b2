"""Results and their package, computed once for all tests and copied below each one's home."""

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from shared_packages import SALT, compute

from strokebench.benchmarks.sharing.export import export_results
from strokebench.reports.results import Results

Made = Callable[..., tuple[Results, Path]]


@pytest.fixture(scope="session")
def computed_once(tmp_path_factory: pytest.TempPathFactory, described_once: Path) -> Made:
    """Of these methods: the results, and the folder of their home and package."""

    @cache
    def make(*methods: str) -> tuple[Results, Path]:
        folder = tmp_path_factory.mktemp("shared")
        shutil.copytree(described_once, folder / "home" / "methods")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STROKEBENCH_HOME", str(folder / "home"))
            results = compute(*methods)
            export_results(folder / "whole.zip", [], SALT)
        return results, folder

    return make


@pytest.fixture
def shared(computed_once: Made, home: Path, tmp_path: Path) -> Made:
    """The same in this test's home: the results and the package."""

    def place(*methods: str) -> tuple[Results, Path]:
        results, folder = computed_once(*methods)
        shutil.copytree(folder / "home", home, dirs_exist_ok=True)
        return results, Path(shutil.copy(folder / "whole.zip", tmp_path))

    return place
