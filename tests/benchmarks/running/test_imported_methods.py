"""A method that neither lies in the house nor has an entry point: a script imports it, and so does each worker."""

import sys
from importlib import import_module
from pathlib import Path

import pytest
from house_copy import forget
from rich.console import Console
from small_context import make_context

from strokebench.benchmarks.experiments.table1 import Table1
from strokebench.benchmarks.running.backends.dask import _remote
from strokebench.benchmarks.running.plans import fits
from strokebench.benchmarks.running.runner import plan_runs
from strokebench.benchmarks.running.task import compute
from strokebench.errors import StrokebenchError
from strokebench.methods import registry
from strokebench.methods.svm import SVM

SOURCE = """
from strokebench.methods.registry import register
from strokebench.methods.svm import SVM


@register
class Mine(SVM):
    name, label, paper_row = "mine", "Mine", None
"""


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch):
    registry.all_methods()
    monkeypatch.setattr(registry.METHODS, "own", dict(registry.METHODS.own))


@pytest.mark.parametrize("computes", [compute, _remote], ids=["processes", "cluster"])
def test_a_worker_imports_the_file_of_a_method_that_the_script_has_imported(
    computes, tmp_path: Path, monkeypatch, console
):
    # What one of them reads is no concern of the other.
    forget()
    (tmp_path / "of_mine.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    import_module("of_mine")
    context = make_context(folds=1, methods=("mine",))
    [task] = fits({key: (run, context) for run, key in plan_runs(Table1(), context, console)})
    # As a new process has it.
    del registry.METHODS.own["mine"], sys.modules["of_mine"]
    assert computes(task, context.material).predictions
    del registry.METHODS.own["mine"], sys.modules["of_mine"]
    (tmp_path / "of_mine.py").unlink()
    [record] = computes(task, context.material).records.values()
    assert "ModuleNotFoundError: No module named 'of_mine'" in record["error"]


def test_a_method_of_the_script_itself_is_refused_where_workers_would_fit_it(console: Console):
    class Mine(SVM):
        name, label = "mine", "Mine"

    Mine.__module__, Mine.__qualname__ = "__main__", "Mine"
    registry.register(Mine)
    with pytest.raises(StrokebenchError, match="mine is defined in the script itself"):
        plan_runs(Table1(), make_context(methods=("mine",), jobs=2), console)
