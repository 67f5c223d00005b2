"""The wheel holds everything that the program reads, not only the tree it was built from."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("benchmarks", "datasets", "methods", "reports", "tasks")
GROUND = "strokebench"


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The project installed as a user gets it, with the environment's own libraries beside it."""
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    # A copy, so that no build folder is left in the tree.
    source = tmp_path_factory.mktemp("source")
    for name in (*ROOMS, GROUND, "pyproject.toml", "README.md", "LICENSE"):
        (source / name).symlink_to(ROOT / name)
    subprocess.run([*pip, "--no-build-isolation", "--no-index", "--target", target, source], check=True)
    return target


def test_every_package_of_the_tree_is_declared():
    declared = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    found = {
        "strokebench." + ".".join(file.parent.relative_to(ROOT).parts)
        for room in ROOMS
        for file in (ROOT / room).rglob("__init__.py")
    }
    assert found | {GROUND} == declared


def test_every_file_of_the_rooms_is_in_the_wheel(installed):
    for room in ROOMS:
        for file in (ROOT / room).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                assert (installed / "strokebench" / file.relative_to(ROOT)).is_file(), file


def test_the_installed_command_runs_without_the_tree(installed, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(installed), "STROKEBENCH_HOME": str(tmp_path)}
    code = (
        "import strokebench.reports.paper.numbers as paper;"
        f"assert str(paper.__file__).startswith({str(installed)!r}), paper.__file__;"
        "from strokebench.reports.paper.numbers import paper_number;"
        "assert paper_number('table1', 'vdafm', 'AUC').mean == 81.06;"
        "from strokebench.methods.registry import all_methods;"
        "assert len(all_methods()) >= 12"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=environment)
