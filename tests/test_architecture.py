"""Imports go down only, between rooms and within them, and never in a circle; no folder is crowded, no file long."""

import ast
import tomllib
from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GROUND = "strokebench"
"""Stands below all rooms; its `__init__.py` is the face of the whole and knows names only as strings."""
ROOMS = {
    "benchmarks": {"reports", "methods", "tasks", "datasets"},
    "reports": {"tasks", "datasets"},
    "methods": {"tasks", "datasets"},
    "tasks": {"datasets"},
    "datasets": set(),
}
MOST_FILES, MOST_LINES = 20, 400


def modules(root: Path) -> dict[str, Path]:
    """Every module of the house, by its installed name; without the door of the command, which leads into all rooms."""
    found = {}
    for room in (*ROOMS, GROUND):
        for path in sorted((root / room).rglob("*.py")):
            if path.name == "__main__.py":
                continue
            parts = path.relative_to(root).with_suffix("").parts
            name = ".".join(parts if room == GROUND else (GROUND, *parts))
            found[name.removesuffix(".__init__")] = path
    return found


def imports(name: str, path: Path, names: Iterable[str]) -> set[str]:
    """Our modules that a file imports: at once, within a function, or for the type checker alone."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in names else str(node.module))
    return {other for other in found if other in names and other != name}


def graph(root: Path) -> dict[str, set[str]]:
    """Module -> the modules that it imports."""
    found = modules(root)
    return {name: imports(name, path, found) for name, path in found.items()}


def room(name: str) -> str:
    """The room of a module; the ground's own modules stand directly in the package."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in ROOMS else GROUND


def upward(root: Path) -> list[str]:
    """Every arrow between rooms that is not allowed."""
    return [
        f"{name} imports {other}"
        for name, others in graph(root).items()
        for other in sorted(others)
        if (here := room(name)) != (there := room(other)) and there not in ROOMS.get(here, set()) | {GROUND}
    ]


def circle(arrows: dict[str, set[str]]) -> list[str]:
    """The nodes of one circle, or nothing."""
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def folders(root: Path) -> dict[str, set[str]]:
    """The same between sub-rooms: a folder -> those that its files import and that are neither within nor around it."""
    home = {name: path.parent.relative_to(root) for name, path in modules(root).items()}
    result: dict[str, set[str]] = {}
    for name, others in graph(root).items():
        here = home[name]
        apart = {there for other in others if here not in (there := home[other], *there.parents)}
        result.setdefault(str(here), set()).update(str(there) for there in apart if there not in here.parents)
    return result


def crowded(root: Path) -> list[str]:
    """Folders of too many files, and files of too many lines."""
    paths = list(modules(root).values())
    sources = [path.parent for path in paths if path.name != "__init__.py"]
    many = [f"{folder} holds {n} files" for folder in set(sources) if (n := sources.count(folder)) > MOST_FILES]
    lengths = {path: path.read_text(encoding="utf-8").count("\n") for path in paths}
    return many + [f"{path} has {n} lines" for path, n in lengths.items() if n > MOST_LINES]


def test_imports_between_rooms_go_down_only():
    assert upward(ROOT) == []


def test_no_circle_of_files():
    assert circle(graph(ROOT)) == []


def test_no_circle_of_sub_rooms():
    assert circle(folders(ROOT)) == []


def test_no_folder_is_crowded_and_no_file_long():
    assert crowded(ROOT) == []


def test_the_house_is_installed_as_a_whole():
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    installed = {package.removeprefix("strokebench.").replace(".", "/") for package in packages}
    assert {path.parent.relative_to(ROOT).as_posix() for path in modules(ROOT).values()} == installed


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A clean house of five modules."""
    for name in (*ROOMS, GROUND):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    (tmp_path / "strokebench/files.py").write_text("import json\n")
    (tmp_path / "tasks/splits.py").write_text("from strokebench.datasets.cohort import Cohort\n")
    (tmp_path / "datasets/cohort.py").write_text("from strokebench.files import home\n")
    (tmp_path / "methods/base.py").write_text("def fit():\n    from strokebench.methods.training import train\n")
    (tmp_path / "methods/training.py").write_text("import math\n")
    return tmp_path


def test_a_clean_house_passes(house: Path):
    assert upward(house) == [] and circle(graph(house)) == [] and crowded(house) == []


@pytest.mark.parametrize(
    "source",
    [
        "from strokebench.methods.base import Method\n",
        "import strokebench.methods.base\n",
        "from strokebench.methods import base\n",
        "def late():\n    from strokebench.methods.base import Method\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from strokebench.methods.base import Method\n",
    ],
)
@pytest.mark.parametrize("file", ["tasks/splits.py", "strokebench/files.py", "reports/table.py"])
def test_an_upward_arrow_is_caught(house: Path, source: str, file: str):
    (house / file).write_text(source)
    [found] = upward(house)
    assert found.endswith("imports strokebench.methods.base")


@pytest.mark.parametrize(
    "back",
    [
        "from strokebench.tasks.splits import x\n",
        "from strokebench.tasks import splits\n",
        "def late():\n    from strokebench.tasks.splits import x\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from strokebench.tasks.splits import x\n",
    ],
)
def test_a_circle_is_caught(house: Path, back: str):
    (house / "tasks/splits.py").write_text("from strokebench.tasks.outcomes import y\n")
    (house / "tasks/outcomes.py").write_text(back)
    assert {"strokebench.tasks.splits", "strokebench.tasks.outcomes"} <= set(circle(graph(house)))


def test_a_circle_of_sub_rooms_is_caught(house: Path):
    for name in ("fitting/scale", "fitting/impute", "judging/auc", "judging/curve"):
        (house / "tasks" / name).parent.mkdir(exist_ok=True)
        (house / f"tasks/{name}.py").touch()
    (house / "tasks/fitting/scale.py").write_text("from strokebench.tasks.judging.auc import auc\n")
    assert circle(folders(house)) == []
    (house / "tasks/judging/curve.py").write_text("from strokebench.tasks.fitting.impute import impute\n")
    assert circle(graph(house)) == [] and {"tasks/fitting", "tasks/judging"} <= set(circle(folders(house)))


def test_a_crowd_and_a_long_file_are_caught(house: Path):
    for number in range(MOST_FILES):
        (house / f"tasks/more_{number}.py").touch()
    (house / "datasets/cohort.py").write_text("\n" * (MOST_LINES + 1))
    assert len(crowded(house)) == 2
