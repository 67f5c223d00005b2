"""What is imported from a face is there, quickly, and what its examples say is true."""

import ast
import doctest
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FACES = ("strokebench", *(f"strokebench.{room}" for room in ("benchmarks", "datasets", "methods", "reports", "tasks")))


@pytest.mark.parametrize("name", FACES)
def test_every_name_of_a_face_is_there_and_documented(name: str):
    face = importlib.import_module(name)
    assert face.__all__
    for own in face.__all__:
        thing = getattr(face, own)
        assert thing.__doc__ and thing is getattr(face, own)


@pytest.mark.parametrize("name", FACES)
def test_the_examples_are_true(name: str):
    failed, tried = doctest.testmod(importlib.import_module(name))
    assert failed == 0 and tried + (name == "strokebench.reports") > 0


def test_a_face_brings_in_nothing_heavy():
    code = (
        "import sys, strokebench as s; s.__version__; dir(s); print({'torch', 'pandas', 'mlflow'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nothing"):
        importlib.import_module("strokebench").nothing  # noqa: B018


def test_the_house_itself_does_not_go_through_its_faces():
    """They are for others: within the house an import names the file, so that no circle hides behind a face."""
    through = []
    for room in ("strokebench", "benchmarks", "datasets", "methods", "reports", "tasks"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and node.module in FACES:
                    names = {alias.name for alias in node.names}
                    through += [str(path)] if names & set(importlib.import_module(node.module).__all__) else []
    assert through == []
