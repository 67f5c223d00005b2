import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from planted_methods import PLANTED
from rich.console import Console

from strokebench.benchmarks.keys import described
from strokebench.benchmarks.running.process import set_privacy
from strokebench.benchmarks.running.settings import Settings

SUPPORT = Path(__file__).parent.parent / "support"


@pytest.fixture(scope="session")
def described_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What methods say of themselves: a process that does not find it loads all of them, and PyTorch."""
    folder = tmp_path_factory.mktemp("described")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STROKEBENCH_HOME", str(folder))
        described._of_the_house.__wrapped__()
    return folder / "methods"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, described_once: Path) -> Path:
    """Everything written goes below a fresh folder; the shell's own choices do not count."""
    for name in (*(field.name.upper() for field in fields(Settings)), "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "home"))
    set_privacy()
    shutil.copytree(described_once, tmp_path / "home" / "methods")
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who does not say how many computes in this process: workers take seconds to start."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)


@pytest.fixture(autouse=True)
def undrawn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is run is looked at here; to draw it takes most of the time, and is tested with the reports."""
    if not request.node.get_closest_marker("every_format"):
        monkeypatch.setattr(Figure, "savefig", lambda _, path, **__: Path(path).write_bytes(b"drawn"))


@pytest.fixture
def console() -> Console:
    """A console that records."""
    return Console(record=True, width=160, file=Path(os.devnull).open("w"), highlight=False, markup=False)


@pytest.fixture
def planted(tmp_path: Path) -> Iterator[None]:
    """The planted methods, known by entry point in every process that is started, and in this one."""
    with planted_below(tmp_path):
        yield


@pytest.fixture(scope="module")
def planted_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The same for all tests of a file, which share their worker processes."""
    with planted_below(tmp_path_factory.mktemp("planted")):
        yield


@contextmanager
def planted_below(folder: Path) -> Iterator[None]:
    _end_workers()
    package = folder / "site" / "planted-0.1.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: planted\nVersion: 0.1\n")
    points = "\n".join(f"{method.name} = planted_methods:{method.__name__}" for method in PLANTED)
    (package / "entry_points.txt").write_text(f"[strokebench.methods]\n{points}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(SUPPORT), str(folder / "site")]))
        # Workers take over the path of this process.
        patch.syspath_prepend(str(folder / "site"))
        yield
    _end_workers()


def _end_workers() -> None:
    """Workers live on between calls, with the environment that they were started in."""
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True, kill_workers=True)
