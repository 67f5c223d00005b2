"""Imports go down only: benchmarks, reports, methods, tasks, datasets; and never in a circle."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ALLOWED = {
    "benchmarks": {"reports", "methods", "tasks", "datasets"},
    "reports": {"tasks", "datasets"},
    "methods": {"tasks", "datasets"},
    "tasks": {"datasets"},
    "datasets": set(),
}


def modules(root: Path) -> dict[str, Path]:
    """Every module of the rooms, by its installed name."""
    found = {}
    for room in ALLOWED:
        for path in sorted((root / room).rglob("*.py")):
            parts = ["strokebench", *path.relative_to(root).with_suffix("").parts]
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, names: set[str], at_import_time: bool = False) -> set[str]:
    """Our modules that a file imports, anywhere in it or only while it is itself imported."""
    found = set()
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if at_import_time and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if at_import_time and isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            pending += node.orelse
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in names else str(node.module))
        pending += ast.iter_child_nodes(node)
    return {name for name in found if name.startswith("strokebench.")}


def upward(root: Path) -> list[str]:
    """Every arrow between rooms that is not allowed."""
    found = modules(root)
    return [
        f"{name} imports {other}"
        for name, path in found.items()
        for other in sorted(imports(path, set(found)))
        if (room := name.split(".")[1]) != (target := other.split(".")[1]) and target not in ALLOWED[room]
    ]


def circle(root: Path) -> list[str]:
    """The modules of one circle of imports, or nothing."""
    found = modules(root)
    graph = {name: imports(path, set(found), at_import_time=True) - {name} for name, path in found.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_imports_go_down_only():
    assert upward(ROOT) == []


def test_no_circle():
    assert circle(ROOT) == []


def test_rooms_are_complete():
    with (ROOT / "pyproject.toml").open("rb") as file:
        import tomllib

        packages = tomllib.load(file)["tool"]["setuptools"]["packages"]
    installed = {package.removeprefix("strokebench.").replace(".", "/") for package in packages}
    there = {str(path.parent.relative_to(ROOT)) for room in ALLOWED for path in (ROOT / room).rglob("*.py")}
    assert there == installed


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A clean house of four modules."""
    for room in ALLOWED:
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").touch()
    (tmp_path / "tasks/splits.py").write_text("from strokebench.datasets.cohort import Cohort\n")
    (tmp_path / "datasets/cohort.py").write_text("import json\n")
    (tmp_path / "methods/base.py").write_text("def fit():\n    from strokebench.methods.training import train\n")
    (tmp_path / "methods/training.py").write_text("from strokebench.methods.base import fit\n")
    return tmp_path


def test_a_clean_house_passes(house: Path):
    assert upward(house) == [] and circle(house) == []


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
def test_an_upward_arrow_is_caught(house: Path, source: str):
    (house / "tasks/splits.py").write_text(source)
    [found] = upward(house)
    assert found.startswith("strokebench.tasks.splits imports strokebench.methods")


def test_reports_may_not_train(house: Path):
    (house / "reports/table.py").write_text("from strokebench.methods.base import Method\n")
    assert upward(house) == ["strokebench.reports.table imports strokebench.methods.base"]


@pytest.mark.parametrize("back", ["from strokebench.tasks.splits import x\n", "from strokebench.tasks import splits\n"])
def test_a_circle_is_caught(house: Path, back: str):
    (house / "tasks/splits.py").write_text("from strokebench.tasks.outcomes import y\n")
    (house / "tasks/outcomes.py").write_text(back)
    assert {"strokebench.tasks.splits", "strokebench.tasks.outcomes"} <= set(circle(house))
