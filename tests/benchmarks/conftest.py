import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from planted_methods import PLANTED
from rich.console import Console

from strokebench.benchmarks.running.process import set_privacy

SUPPORT = Path(__file__).parent.parent / "support"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Everything written goes below a fresh folder; the shell's own choices do not count."""
    for name in ("DATASET", "OUTCOME", "PROTOCOL", "ENCODERS", "SEEDS", "JOBS", "QUICK", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STROKEBENCH_HOME", str(tmp_path / "home"))
    set_privacy()
    return tmp_path / "home"


@pytest.fixture
def console() -> Console:
    """A console that records."""
    return Console(record=True, width=160, file=Path(os.devnull).open("w"), highlight=False)


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The planted methods, known by entry point in every process that is started, and in this one."""
    _end_workers()
    package = tmp_path / "site" / "planted-0.1.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: planted\nVersion: 0.1\n")
    points = "\n".join(f"{method.name} = planted_methods:{method.__name__}" for method in PLANTED)
    (package / "entry_points.txt").write_text(f"[strokebench.methods]\n{points}\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(SUPPORT), str(tmp_path / "site")]))
    # Workers take over the path of this process.
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    yield
    _end_workers()


def _end_workers() -> None:
    """Workers live on between calls, with the environment that they were started in."""
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True, kill_workers=True)
