"""The guide's example of a method is real: installed as another package, it keeps every promise that ours keep."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from strokebench.methods import registry

GUIDE = Path(__file__).parents[2] / "CONTRIBUTING.md"
PROBE = """
import json
from strokebench.methods.conformance import check
from strokebench.methods.registry import all_methods

methods = all_methods()
failed = {result.name: result.message for result in check(methods["gated_fusion"]) if not result.passed}
print(json.dumps({"failed": failed, "ours": sum(method.paper_row is not None for method in methods.values())}))
"""


def code_blocks(language: str) -> list[str]:
    section = GUIDE.read_text(encoding="utf-8").partition("## Add a method in one file")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, flags=re.DOTALL)


def run(*command: str, **environment: str) -> subprocess.CompletedProcess:
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done


def test_example_is_short():
    (method,) = code_blocks("python")
    code = [line for line in method.splitlines() if line.strip()]
    assert len(code) < 40


def test_example_inside_this_repository_needs_the_decorator_alone(monkeypatch):
    (method,) = code_blocks("python")
    registry.all_methods()
    monkeypatch.setattr(registry.METHODS, "own", dict(registry.METHODS.own))
    exec(
        method.replace("@dataclass(", "@registry.register\n@dataclass("), {"__name__": "example", "registry": registry}
    )
    assert registry.find_method("gated_fusion").label == "Gated fusion"


def test_example_installed_beside_ours_keeps_every_promise(tmp_path):
    pytest.importorskip("pip", reason="installing the example needs pip")
    (method,), (project,) = code_blocks("python"), code_blocks("toml")
    source, target = tmp_path / "source", tmp_path / "installed"
    source.mkdir()
    (source / "gated_fusion.py").write_text(method)
    (source / "pyproject.toml").write_text(project)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(*pip, "--no-deps", "--no-index", "--no-build-isolation", "--target", str(target), str(source))
    probe = json.loads(run(sys.executable, "-c", PROBE, PYTHONPATH=str(target)).stdout)
    assert probe == {"failed": {}, "ours": 12}
