"""Options and settings of all tests."""

import os

import pytest

# Tests run beside each other; threads that outnumber cores cost ten times and more.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--method",
        action="append",
        metavar="NAME",
        help="run only the conformance checks, on this registered method; may be given several times",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "conformance: a promise that every method must hold")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
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
