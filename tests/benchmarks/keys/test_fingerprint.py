import importlib
import sys
from pathlib import Path

import pytest

from strokebench.benchmarks.keys import code as fingerprint
from strokebench.errors import StrokebenchError

METHOD = '''"""A method."""
import json
from other_party.layers import width
from . import sizes


class Net:
    """What it is."""

    hidden = 3  # a comment

    def fit(self):
        """Fit."""
        from other_party.late import rate
        return width * rate
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "other_party"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "net.py").write_text(METHOD)
    (folder / "layers.py").write_text("from other_party.deep import depth\nwidth = 4\n")
    (folder / "deep.py").write_text("depth = 1\n")
    (folder / "late.py").write_text("rate = 0.1\n")
    (folder / "sizes.py").write_text("small = 1\n")
    (folder / "unused.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "other_party"]:
        del sys.modules[name]


def digest() -> str:
    fingerprint.code_fingerprint.cache_clear()
    return fingerprint.code_fingerprint("other_party.net")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# a comment", "# another comment"),
        ("What it is.", "What it really is."),
        ('        """Fit."""\n', ""),
        ("    hidden = 3", "\n\n    hidden = (3)"),
    ],
)
def test_words_about_the_code_decide_nothing(package: Path, old: str, new: str):
    before = digest()
    edit(package / "net.py", old, new)
    assert digest() == before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("net.py", "hidden = 3", "hidden = 4"),
        ("layers.py", "width = 4", "width = 5"),
        ("deep.py", "depth = 1", "depth = 2"),
        ("late.py", "rate = 0.1", "rate = 0.2"),
        ("sizes.py", "small = 1", "small = 2"),
    ],
)
def test_code_decides_wherever_it_is_imported_from(package: Path, file: str, old: str, new: str):
    before = digest()
    edit(package / file, old, new)
    assert digest() != before


def test_code_that_is_not_imported_decides_nothing(package: Path):
    before = digest()
    edit(package / "unused.py", "1", "2")
    assert digest() == before


def test_our_methods_rest_on_preprocessing_and_training(monkeypatch: pytest.MonkeyPatch):
    seen = {}
    monkeypatch.setattr(fingerprint, "digest", lambda sources: seen.update(sources) or "")
    fingerprint.code_fingerprint.cache_clear()
    fingerprint.code_fingerprint("strokebench.methods.vdafm")
    fingerprint.code_fingerprint.cache_clear()
    for needed in ("methods.training", "methods.optimiser", "tasks.preprocessing", "tasks.balancing", "benchmarks.fit"):
        assert f"strokebench.{needed}" in seen
    for other in ("methods.traditional", "methods.registry", "datasets.files", "benchmarks.cli", "reports.table"):
        assert f"strokebench.{other}" not in seen


def test_code_without_source_is_refused():
    with pytest.raises(StrokebenchError, match="nowhere_to_be_found"):
        fingerprint.code_fingerprint("nowhere_to_be_found")
