"""Options and settings of all tests."""

import os
import signal
import subprocess
import sys
from functools import cache
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

# Tests run beside each other; threads that outnumber cores cost ten times and more.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A proxy of the shell's is none for the servers that tests start.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

# What a script starts in the background ignores Ctrl-C, which some tests press.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

FAST = ("strokebench", "tasks", "methods/parts", "reports/audit", "reports/statistics", "reports/tables")
FAST += ("datasets/own", "datasets/public", "datasets/texts")
"""Folders whose tests are `fast`, but for those that are marked `slow`: no process is started, no network trained."""


@cache
def is_fast(path: Path) -> bool:
    return any(path.is_relative_to(Path(__file__).parent / folder) for folder in FAST)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--method",
        action="append",
        metavar="NAME",
        help="run only the conformance checks, on this registered method; may be given several times",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "conformance: a promise that every method must hold")
    config.addinivalue_line("markers", "fast: starts no process and trains no network; all of them take under a minute")
    config.addinivalue_line("markers", "long: kills calls or starts servers; `make test-all`, once a week")
    config.addinivalue_line("markers", "slow: is not fast, though its folder is")
    config.addinivalue_line("markers", "every_format: its pictures are drawn as PNG and PDF too, not as SVG alone")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    # What is not asked for need not be imported.
    unasked = config.option.markexpr == "fast" and collection_path.suffix == ".py" and not is_fast(collection_path)
    return unasked or None


@pytest.fixture(autouse=True)
def one_format(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures take most of the time of what draws; `demo` and what is marked `every_format` have all formats."""
    if request.node.get_closest_marker("every_format"):
        return
    if section := sys.modules.get("strokebench.reports.tables.section"):
        monkeypatch.setattr(section, "FIGURE_FORMATS", ("svg",))


@pytest.fixture(autouse=True)
def fast_is_fast(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that is marked `fast` fails where it does what others wait for."""
    if request.node.get_closest_marker("fast") is None:
        return

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("A fast test starts no process and trains no network; mark it `slow`.")

    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)
    monkeypatch.setattr(BaseProcess, "start", refuse)
    if neural := sys.modules.get("strokebench.methods.neural"):
        monkeypatch.setattr(neural.NeuralMethod, "fit", refuse)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if is_fast(item.path) and not item.get_closest_marker("slow"):
            item.add_marker("fast")
    if not config.getoption("--method"):
        return
    wanted = [item for item in items if item.get_closest_marker("conformance")]
    config.hook.pytest_deselected(items=[item for item in items if item not in wanted])
    items[:] = wanted


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "conforming_method" not in metafunc.fixturenames:
        return
    from strokebench.methods.registry import all_methods, find_method

    names = metafunc.config.getoption("--method") or list(all_methods())
    metafunc.parametrize("conforming_method", [find_method(name).name for name in names], scope="session")
