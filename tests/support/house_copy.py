"""A copy of the house that tests may edit, and what a run's key makes of it."""

import re
import shutil
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path

import pytest

import strokebench
from strokebench.benchmarks.keys import code, reach, sources

METHODS = {
    "vdafm": "VDAFM",
    "concat": "Concat",
    "mlp": "MLP",
    "xgboost": "XGBoost",
    "random_forest": "RandomForest",
    "svm": "SVM",
}
BINARY = "strokebench.tasks.endpoints.binary.Binary"
PARSED = cache(sources.parsed)
ROOMS = ("benchmarks", "datasets", "methods", "reports", "tasks")


class House:
    """Sources below a folder, laid out as an installed package.

    Args:
        folder: to be on the path of a process that shall import the copy.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "strokebench"
        self._written: dict[Path, str | None] = {}
        rooms = Path(code.__file__).parents[2]
        shutil.copytree(Path(strokebench.__file__).parent, self.root, ignore=shutil.ignore_patterns("__pycache__"))
        for room in ROOMS:
            shutil.copytree(rooms / room, self.root / room, ignore=shutil.ignore_patterns("__pycache__"))

    def edit(self, old: str, new: str, where: str = "") -> None:
        """Change the one place that a regular expression finds in a room or a file, wherever it stands there."""
        place = self.root / where
        files = [place] if place.is_file() else sorted(place.rglob("*.py"))
        found = [path for path in files for _ in re.findall(old, path.read_text())]
        assert len(found) == 1, f"{old!r} stands in {[str(path.relative_to(self.root)) for path in found]}"
        self._written.setdefault(found[0], found[0].read_text())
        found[0].write_text(re.sub(old, new, found[0].read_text()))

    def add(self, name: str, text: str) -> None:
        """A new file."""
        path = self.root / name
        assert not path.exists()
        self._written[path] = None
        path.write_text(text)

    def restore(self) -> None:
        """Undo all edits."""
        for path, text in self._written.items():
            path.unlink() if text is None else path.write_text(text)
        self._written.clear()

    @cached_property
    def original(self) -> dict[str, str]:
        """`codes` before any edit."""
        assert not self._written
        return self.codes()

    def codes(self, balance: str = "smote", on_gpu: bool = False) -> dict[str, str]:
        """Hash of the code that a run of each of `METHODS` reaches."""
        forget()
        return {
            name: code._fit_code(f"strokebench.methods.{name}.{cls}", balance, BINARY, on_gpu).sha256
            for name, cls in METHODS.items()
        }


def forget() -> None:
    """Read all sources anew."""
    for cached in (sources.find_module, sources.is_library, reach._reading, code._fit_code, code.code_of):
        cached.cache_clear()
    sources._READ.clear()


@pytest.fixture(scope="session")
def _copy(tmp_path_factory: pytest.TempPathFactory) -> House:
    return House(tmp_path_factory.mktemp("site"))


@pytest.fixture
def house(_copy: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A copy that keys are taken from; the code that runs is still the real one."""
    monkeypatch.setattr(sources, "FOLDERS", [_copy.root])
    # An edit changes one file of hundreds.
    monkeypatch.setattr(sources, "parsed", PARSED)
    yield _copy
    _copy.restore()
    monkeypatch.undo()
    forget()
